// One page for two: a phone votes, the screen (?screen) shows how it stands. The events are described in ../server.js.
'use strict';

const $ = (id) => document.getElementById(id);
const isScreen = new URLSearchParams(location.search).has('screen');

// A tab is a voter, also when it is loaded again.
const phone = sessionStorage.getItem('phone') ?? Math.random().toString(36).slice(2);
sessionStorage.setItem('phone', phone);

const socket = io({ auth: { phone } });
let mine = null;

socket.on('state', show);
socket.on('disconnect', () => show(null));

function show(state) {
  const question = state ? state.question : 'The show begins soon.';
  if ($('question').textContent !== question) {
    $('question').textContent = question;
    $('answer').textContent = '';
    mine = null;
  }
  const choices = state ? state.choices : [];
  const all = choices.reduce((sum, [, votes]) => sum + votes, 0);
  $('choices').replaceChildren(...choices.map(([name, votes]) => choice(name, votes, all)));
  $('next').hidden = !isScreen || !state;
}

function choice(name, votes, all) {
  const item = document.createElement('li');
  const bar = document.createElement(isScreen ? 'div' : 'button');
  bar.textContent = name;
  if (isScreen) {
    bar.style.setProperty('--part', all ? votes / all : 0);
    bar.dataset.votes = votes;
  } else {
    bar.setAttribute('aria-pressed', name === mine);
    bar.onclick = () => vote(name);
  }
  item.append(bar);
  return item;
}

async function vote(name) {
  mine = name;
  try {
    $('answer').textContent = await socket.timeout(4000).emitWithAck('vote', name);
  } catch {
    $('answer').textContent = 'Nobody has answered. Try again.';
  }
}

$('next').onclick = () => socket.emit('next');
document.body.classList.toggle('screen', isScreen);
show(null);
