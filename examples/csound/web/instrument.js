// Plays instrument.csd: plucks, chords and faders go to Csound, how loud each string sounds and the name of the chord
// come back. Every variable has a connection of its own, as the original opcode has it: the name is the sub-protocol,
// the values are raw floats.
import { Csound } from './csound.js';
import { makeFader } from './faders.js';

const $ = (id) => document.getElementById(id);
const STRINGS = 6;
const CHORDS = ['A minor 7', 'F major 9', 'G major 9', 'E minor 9'];

// ---------------------------------------------------------------- connections

const csound = new Csound({ changed: showLink });
// A pluck that finds nobody is gone; what a fader or a chord was set to is said again when Csound is back.
const plucks = Array.from({ length: STRINGS }, (_, i) => csound.variable(`kpluck${i + 1}`, undefined, { keep: false }));
const [chord, bright, decay] = ['kchord', 'kbright', 'kdecay'].map((name) => csound.variable(name));
csound.variable('kamps', (values) => { amps = values; });
csound.variable('Schord', (text) => { $('chord').textContent = text; });
csound.variable('kstate', takeState);

let amps = new Float64Array(STRINGS);
let count = 0;

/** Plucks a string, from 0 on, with a strength up to 1. What counts up makes each pluck another value. */
function pluck(string, strength = 0.7) {
  count = (count + 1) % 1000;
  plucks[string].send(count + 1 + Math.min(0.99, Math.max(0.05, strength)));
}

// ---------------------------------------------------------------- chords and faders

const faders = [
  makeFader({ name: 'bright', value: 0.5, moved: (value) => bright.send(value) }),
  makeFader({ name: 'ring', value: 0.5, moved: (value) => decay.send(value) }),
];
$('faders').append(...faders.map((each) => each.element));

const chords = CHORDS.map((name, number) => {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = name;
  button.setAttribute('aria-pressed', false);
  button.onclick = () => chord.send(number);
  return button;
});
$('chords').append(...chords);

let told = ''; // the latest state; Csound says it in every k-cycle

/** What Csound plays with, whichever page it came from. */
function takeState(state) {
  if (`${state}` === told) return;
  told = `${state}`;
  const [number, ...values] = state;
  chords.forEach((button, i) => button.setAttribute('aria-pressed', i === number));
  values.forEach((value, i) => faders[i].tell(value));
}

function showLink(state) {
  $('link').dataset.state = state;
  $('link-state').textContent = { connecting: 'not connected: csound instrument.csd', live: 'live', lost: 'lost, trying again' }[state];
  $('main').classList.toggle('offline', state !== 'live');
  if (state !== 'live') amps = new Float64Array(STRINGS);
}
showLink('connecting');

// ---------------------------------------------------------------- strings

const place = (string) => 1 - (string + 0.5) / STRINGS; // the lowest string is the lowest line
const board = $('strings');
const pointers = new Map(); // id -> { y, time }: where a finger was

for (let string = STRINGS - 1; string >= 0; string--) {
  const item = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = string + 1;
  button.setAttribute('aria-label', `string ${string + 1}`);
  button.onpointerdown = (event) => event.stopPropagation();
  button.onclick = () => pluck(string);
  item.append(button);
  $('buttons').append(item);
}

const heightOf = (event) => {
  const box = board.getBoundingClientRect();
  return (event.clientY - box.top) / box.height;
};

board.addEventListener('pointerdown', (event) => {
  board.setPointerCapture(event.pointerId);
  const y = heightOf(event);
  pointers.set(event.pointerId, { y, time: event.timeStamp });
  const string = [...plucks.keys()].find((each) => Math.abs(place(each) - y) < 0.04);
  if (string !== undefined) pluck(string);
});
board.addEventListener('pointermove', (event) => {
  const from = pointers.get(event.pointerId);
  if (!from) return;
  const y = heightOf(event);
  // The faster a finger crosses a string, the louder it is.
  const speed = Math.abs(y - from.y) / Math.max(1, event.timeStamp - from.time);
  for (const string of plucks.keys()) {
    if ((from.y - place(string)) * (y - place(string)) < 0) pluck(string, 0.35 + 150 * speed);
  }
  pointers.set(event.pointerId, { y, time: event.timeStamp });
});
for (const end of ['pointerup', 'pointercancel']) board.addEventListener(end, (event) => pointers.delete(event.pointerId));
addEventListener('keydown', (event) => {
  const string = Number(event.key) - 1;
  if (!event.repeat && !event.ctrlKey && !event.metaKey && !event.altKey && plucks[string]) pluck(string);
});

let atRest = ''; // the size in which the strings were drawn at rest

/** The strings swing as loudly as Csound says; each a little differently. */
function draw(time) {
  requestAnimationFrame(draw);
  const canvas = $('canvas');
  const rest = amps.every((each) => each < 1e-5) ? `${board.clientWidth} ${board.clientHeight} ${devicePixelRatio}` : '';
  if (rest && rest === atRest) return;
  atRest = rest;
  const scale = devicePixelRatio;
  const [width, height] = [board.clientWidth, board.clientHeight];
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
  }
  const context = canvas.getContext('2d');
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(document.documentElement);
  const [still, loud] = ['--tick', '--left'].map((name) => style.getPropertyValue(name));
  const [begin, end] = [64, width - 16];
  for (let string = 0; string < STRINGS; string++) {
    const y = place(string) * height;
    const swing = Math.min(1, Math.sqrt(amps[string] * 6)) * (height / STRINGS) * 0.4;
    // Seen as an eye sees a string: the hull that it fills, and a line that trembles in it.
    const wave = (factor) => {
      context.beginPath();
      for (let x = 0; x <= 48; x++) {
        const at = Math.sin((Math.PI * x) / 48) * (1 + 0.2 * Math.sin((2 * Math.PI * x) / 48 + string));
        context.lineTo(begin + ((end - begin) * x) / 48, y + factor * swing * at);
      }
    };
    context.lineWidth = 3.4 - 0.4 * string;
    context.strokeStyle = still;
    if (swing > 0.4) {
      context.strokeStyle = loud;
      for (const [factor, alpha] of [[1, 0.35], [-1, 0.35], [0.6, 0.18], [-0.6, 0.18]]) {
        context.globalAlpha = alpha;
        wave(factor);
        context.stroke();
      }
      context.globalAlpha = 1;
    }
    wave(Math.sin(time / (14 - string)));
    context.stroke();
  }
}
requestAnimationFrame(draw);
