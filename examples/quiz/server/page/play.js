// The page of a player. The events are described in ../server.js.
'use strict';

const $ = (id) => document.getElementById(id);

// A tab is a player, also when it is loaded again. The secret stays here; others see the id that the server makes of it.
const secret = sessionStorage.getItem('secret') ?? crypto.getRandomValues(new Uint32Array(4)).join('-');
sessionStorage.setItem('secret', secret);
let name = sessionStorage.getItem('name');

const socket = io('/players', { auth: { secret }, reconnectionDelayMax: 1000 });
let me = '';
let state = null;
let trouble = '';
let mine = { number: 0, choice: -1 };

socket.on('connect', () => name && join());
socket.on('you', (id) => { me = id; });
socket.on('state', (news) => { state = news; show(); });
socket.on('left', (seconds) => { if (state) state.left = seconds; show(); });
socket.on('answered', (player) => { if (state && !state.answered.includes(player)) state.answered.push(player); show(); });
socket.on('disconnect', show);
socket.on('connect_error', show);

$('join').onsubmit = (event) => {
  event.preventDefault();
  name = $('name').value;
  join();
};

async function join() {
  try {
    trouble = await socket.timeout(4000).emitWithAck('join', name) ?? '';
  } catch {
    trouble = 'Nobody has answered. Try again.';
  }
  if (trouble) name = null;
  else sessionStorage.setItem('name', name);
  show();
}

function choose(choice) {
  if (mine.number === state.number) return;
  mine = { number: state.number, choice };
  socket.emit('answer', mine.number, mine.choice);
  navigator.vibrate?.(20);
  show();
}

function show() {
  const phase = !socket.connected ? 'away' : !state ? 'empty' : !name ? 'door' : state.phase;
  document.body.dataset.phase = phase;
  const place = state ? state.players.findIndex(({ id }) => id === me) : -1;
  const player = state?.players[place];
  const asking = phase === 'question' || phase === 'reveal';
  const has = mine.number === state?.number ? mine.choice : -1;
  const locked = has >= 0 || Boolean(state?.answered.includes(me));

  $('who').textContent = name ?? '';
  $('points').textContent = player && phase !== 'lobby' ? `${player.score} points` : '';
  $('number').textContent = asking ? `Question ${state.number} of ${state.of}` : '';
  $('time').hidden = phase !== 'question';
  if (asking) $('time').firstElementChild.style.width = `${(100 * state.left) / state.seconds}%`;
  $('join').hidden = phase !== 'door';
  drawChoices(asking ? state.choices : []);
  [...$('choices').children].forEach(({ firstChild: button }, at) => {
    button.disabled = phase === 'reveal' || locked;
    button.setAttribute('aria-pressed', at === has);
    button.classList.toggle('right', phase === 'reveal' && at === state.solution);
    button.classList.toggle('faded', phase === 'reveal' ? at !== state.solution : locked && at !== has);
  });
  const [headline, word] = says(phase, place, player, has, locked);
  $('headline').textContent = headline;
  $('word').textContent = word;
}

/** Buttons stay while the question does, so that no tap is lost. */
function drawChoices(choices) {
  const drawn = choices.length ? `${state.number} ${choices.join('\n')}` : '';
  if ($('choices').dataset.drawn === drawn) return;
  $('choices').dataset.drawn = drawn;
  $('choices').replaceChildren(...choices.map((text, at) => {
    const item = document.createElement('li');
    const button = document.createElement('button');
    item.hidden = text === '';
    button.textContent = text;
    button.dataset.letter = 'ABCD'[at];
    button.onclick = () => choose(at);
    item.append(button);
    return item;
  }));
}

/** What stands in large and in small letters. */
function says(phase, place, player, has, locked) {
  const gained = state?.gained[me];
  switch (phase) {
    case 'away': return ['Looking for the server …', 'Keep this page open. Your points are safe.'];
    case 'empty': return ['Quiz night', 'The quiz has not come yet. It will.'];
    case 'door': return ['Quiz night', trouble];
    case 'lobby': return [`You are in, ${name}.`, 'Look at the screen. It begins soon.'];
    case 'question': return [state.question, has >= 0 ? `${'ABCD'[has]} it is. Let us see.` : locked ? 'Your answer is in.' : ''];
    case 'reveal': {
      if (gained) return [`Right. ${gained} points!`, standing(place)];
      return [locked ? 'Not this time.' : 'The time is up.', standing(place)];
    }
    default: return [place === 0 && player.score > 0 ? 'You win!' : standing(place), 'Thank you for playing.'];
  }
}

function standing(place) {
  if (place < 0) return 'You are in from the next question on.';
  const ordinal = place === 0 ? 'first' : place === 1 ? 'second' : place === 2 ? 'third' : `number ${place + 1}`;
  return `You are ${ordinal} of ${state.players.length}.`;
}

show();
