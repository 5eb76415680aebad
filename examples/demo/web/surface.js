// The browser's side of the control surface. The page builds itself from the rows of the table
// `controls`, sends what a hand moves, and shows what the patch says. The messages are described
// at the top of webserver1_callbacks.py.
'use strict';

const $ = (id) => document.getElementById(id);
const stamp = (id) => $(id).content.firstElementChild.cloneNode(true);
const clamp = (value) => Math.min(1, Math.max(0, value));

const ECHO_LIMIT = 1000;   // ms to wait for the echo of our own move before the patch's value wins
const TAG_TIME = 1400;     // ms that a control shows who moved it
const PING_EVERY = 2000;   // ms
const PONG_LIMIT = 6000;   // ms without an answer that count as a lost connection
const RETRY_FIRST = 250;   // ms, doubled up to RETRY_MOST
const RETRY_MOST = 5000;
const MAX_BUFFERED = 65536; // bytes in the socket beyond which moves wait and only the latest is sent

// ---------------------------------------------------------------- controls

/** One row of `controls`: `shown` is what this page displays, `told` what the patch last said. */
class Control {
  constructor([name, value, kind]) {
    Object.assign(this, { name, kind, shown: Number(value), told: Number(value) });
    Object.assign(this, { holds: 0, unanswered: 0, sentAt: 0, paint: () => {}, tag: null });
  }

  /** A hand moved it here. */
  move(value) {
    this.shown = Math.round(clamp(value) * 1e4) / 1e4;
    outgoing.set(this.name, this.shown);
    touch(this);
  }

  hold() { this.holds++; }

  release() {
    this.holds = Math.max(0, this.holds - 1);
    touch(this);
  }

  /** The patch said so. Echoes never pull a control out of a hand. */
  tell(value, mine) {
    this.told = value;
    if (mine) this.unanswered = Math.max(0, this.unanswered - 1);
    touch(this);
  }

  /** True while the patch has not yet seen, or answered, what was done here. */
  get ahead() {
    return this.holds > 0 || outgoing.has(this.name)
      || (this.unanswered > 0 && performance.now() - this.sentAt < ECHO_LIMIT);
  }
}

const controls = new Map();  // name -> Control
const outgoing = new Map();  // name -> value, moved since the last frame
const touched = new Set();   // controls to paint in the next frame
const pressed = new Set();   // what lets go of each button that is held here
let frame = 0;

function touch(control) {
  touched.add(control);
  frame ||= requestAnimationFrame(() => { frame = 0; flush(); paint(); });
}

function paint() {
  for (const control of touched) {
    if (!control.ahead) control.shown = control.told;
    control.paint(control.shown);
  }
  touched.clear();
}

/** All moves of a frame leave as one message; on a slow line they wait and only the latest counts. */
function flush() {
  if (!outgoing.size || socket?.readyState !== WebSocket.OPEN) return outgoing.clear();
  if (socket.bufferedAmount > MAX_BUFFERED) return void setTimeout(() => controls.forEach(touch), 50);
  socket.send(JSON.stringify({ set: Object.fromEntries(outgoing) }));
  for (const name of outgoing.keys()) {
    const control = controls.get(name);
    control.unanswered++;
    control.sentAt = performance.now();
  }
  outgoing.clear();
}

/** Takes the whole table. The page is built anew only when names or kinds differ: focus survives. */
function takeTable(rows) {
  const same = rows.length === controls.size && rows.every(([name, , kind]) => controls.get(name)?.kind === kind);
  if (!same) build(rows);
  for (const [name, value] of rows) {
    const control = controls.get(name);
    control.unanswered = 0;
    control.tell(Number(value), false);
  }
}

function build(rows) {
  for (const collection of [controls, outgoing, touched]) collection.clear();
  for (const row of rows) controls.set(row[0], new Control(row));
  const of = (...kinds) => [...controls.values()].filter((control) => kinds.includes(control.kind));
  const axes = of('pad');
  fill('faders', of('fader').map(makeFader));
  fill('pads', axes.slice(0, axes.length & ~1).filter((_, i) => i % 2 === 0).map((x, i) => makePad(x, axes[2 * i + 1])));
  fill('buttons', of('toggle', 'button').map(makeButton));
}

function fill(id, elements) {
  $(id).replaceChildren(...elements);
  $(id).parentElement.hidden = !elements.length;
}

