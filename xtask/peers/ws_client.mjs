// Benchmark peer: ws as a client on Node. Usage: ws_client.mjs PORT flood|echo
//
// Does nothing with a message, or sends it back.

import WebSocket from "ws";

const [port, mode] = process.argv.slice(2);
const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: false });
const echo = (data, binary) => socket.send(data, { binary });
socket.on("message", mode === "echo" ? echo : () => {});
