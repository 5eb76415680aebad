// Plays what stream.csd sends, shows it, and moves its values. Three connections meet here: the variable `aout`, two
// channels of audio as raw floats; csound.v1, which carries the faders both ways; and the ring of player.js, which lies
// between the network and the sound card.
import { Csound } from './csound.js';
import { makeFader } from './faders.js';

const $ = (id) => document.getElementById(id);
const SHOWN = 960; // frames that the scope shows
const HISTORY = 8192; // frames that it may choose from
const SILENT = 1500; // ms without a block after which the stream is said to be lost
const METER = 300; // ms at the right end of the buffer meter

let about = { sr: 48000, ksmps: 128, float: 64 };
let context = null; // the AudioContext, made when somebody presses Play
let player = null; // its AudioWorkletNode
let wanted = false; // whether somebody wants to hear it
let report = { playing: false, waiting: 0, played: 0, dry: 0, dropped: 0, peaks: [0, 0] };
let blocks = 0;
let heard = 0; // when the last block came

// ---------------------------------------------------------------- connections

const csound = new Csound({ changed: showLink });
const control = csound.control({ hello: greet, refused: (reason) => console.warn(reason) });
const stream = csound.variable('aout', receive);

const FADERS = [
  { name: 'pitch', variable: 'kpitch', least: 40, most: 320, log: true, value: 110, show: (hertz) => `${hertz.toFixed(0)} Hz` },
  { name: 'colour', variable: 'kcolour', value: 0.4 },
  { name: 'spread', variable: 'kspread', value: 0.3 },
  { name: 'level', variable: 'klevel', value: 0.5 },
];
const faders = FADERS.map((each) => makeFader({ ...each, moved: (value) => control.set({ [each.variable]: value }) }));
$('faders').append(...faders.map((each) => each.element));
// Csound says what it plays with, so that every window shows the same.
control.subscribe(['kstate'], 20, ({ kstate }) => kstate?.forEach((value, i) => faders[i]?.tell(value)));

function greet(hello) {
  const other = hello.float !== about.float;
  about = hello;
  if (other) stream.Floats = hello.float === 32 ? Float32Array : Float64Array;
  if (context && context.sampleRate !== hello.sr) silence();
  showState();
}

/** A block of Csound: ksmps frames of the first channel, then of the second. */
function receive(samples) {
  const frames = samples.length / 2;
  const channels = [Float32Array.from(samples.subarray(0, frames)), Float32Array.from(samples.subarray(frames))];
  remember(channels);
  blocks++;
  heard = performance.now();
  if (wanted) player?.port.postMessage({ channels }, channels.map((each) => each.buffer));
}

// ---------------------------------------------------------------- sound

// Browsers let a page sound only after somebody has pressed something, and only from this machine or over https.
const possible = isSecureContext && 'AudioWorkletNode' in window;

$('play').onclick = async () => {
  if (wanted && context?.state === 'running') return silence();
  wanted = true;
  try {
    context ??= new AudioContext({ sampleRate: about.sr, latencyHint: 'interactive' });
    const resumed = context.resume();
    if (!player) await makePlayer();
    await resumed;
  } catch (error) {
    silence();
    $('words').textContent = `The browser does not open its sound: ${error.message}.`;
    return;
  }
  showState();
};

async function makePlayer() {
  const mine = context;
  mine.onstatechange = showState;
  await mine.audioWorklet.addModule('player.js');
  if (mine !== context) return;
  player = new AudioWorkletNode(mine, 'player', { numberOfInputs: 0, outputChannelCount: [2] });
  player.port.onmessage = ({ data }) => {
    report = data;
    showState();
  };
  player.connect(mine.destination);
  tellTarget();
}

function silence() {
  wanted = false;
  context?.close();
  context = player = null;
  report = { ...report, playing: false, waiting: 0, peaks: [0, 0] };
  showState();
}

const targetMs = () => Number($('target').value);
function tellTarget() {
  player?.port.postMessage({ target: Math.round((targetMs() * about.sr) / 1000) });
  showState();
}
$('target').oninput = tellTarget;

// ---------------------------------------------------------------- what is shown

/** What is going on with the sound, and what somebody can do. */
function soundState() {
  if (csound.state === 'lost') return ['lost', 'connection lost', 'Csound has gone, or the network. This page tries again by itself.'];
  if (csound.state !== 'live') return ['offline', 'not connected', 'Nothing answers here. Start it: csound stream.csd'];
  if (!possible) return ['stopped', 'no sound here', 'Browsers play this only from this machine (127.0.0.1) or over https. Faders and scope work.'];
  if (!wanted) return ['stopped', 'ready', 'Press Play: browsers are silent until somebody does.'];
  if (!context || context.state !== 'running') return ['stopped', 'paused by the browser', 'Press Play again.'];
  if (performance.now() - heard > SILENT) return ['lost', 'no sound comes', 'Connected, but Csound sends nothing. Is it stopped?'];
  if (!report.playing) return ['buffering', 'buffering', `Waiting until ${targetMs()} ms of sound are here.`];
  return ['playing', 'playing', 'The marker is the target. A shorter buffer answers faster, a longer one forgives a bad network.'];
}