function makeFader(control) {
  const element = stamp('fader');
  const [slot, cap, output] = ['.slot', '.cap', 'output'].map((part) => element.querySelector(part));
  element.querySelector('.name').textContent = control.name;
  const paintSlider = slider(slot, control);
  control.tag = element;
  control.paint = (value) => {
    element.style.setProperty('--v', value);
    element.classList.toggle('high', value > 0.85);  // the tag moves below the cap
    output.value = value.toFixed(2);
    paintSlider(value);
  };
  let grip = 0;  // where in the cap the finger is, so that taking it does not move it
  drag(slot, [control], (event, first) => {
    const box = slot.getBoundingClientRect();
    const knob = cap.getBoundingClientRect();
    if (first) grip = event.clientY > knob.top && event.clientY < knob.bottom ? event.clientY - knob.top - knob.height / 2 : 0;
    if (first && grip) return;
    control.move(1 - (event.clientY - grip - box.top - knob.height / 2) / (box.height - knob.height));
  });
  return element;
}

function makePad(x, y) {
  const element = stamp('pad');
  const field = element.querySelector('.field');
  const outputs = element.querySelectorAll('output');
  const labels = element.querySelectorAll('.readout span');
  element.setAttribute('aria-label', `${x.name} and ${y.name}`);
  [x, y].forEach((control, i) => {
    const paintSlider = slider(field.children[i], control, x, y);
    labels[i].textContent = control.name;
    control.tag = element;
    control.paint = (value) => {
      element.style.setProperty(i ? '--y' : '--x', value);
      if (i) element.classList.toggle('high', value > 0.85);
      outputs[i].value = value.toFixed(2);
      paintSlider(value);
    };
  });
  drag(field, [x, y], (event) => {
    const box = field.getBoundingClientRect();
    x.move((event.clientX - box.left) / box.width);
    y.move(1 - (event.clientY - box.top) / box.height);
  });
  return element;
}

function makeButton(control) {
  const element = stamp('button');
  element.classList.add(control.kind);
  element.querySelector('.name').textContent = control.name;
  element.querySelector('small').textContent = control.kind === 'button' ? 'hold' : 'toggle';
  control.tag = element;
  control.paint = (value) => element.setAttribute('aria-pressed', value >= 0.5);
  if (control.kind === 'toggle') {
    element.addEventListener('click', () => control.move(control.shown >= 0.5 ? 0 : 1));
    return element;
  }
  const letGo = () => press(false);
  const press = (on) => {
    if (on === pressed.has(letGo)) return;
    if (on) pressed.add(letGo); else pressed.delete(letGo);
    if (on) control.hold(); else control.release();
    control.move(on ? 1 : 0);
  };
  drag(element, [], (event, first) => first && press(true), letGo);
  const isKey = (event) => event.key === ' ' || event.key === 'Enter';
  element.addEventListener('keydown', (event) => isKey(event) && (event.preventDefault(), press(true)));
  element.addEventListener('keyup', (event) => isKey(event) && letGo());
  element.addEventListener('blur', letGo);
  return element;
}

/** Gives an element the keys and the ARIA values of a slider; returns its painter. */
function slider(element, control, across = control, up = control) {
  element.setAttribute('aria-label', control.name);
  element.addEventListener('keydown', (event) => {
    const step = event.shiftKey ? 0.001 : 0.01;
    const act = {
      ArrowRight: [across, step], ArrowLeft: [across, -step], ArrowUp: [up, step], ArrowDown: [up, -step],
      PageUp: [control, 0.1], PageDown: [control, -0.1], Home: [control, -1], End: [control, 1],
    }[event.key];
    if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    act[0].move(act[0].shown + act[1]);
  });
  return (value) => {
    element.setAttribute('aria-valuenow', value);
    element.setAttribute('aria-valuetext', value.toFixed(2));
  };
}

/** One pointer takes the element until it lets go, however that comes about. */
function drag(element, held, onMove, onEnd = () => {}) {
  let pointer = null;
  const end = (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    element.classList.remove('held');
    held.forEach((control) => control.release());
    onEnd();
  };
  element.addEventListener('pointerdown', (event) => {
    if (pointer !== null || event.button !== 0) return;
    pointer = event.pointerId;
    element.setPointerCapture(pointer);
    element.classList.add('held');
    held.forEach((control) => control.hold());
    onMove(event, true);
  });
  element.addEventListener('pointermove', (event) => event.pointerId === pointer && onMove(event, false));
  for (const type of ['pointerup', 'pointercancel', 'lostpointercapture']) element.addEventListener(type, end);
  element.addEventListener('contextmenu', (event) => event.preventDefault());
}

// ---------------------------------------------------------------- clients

const ADJECTIVES = 'amber brisk calm deft early fleet grand hazel ivory jolly keen lucid mellow noble opal quiet'.split(' ');
const NOUNS = 'badger crane dingo egret finch gecko heron ibis jackal koala lynx marten newt otter puffin raven'.split(' ');
const clientRows = new Map();  // id -> its row in the page
let me = '';

