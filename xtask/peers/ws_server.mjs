// Benchmark peer: Node's own HTTP server with ws. Usage: ws_server.mjs PORT
//
// Answers every GET with the benchmark's body and echoes WebSocket text messages.

import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const body = "Hello from the Patchcord bench";
const headers = { "Content-Type": "text/plain", "Content-Length": body.length };

const server = createServer((request, response) => {
  response.writeHead(200, headers);
  response.end(body);
});

const sockets = new WebSocketServer({ server });
sockets.on("connection", (socket) => {
  socket.on("message", (data, binary) => socket.send(data, { binary }));
});

server.listen(Number(process.argv[2]), "127.0.0.1");
