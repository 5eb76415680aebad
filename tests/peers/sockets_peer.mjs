// A peer of plain sockets on Node's `net` and `dgram`, led by lines of JSON on stdin; it tells events as lists on stdout.
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

const tell = (...event) => console.log(JSON.stringify(event));
let end;
let server;

function attach(socket) {
  end = socket;
  socket.on("data", (data) => tell("data", data.toString("latin1")));
  socket.on("end", () => tell("end"));
  socket.on("close", () => tell("close"));
  socket.on("error", (error) => tell("error", error.code));
}

const commands = {
  connect({ port }) {
    const socket = connect(port, "127.0.0.1", () => tell("open"));
    attach(socket);
  },
  listen({ port }) {
    server = createServer((socket) => {
      attach(socket);
      tell("open");
    });
    server.listen(port, "127.0.0.1", () => tell("listening", server.address().port));
  },
  bind({ port }) {
    end = createSocket("udp4");
    end.on("message", (data, from) => {
      end.answers = from.port;
      tell("data", data.toString("latin1"));
    });
    end.bind(port, "127.0.0.1", () => tell("listening", end.address().port));
  },
  send({ text }) {
    end.write(Buffer.from(text, "latin1"));
  },
  datagram({ text, port }) {
    end.send(Buffer.from(text, "latin1"), port ?? end.answers, "127.0.0.1");
  },
  end() {
    end.end();
  },
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const { command, ...options } = JSON.parse(line);
  commands[command](options);
});
