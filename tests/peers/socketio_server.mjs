// A Socket.IO server on npm's `socket.io`, version 2, 3 or 4; socketio_servers.py says what it does and how it is led.
// socketio_server.mjs PACKAGES PACKAGE {"port": 0, "limit": seconds, "recovery": bool, "msgpack": bool, "eio3": bool,
// "ping": [interval, timeout], "deflate": bool, "tls": {key, cert, ca: files; only clients of the ca are let in}}
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [packages, name, settings] = process.argv.slice(2);
const { port, limit, recovery, msgpack, eio3, ping, deflate, tls } = JSON.parse(settings);
const load = createRequire(`${packages}/`);
const socketio = load(name);
const asText = (_, value) => (value?.type === 'Buffer' ? { bytes: Buffer.from(value.data).toString('hex') } : value);
const tell = (...event) => process.stdout.write(`${JSON.stringify(event, asText)}\n`);

const files = Object.fromEntries(Object.entries(tls ?? {}).map(([name, file]) => [name, readFileSync(file)]));
const http = tls ? createSecureServer({ ...files, requestCert: true, rejectUnauthorized: true }) : createServer();
const io = new (socketio.Server ?? socketio)(http, {
  ...(recovery ? { connectionStateRecovery: {} } : {}),
  ...(msgpack ? { parser: load('socket.io-msgpack-parser') } : {}),
  ...(eio3 ? { allowEIO3: true } : {}),
  ...(deflate ? { perMessageDeflate: { threshold: 0 } } : {}),
  ...(ping ? { pingInterval: ping[0], pingTimeout: ping[1] } : {}),
});

const refusal = (message, data) => Object.assign(new Error(message), { data });
io.of('/deny').use((_, next) => next(refusal('denied', { code: 42 })));
// Version 2 has no auth; there the token is part of the query.
io.of('/token').use((socket, next) => {
  const { token } = socket.handshake.auth ?? socket.handshake.query;
  next(token === 'right' ? undefined : refusal('wrong token', { token: token ?? null }));
});

const events = {
  echo: (socket, args, answer) => {
    socket.emit('echo', ...args);
    answer(...args);
  },
  note: (socket, args, answer) => {
    tell('note', socket.nsp.name, args);
    answer();
  },
  ask: (socket, args) => socket.emit('question', ...args, (...answer) => tell('answer', socket.nsp.name, answer)),
  late: (_, [milliseconds], answer) => setTimeout(() => answer('late'), milliseconds),
  flood: (socket, [count]) => {
    for (let number = 0; number < count; number += 1) socket.emit('number', number);
  },
  count: (socket, [number]) => {
    if (number === socket.next) socket.next += 1;
  },
  counted: (socket, _, answer) => answer(socket.next),
  transport: (socket, _, answer) => answer(socket.conn.transport.name),
  extensions: (socket, _, answer) => answer(socket.conn.transport.socket?.extensions ?? ''),
  kick: (socket) => socket.disconnect(),
  kickall: (socket) => socket.disconnect(true),
};

function welcome(socket) {
  const { query, headers, auth = null } = socket.handshake;
  const transport = socket.conn.transport.name;
  tell('connect', socket.nsp.name, socket.id, { query, headers, auth, transport, recovered: !!socket.recovered });
  socket.next = 0;
  for (const [event, handle] of Object.entries(events)) {
    socket.on(event, (...args) => {
      const asked = typeof args.at(-1) === 'function';
      handle(socket, asked ? args.slice(0, -1) : args, asked ? args.at(-1) : () => {});
    });
  }
  socket.on('disconnect', (reason) => tell('disconnect', socket.nsp.name, socket.id, reason));
}
for (const namespace of ['/', '/admin', '/token']) io.of(namespace).on('connection', welcome);

const commands = {
  emit: (namespace, ...event) => io.of(namespace).emit(...event),
  drop: () => Object.values(io.engine.clients).forEach((client) => client.transport.socket.terminate()),
  close: () => io.close(() => process.exit(0)),
};
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [command, ...args] = JSON.parse(line);
    commands[command](...args);
  })
  .on('close', () => process.exit(0));
setTimeout(() => process.exit(0), limit * 1000);
http.listen(port, '127.0.0.1', () => tell('listening', http.address().port));
