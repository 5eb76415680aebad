// A WebSocket client on Node's `ws`, led by lines of JSON on standard input; tells what happens as lines of JSON.
// {"open": url, "protocols": [], "options": {}}, {"text": "…"}, {"binary": hex}, {"ping": hex}, {"pong": hex},
// {"fragments": ["…", "…"]}, {"close": [code, reason]}, {"terminate": true}
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const { WebSocket } = createRequire(`${process.argv[2]}/`)('ws');
const tell = (...event) => process.stdout.write(`${JSON.stringify(event)}\n`);
let socket;

function open({ open: url, protocols = [], options = {} }) {
  socket = new WebSocket(url, protocols, { perMessageDeflate: true, ...options });
  socket.on('open', () => tell('open', socket.protocol, socket.extensions));
  socket.on('message', (data, binary) => tell(binary ? 'binary' : 'text', data.toString(binary ? 'hex' : 'utf8')));
  socket.on('ping', (data) => tell('ping', data.toString('hex')));
  socket.on('pong', (data) => tell('pong', data.toString('hex')));
  socket.on('unexpected-response', (request, response) => tell('refused', response.statusCode, response.statusMessage));
  socket.on('error', (error) => tell('error', error.message));
  socket.on('close', (code, reason) => tell('close', code, reason.toString()));
}

const acts = {
  open: (_, line) => open(line),
  text: (text) => socket.send(text),
  binary: (hex) => socket.send(Buffer.from(hex, 'hex')),
  ping: (hex) => socket.ping(Buffer.from(hex, 'hex')),
  pong: (hex) => socket.pong(Buffer.from(hex, 'hex')),
  fragments: (parts) => parts.forEach((part, at) => socket.send(part, { fin: at === parts.length - 1 })),
  close: ([code, reason]) => socket.close(code, reason),
  terminate: () => socket.terminate(),
};

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const given = JSON.parse(line);
    const name = Object.keys(given)[0];
    acts[name](given[name], given);
  })
  .on('close', () => process.exit(0));
