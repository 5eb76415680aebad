// What everybody sees: the question, the time, the ranking. With the token in its address it has the button.
'use strict';

const $ = (id) => document.getElementById(id);
const BUTTONS = { lobby: 'Begin', question: 'Time is up', reveal: 'Go on', final: 'Play again' };
const MOST_SHOWN = 8;

const token = new URLSearchParams(location.search).get('token');
const socket = io('/players', { auth: { token }, reconnectionDelayMax: 1000 });
let state = null;
let address = location.origin;

socket.on('address', (news) => { address = news; show(); });
socket.on('state', (news) => { state = news; show(); });
socket.on('left', (seconds) => { if (state) state.left = seconds; show(); });
socket.on('answered', (player) => { if (state && !state.answered.includes(player)) state.answered.push(player); show(); });
socket.on('disconnect', () => { state = null; show(); });
$('next').onclick = () => socket.emit('next');

function show() {
  const phase = state ? state.phase : 'empty';
  document.body.dataset.phase = phase;
  const asking = phase === 'question' || phase === 'reveal';
  $('number').textContent = asking ? `${state.number} / ${state.of}` : '';
  $('choices').replaceChildren(...(asking ? state.choices.map((text, at) => choice(text, at, phase)) : []));
  $('time').hidden = phase !== 'question';
  if (asking) $('time').firstElementChild.style.width = `${(100 * state.left) / state.seconds}%`;
  const here = new Set(state?.here);
  const players = state ? state.players.filter(({ id }) => phase !== 'lobby' || here.has(id)) : [];
  const shown = phase === 'lobby' ? players : players.slice(0, MOST_SHOWN);
  drawPlayers(shown);
  shown.forEach((one, at) => drawPlayer($('players').children[at], one, at, phase, here, shown[0].score));
  const [headline, word, note] = says(phase, here);
  $('headline').textContent = headline;
  $('word').textContent = word;
  $('note').textContent = note;
  $('next').hidden = !token || !state;
  $('next').textContent = BUTTONS[phase] ?? '';
}

function choice(text, at, phase) {
  const item = document.createElement('li');
  item.hidden = text === '';
  item.textContent = text;
  item.dataset.letter = 'ABCD'[at];
  item.classList.toggle('right', phase === 'reveal' && at === state.solution);
  item.classList.toggle('faded', phase === 'reveal' && at !== state.solution);
  return item;
}

/** Lines stay while the order does, so that bars grow. */
function drawPlayers(players) {
  const drawn = players.map(({ id }) => id).join(' ');
  if ($('players').dataset.drawn === drawn) return;
  $('players').dataset.drawn = drawn;
  $('players').replaceChildren(...players.map(() => {
    const item = document.createElement('li');
    item.append(...[1, 2, 3].map(() => document.createElement('span')));
    return item;
  }));
}

function drawPlayer(item, { id, name, score }, at, phase, here, best) {
  const [place, who, points] = item.children;
  [place.textContent, who.textContent, points.textContent] = [at + 1, name, score];
  place.hidden = points.hidden = phase === 'lobby';
  item.style.setProperty('--part', best > 0 ? score / best : 0);
  const gained = phase === 'reveal' && state.gained[id];
  if (gained) item.dataset.gained = `+${gained}`;
  else delete item.dataset.gained;
  item.classList.toggle('answered', phase === 'question' && state.answered.includes(id));
  item.classList.toggle('away', phase !== 'lobby' && !here.has(id));
}

/** The headline, what stands below it, and what stands at the foot. */
function says(phase, here) {
  const people = (count) => (count === 1 ? '1 player' : `${count} players`);
  switch (phase) {
    case 'empty': return ['Quiz night', 'The quiz has not come yet.', ''];
    case 'lobby': return ['Take your phone and join in', address.replace(/^http:\/\/|\/$/g, ''), here.size ? `${people(here.size)} so far` : ''];
    case 'question': return [state.question, '', `${state.left} s · ${state.answered.length} of ${here.size} have answered`];
    case 'reveal': return [state.question, '', `${Object.keys(state.gained).length} of ${state.answered.length} knew it`];
    default: return [state.players[0]?.score > 0 ? `${state.players[0].name} wins` : 'Nobody wins', '', 'Thank you for playing'];
  }
}

show();