/** Name and hue of a client, the same in every window because only the id decides. */
function identity(id) {
  let hash = 0x811c9dc5;
  for (const character of id) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  for (const factor of [0x85ebca6b, 0xc2b2ae35]) hash = Math.imul(hash ^ (hash >>> 15), factor);
  hash = (hash ^ (hash >>> 16)) >>> 0;  // ids may differ in one digit only
  const name = id === 'http' ? 'http' : `${ADJECTIVES[hash & 15]} ${NOUNS[(hash >>> 4) & 15]}`;
  return { name, hue: (hash >>> 8) % 360 };
}

function showIdentity(element, id) {
  const { name, hue } = identity(id);
  element.style.setProperty('--hue', hue);
  element.querySelector('b').textContent = name;
}

function takeClients(rows) {
  const before = new Map(clientRows);
  clientRows.clear();
  for (const [id, joined, moves] of rows) {
    const row = stamp('client');
    showIdentity(row, id);
    row.querySelector('small').textContent = id;
    row.querySelector('em').hidden = id !== me;
    row.cells[1].textContent = before.get(id)?.cells[1].textContent ?? '';
    row.cells[2].textContent = moves;
    row.cells[3].textContent = joined;
    clientRows.set(id, row);
  }
  $('clients').replaceChildren(...clientRows.values());
  $('count').textContent = rows.length;
}

/** Shows at the control, and in the clients table, whose hand it was. */
function showMover(names, id) {
  const { name, hue } = identity(id);
  for (const control of names.map((each) => controls.get(each)).filter(Boolean)) {
    const element = control.tag;
    element.style.setProperty('--hue', hue);
    element.querySelector('.tag').textContent = id === me ? 'you' : name;
    element.classList.add('moved');
    clearTimeout(element.fading);
    element.fading = setTimeout(() => element.classList.remove('moved'), TAG_TIME);
  }
  const row = clientRows.get(id);
  if (!row) return;
  if (names.length) row.cells[1].textContent = names.join(', ');
  row.cells[2].textContent = Number(row.cells[2].textContent) + 1;
}

// ---------------------------------------------------------------- connection

let socket = null;
let retry = RETRY_FIRST;
let retryTimer = 0;
let pinged = 0;  // when the unanswered ping left, 0 when there is none

function connect() {
  clearTimeout(retryTimer);
  retryTimer = 0;
  const mine = socket = new WebSocket(`${location.protocol.replace('http', 'ws')}//${location.host}/`);
  mine.onopen = () => { pinged = 0; };
  mine.onmessage = (event) => mine === socket && receive(decode(event.data));
  mine.onclose = () => mine === socket && lost();
}

function lost() {
  socket = null;
  outgoing.clear();
  controls.forEach(touch);
  const wait = Math.round(retry * (0.75 + Math.random() / 2));
  retry = Math.min(retry * 2, RETRY_MOST);
  showLink('offline');
  retryTimer = setTimeout(connect, wait);
}

/** A callback under edit may send anything. */
function decode(data) {
  try {
    return Object(JSON.parse(data));
  } catch {
    console.warn('not a message of this surface:', data);
    return {};
  }
}

function receive(message) {
  if ('you' in message) {
    me = message.you;
    retry = RETRY_FIRST;
    showIdentity($('you'), me);
    showLink('live');
    takeTable(message.controls);
    ping();
  }
  if ('clients' in message) takeClients(message.clients);
  if ('set' in message) {
    for (const [name, value] of Object.entries(message.set)) controls.get(name)?.tell(value, message.by === me);
    showMover(Object.keys(message.set), message.by);
  }
  if ('ping' in message) {
    pinged = 0;
    const trip = performance.now() - message.ping;
    $('latency').textContent = `${trip < 10 ? trip.toFixed(1) : Math.round(trip)} ms`;
  }
}

function ping() {
  if (socket?.readyState !== WebSocket.OPEN) return;
  const now = performance.now();
  if (!pinged) {
    pinged = now;
    socket.send(JSON.stringify({ ping: now }));
  } else if (now - pinged > PONG_LIMIT) {
    socket.close();
    lost();
  }
}

function showLink(state) {
  $('link').dataset.state = state;
  $('link-state').textContent = state === 'live' ? 'live' : 'offline, trying again';
  $('you').hidden = state !== 'live';
  $('surface').classList.toggle('offline', state !== 'live');
  if (state !== 'live') $('latency').textContent = '';
}

/** Nothing stays pressed behind a hidden page, which paints no more frames. */
function leave() {
  pressed.forEach((letGo) => letGo());
  flush();
}

const hurry = () => retryTimer && connect();
setInterval(() => { ping(); controls.forEach(touch); }, PING_EVERY);
addEventListener('online', hurry);
addEventListener('pagehide', leave);
document.addEventListener('visibilitychange', () => document.hidden ? leave() : hurry());
connect();
