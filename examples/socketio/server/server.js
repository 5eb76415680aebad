// Serves the page to the audience, and stands between it and the patch, which decides everything.
//
// Pages are in the namespace `/`, the patch is in `/show`, where it needs the token:
//   vote CHOICE        a page to the server; answered with the text that the patch has for it
//   vote PHONE CHOICE  the server to the patch; answered with that text
//   next               from the screen to the patch
//   state STATE        from the patch to all pages, {question, choices: [[name, votes], …]}; null while there is no patch.
//                      Answered with how many pages there are
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { Server } from 'socket.io';

const { PORT = 3000, HOST = '127.0.0.1', SHOW_TOKEN = 'rehearsal' } = process.env;
const FILES = new Set(['index.html', 'poll.js', 'style.css']);
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' };

const http = createServer(async (request, response) => {
  const name = request.url.replace(/\?.*/, '').slice(1) || 'index.html';
  if (!FILES.has(name)) return response.writeHead(404).end();
  const file = await readFile(new URL(`page/${name}`, import.meta.url));
  response.writeHead(200, { 'Content-Type': TYPES[extname(name)], 'Cache-Control': 'no-cache' }).end(file);
});
const io = new Server(http, { maxHttpBufferSize: 1e5 });
const pages = io.of('/');
const show = io.of('/show');
let state = null;

// Pages are on the open network: what they send may be anything.
const text = (value, most) => (typeof value === 'string' ? value.slice(0, most) : '');
const reply = (answer, ...args) => typeof answer === 'function' && answer(...args);

function tell(news) {
  state = news;
  pages.emit('state', state);
}

show.use((socket, next) => next(socket.handshake.auth?.token === SHOW_TOKEN ? undefined : new Error('wrong token')));
show.on('connection', (socket) => {
  console.log('the show is here');
  socket.on('state', (news, answer) => {
    tell(news);
    reply(answer, pages.sockets.size);
  });
  socket.on('disconnect', (reason) => {
    console.log(`the show is gone: ${reason}`);
    if (show.sockets.size === 0) tell(null);
  });
});

pages.on('connection', (socket) => {
  const phone = text(socket.handshake.auth?.phone, 40) || socket.id;
  socket.emit('state', state);
  socket.on('next', () => show.emit('next'));
  socket.on('vote', async (choice, answer) => {
    try {
      const [words = 'There is no show yet.'] = await show.timeout(2000).emitWithAck('vote', phone, text(choice, 200));
      reply(answer, words);
    } catch {
      reply(answer, 'The show does not answer. Try again.');
    }
  });
});

http.listen(PORT, HOST, () => console.log(`the poll is at http://${HOST}:${http.address().port}/ and .../?screen`));
