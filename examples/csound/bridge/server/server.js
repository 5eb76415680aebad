// Serves the page to the audience, and stands between it and the patch.
//
// Pages are in the namespace `/`, the patch is in `/show`, where it needs the token:
//   pluck STRING STRENGTH  a page to the server, and the server to the patch; strings are 1 to 6, strengths up to 1
//   levels [six numbers]   from the patch to all pages: how loud each string is
//   chord NAME             from the patch to all pages
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { Server } from 'socket.io';

const { PORT = 3000, HOST = '127.0.0.1', SHOW_TOKEN = 'rehearsal' } = process.env;
const FILES = new Set(['index.html', 'strings.js', 'style.css']);
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' };
const MOST = 40; // plucks a second of one page

const http = createServer(async (request, response) => {
  const name = request.url.replace(/\?.*/, '').slice(1) || 'index.html';
  if (!FILES.has(name)) return response.writeHead(404).end();
  const file = await readFile(new URL(`page/${name}`, import.meta.url));
  response.writeHead(200, { 'Content-Type': TYPES[extname(name)], 'Cache-Control': 'no-cache' }).end(file);
});
const io = new Server(http, { maxHttpBufferSize: 1e4 });
const pages = io.of('/');
const show = io.of('/show');
let chord = '';

show.use((socket, next) => next(socket.handshake.auth?.token === SHOW_TOKEN ? undefined : new Error('wrong token')));
show.on('connection', (socket) => {
  console.log('the show is here');
  socket.on('levels', (levels) => pages.volatile.emit('levels', levels));
  socket.on('chord', (name) => pages.emit('chord', (chord = name)));
  socket.on('disconnect', (reason) => console.log(`the show is gone: ${reason}`));
});

// Pages are on the open network: what they send may be anything.
pages.on('connection', (socket) => {
  let [second, plucks] = [0, 0];
  socket.emit('chord', chord);
  socket.on('pluck', (string, strength) => {
    const now = Math.floor(Date.now() / 1000);
    [second, plucks] = [now, now === second ? plucks + 1 : 1];
    const right = Number.isInteger(string) && string >= 1 && string <= 6 && Number.isFinite(strength);
    if (right && plucks <= MOST) show.emit('pluck', string, strength);
  });
});

http.listen(PORT, HOST, () => console.log(`the strings are at http://${HOST}:${http.address().port}/`));
