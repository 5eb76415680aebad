// Serves the pages of players and of the screen, and stands between them and the patch, which decides everything.
//
// The patch is in the namespace `/`, where it needs the token. What it gets is one JSON object:
//   join {player, name}               somebody plays; also an answer to hello, for each who does
//   leave {player}                    the last page of a player has gone
//   answer {player, number, choice}   a choice (from 0) for the question of that number
//   next {}                           the button of the screen
// What it sends is text:
//   hello                             it has come, or begins: who is there?
//   state JSON                        what all pages show; kept for those who come later
//   left SECONDS                      until the time is up
//   answered PLAYER                   who has answered meanwhile
//
// Pages are in `/players`, and know who they are by a secret of their own. They get `you` (an id that others may see),
// `address` (for other players), `state` (null while there is no patch), `left` and `answered`. They send `join NAME`, answered with
// what is wrong with it or null, `answer NUMBER CHOICE`, and those that know the token `next`.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { extname } from 'node:path';
import { Server } from 'socket.io';

const { PORT = 3000, HOST = '127.0.0.1', SHOW_TOKEN = 'rehearsal' } = process.env;
const MOST_PLAYERS = 200;
const PAGES = { '/': 'index.html', '/screen': 'screen.html' };
const FILES = new Set(['index.html', 'play.js', 'screen.html', 'screen.js', 'style.css']);
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' };

const http = createServer(async (request, response) => {
  const path = request.url.replace(/\?.*/, '');
  const name = PAGES[path] ?? path.slice(1);
  if (!FILES.has(name)) return response.writeHead(404).end();
  const file = await readFile(new URL(`page/${name}`, import.meta.url));
  response.writeHead(200, { 'Content-Type': TYPES[extname(name)], 'Cache-Control': 'no-cache' }).end(file);
});
const io = new Server(http, { maxHttpBufferSize: 1e5 });
const show = io.of('/');
const pages = io.of('/players');

let state = null;
const playing = new Map(); // by id: { name, sockets }

// Pages are on the open network: what they send may be anything.
const text = (value, most) =>
  typeof value === 'string' ? [...value.slice(0, 1000).replace(/\p{C}/gu, '').trim()].slice(0, most).join('') : '';
const small = (value) => (Number.isInteger(value) && value >= 0 && value < 1000 ? value : -1);
const reply = (answer, ...args) => typeof answer === 'function' && answer(...args);

function tell(news) {
  state = news;
  pages.emit('state', state);
}

show.use((socket, next) => next(socket.handshake.auth?.token === SHOW_TOKEN ? undefined : new Error('wrong token')));
show.on('connection', (socket) => {
  console.log('the quiz is here');
  socket.on('hello', () => playing.forEach(({ name }, player) => socket.emit('join', { player, name })));
  socket.on('state', (message) => {
    try {
      tell(JSON.parse(message));
    } catch (error) {
      console.log(`the quiz sent a state that is no JSON: ${error.message}`);
    }
  });
  socket.on('left', (seconds) => {
    if (state) state.left = Number(seconds);
    pages.emit('left', Number(seconds));
  });
  socket.on('answered', (player) => {
    if (state && !state.answered.includes(player)) state.answered.push(player);
    pages.emit('answered', player);
  });
  socket.on('disconnect', (reason) => {
    console.log(`the quiz is gone: ${reason}`);
    if (show.sockets.size === 0) tell(null);
  });
});

pages.on('connection', (socket) => {
  const { secret, token } = socket.handshake.auth ?? {};
  const player = createHash('sha256').update(text(secret, 100) || socket.id).digest('base64url').slice(0, 12);
  const mayAsk = token === SHOW_TOKEN;
  socket.emit('you', player);
  socket.emit('address', address());
  socket.emit('state', state);
  socket.on('join', (wish, answer) => {
    const name = text(wish, 20);
    if (!name) return reply(answer, 'Please say who you are.');
    if (!playing.has(player) && playing.size >= MOST_PLAYERS) return reply(answer, 'The hall is full. Watch the screen!');
    const one = playing.get(player) ?? { name, sockets: new Set() };
    one.sockets.add(socket.id);
    playing.set(player, one);
    show.emit('join', { player, name: one.name });
    reply(answer, null);
  });
  socket.on('answer', (number, choice) => {
    if (playing.has(player)) show.emit('answer', { player, number: small(number), choice: small(choice) });
  });
  socket.on('next', () => {
    if (mayAsk) show.emit('next', {});
  });
  socket.on('disconnect', () => {
    const one = playing.get(player);
    if (!one?.sockets.delete(socket.id) || one.sockets.size > 0) return;
    playing.delete(player);
    show.emit('leave', { player });
  });
});

/** Where other devices find the pages. */
function address() {
  const { port } = http.address();
  const everywhere = HOST === '0.0.0.0' || HOST === '::';
  const own = everywhere && Object.values(networkInterfaces()).flat().find((one) => one.family === 'IPv4' && !one.internal);
  return `http://${everywhere ? own?.address ?? 'localhost' : HOST}:${port}/`;
}

http.listen(PORT, HOST, () => {
  console.log(`players come to ${address()}`);
  console.log(`the screen is at ${address()}screen?token=${encodeURIComponent(SHOW_TOKEN)}`);
});