function showState() {
  const [sound, state, words] = soundState();
  $('main').dataset.sound = sound;
  if ($('state').textContent !== state) $('state').textContent = state;
  if ($('words').textContent !== words) $('words').textContent = words;
  const active = wanted && context?.state === 'running';
  $('play').disabled = !possible || (csound.state !== 'live' && !wanted);
  $('play').setAttribute('aria-pressed', active);
  $('play').setAttribute('aria-label', active ? 'Stop' : 'Play');
  const waiting = (report.waiting / about.sr) * 1000;
  gauge('buffer', waiting / METER, `${waiting.toFixed(0)} ms`);
  $('buffer').style.setProperty('--t', targetMs() / METER);
  $('buffer').setAttribute('aria-valuenow', Math.min(1, waiting / METER).toFixed(3));
  $('target-text').value = `${targetMs()} ms`;
  ['left', 'right'].forEach((side, i) => {
    const decibels = 20 * Math.log10(report.peaks[i] || 1e-9);
    gauge(side, 1 + decibels / 60, decibels < -90 ? '−∞ dB' : `${decibels.toFixed(1).replace('-', '−')} dB`);
  });
  $('gaps').textContent = report.dry || 'none';
  $('dropped').value = report.dropped ? `${((report.dropped / about.sr) * 1000).toFixed(0)} ms skipped` : '';
}

function gauge(id, share, text) {
  $(id).style.setProperty('--v', Math.min(1, Math.max(0, share)).toFixed(4));
  $(`${id}-text`).value = text;
}

function showLink(state) {
  $('link').dataset.state = state;
  $('link-state').textContent = { connecting: 'connecting', live: 'live', lost: 'lost, trying again' }[state];
  $('about').textContent = state === 'live' ? `${about.sr / 1000} kHz · ksmps ${about.ksmps}` : '';
  $('faders').classList.toggle('offline', state !== 'live');
  if (state !== 'live') player?.port.postMessage({ forget: true });
  showState();
}

// ---------------------------------------------------------------- scope

const history = [new Float32Array(HISTORY), new Float32Array(HISTORY)];
let written = 0;

function remember(channels) {
  for (let i = 0; i < channels[0].length; i++, written++) {
    history[0][written % HISTORY] = channels[0][i];
    history[1][written % HISTORY] = channels[1][i];
  }
}

/** The newest frames that begin where the left channel rises through zero, so that the wave stands still. */
function picture() {
  let begin = written - SHOWN;
  for (let tries = 0; tries < HISTORY - 2 * SHOWN; tries++) {
    const at = begin - tries;
    if (history[0][(at - 1) % HISTORY] < 0 && history[0][at % HISTORY] >= 0) {
      begin = at;
      break;
    }
  }
  const cut = (side) => Float32Array.from({ length: SHOWN }, (_, i) => history[side][(begin + i) % HISTORY]);
  return [Float32Array.from({ length: SHOWN }, (_, i) => (i / about.sr) * 1000), cut(0), cut(1)];
}

function makeScope() {
  if (!('uPlot' in window)) {
    $('scope-words').textContent = 'The scope is drawn by uPlot, which is not here yet: npm install in examples/csound/web.';
    return;
  }
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
  const axis = { stroke: () => colour('--dim'), grid: { stroke: () => colour('--line'), width: 1 }, ticks: { show: false }, font: '11px system-ui' };
  const size = () => ({ width: $('scope').clientWidth, height: $('scope').clientHeight });
  const line = (name) => ({ stroke: () => colour(name), width: 1.6, points: { show: false } });
  const plot = new uPlot(
    {
      ...size(),
      padding: [14, 16, 0, 0],
      cursor: { show: false },
      legend: { show: false },
      scales: { x: { time: false }, y: { range: [-1, 1] } },
      axes: [{ ...axis, size: 30, values: (_, marks) => marks.map((each) => `${each} ms`) }, { ...axis, size: 44, space: 60 }],
      series: [{}, line('--left'), line('--right')],
    },
    [[0], [0], [0]],
    $('scope'),
  );
  new ResizeObserver(() => plot.setSize(size())).observe($('scope'));
  let drawn = 0;
  const draw = () => {
    requestAnimationFrame(draw);
    if (written < HISTORY || written === drawn) return;
    drawn = written;
    $('scope-words').hidden = true;
    plot.setData(picture());
  };
  draw();
}

let counted = 0;
setInterval(() => {
  $('blocks').textContent = blocks > counted ? `${blocks - counted} blocks a second` : '';
  counted = blocks;
  showState();
}, 1000);
addEventListener('load', makeScope);
showState();
