// A WebSocket server on Node's `ws`, led by lines of JSON on standard input; tells what happens as lines of JSON.
// {"listen": {options}}, {"text": "…"}, {"binary": hex}, {"ping": hex}, {"fragments": ["…", "…"]}, {"close": [code, reason]},
// {"terminate": true}: the latter go to all clients. Only requests with a right Host and Origin are let in.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const { WebSocketServer } = createRequire(`${process.argv[2]}/`)('ws');
const tell = (...event) => process.stdout.write(`${JSON.stringify(event)}\n`);
let server;

function listen(options) {
  const isRight = ({ origin, req }) => {
    const host = `localhost:${server.address().port}`;
    return req.headers.host === host && origin === `http://${host}`;
  };
  server = new WebSocketServer({ host: 'localhost', port: 0, verifyClient: isRight, ...options });
  server.on('listening', () => tell('listening', server.address().port));
  server.on('connection', (socket, request) => {
    tell('open', request.url, socket.protocol, socket.extensions);
    socket.on('message', (data, binary) => tell(binary ? 'binary' : 'text', data.toString(binary ? 'hex' : 'utf8')));
    socket.on('ping', (data) => tell('ping', data.toString('hex')));
    socket.on('pong', (data) => tell('pong', data.toString('hex')));
    socket.on('close', (code, reason) => tell('close', code, reason.toString()));
  });
}

const acts = {
  text: (socket, text) => socket.send(text),
  binary: (socket, hex) => socket.send(Buffer.from(hex, 'hex')),
  ping: (socket, hex) => socket.ping(Buffer.from(hex, 'hex')),
  fragments: (socket, parts) => parts.forEach((part, at) => socket.send(part, { fin: at === parts.length - 1 })),
  close: (socket, [code, reason]) => socket.close(code, reason),
  terminate: (socket) => socket.terminate(),
};

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [name, value] = Object.entries(JSON.parse(line))[0];
    if (name === 'listen') listen(value);
    else server.clients.forEach((socket) => acts[name](socket, value));
  })
  .on('close', () => process.exit(0));
