// The browser's side of the room. The lines are described in ../webserver1_callbacks.py.
'use strict';

const $ = (id) => document.getElementById(id);
const me = new URLSearchParams(location.search).get('name');
let socket;
let wait = 500;  // ms until the next attempt, doubled up to 5 s

function connect() {
  // The address of this page, ?name=… included: http becomes ws, https becomes wss.
  socket = new WebSocket(location.href.replace(/^http/, 'ws').replace(/#.*/, ''));
  socket.onopen = () => { wait = 500; show(''); };
  socket.onmessage = (event) => add(event.data);
  socket.onclose = () => {
    show('the room is closed, trying again');
    setTimeout(connect, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, 5000);
  };
}

function show(trouble) {
  $('state').textContent = trouble || me;
  $('state').classList.toggle('trouble', trouble !== '');
  $('say').lastElementChild.disabled = trouble !== '';
}

function add(line) {
  const [, name, words] = line.match(/^([^:]*): (.*)$/s) ?? [];
  const item = document.createElement('li');
  if (name === undefined) {
    item.className = 'note';
    item.textContent = line;
  } else {
    item.className = name === me ? 'mine' : '';
    item.style.setProperty('--hue', [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7));
    const who = document.createElement('b');
    who.textContent = name;
    item.append(who, words);
  }
  const lines = $('lines');
  lines.append(item);
  while (lines.childElementCount > 500) lines.firstElementChild.remove();
  lines.scrollTop = lines.scrollHeight;
}

$('say').addEventListener('submit', (event) => {
  event.preventDefault();
  const field = event.target.firstElementChild;
  if (socket.readyState !== WebSocket.OPEN) return;  // the words stay in the field
  socket.send(field.value);
  field.value = '';
});

if (me) {
  $('door').hidden = true;
  for (const id of ['state', 'lines', 'say']) $(id).hidden = false;
  show('coming in');
  connect();
  $('say').firstElementChild.focus();
}
