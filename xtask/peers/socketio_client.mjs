// Benchmark peer: socket.io-client on Node. Usage: socketio_client.mjs PORT receive|send|echo|answer|request
//
// What the modes do with the events of the server says xtask/src/bench/socketio/server.rs.

import { io } from "socket.io-client";

const [port, mode] = process.argv.slice(2);
const socket = io(`http://127.0.0.1:${port}`, { transports: ["websocket"], reconnection: false });

const request = (text) => socket.emit("e", text, (answer) => request(answer));
const onEvent = {
  receive: () => {},
  echo: (text) => socket.emit("e", text),
  answer: (text, acknowledge) => acknowledge(text),
};
const onMark = {
  send: (count, text) => {
    for (let sent = 0; sent < count; sent += 1) socket.emit("e", text);
  },
  request: (count, text) => request(text),
};
const taken = (...args) => args.at(-1)();
socket.on("e", onEvent[mode] ?? (() => {}));
socket.on("m", onMark[mode] ?? taken);
socket.on("disconnect", () => process.exit());
