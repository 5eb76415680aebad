// Talks to Csound's opcode `websocket` from a page: a reconnecting client in two manners.
//
//   const csound = new Csound({ changed: (state) => … });            // the host that the page came from
//   const level = csound.variable('klevel', (values) => …);          // values of one variable, as raw floats
//   csound.variable('kfreq').send(440);
//   const control = csound.control({ hello: (about) => … });         // any number of variables, as JSON
//   control.set({ kfreq: 440 });
//   control.subscribe(['klevel'], 30, (values) => …);
//
// `variable` is the protocol of the original opcode: a connection for each variable, whose sub-protocol is its name.
// `control` is the sub-protocol csound.v1. Every connection comes back by itself when Csound does, and then says
// again what was set last.

const RETRY_FIRST = 250; // ms, doubled up to RETRY_MOST
const RETRY_MOST = 4000;
const OPEN_LIMIT = 5000; // ms that a handshake may take
const MAX_BUFFERED = 65536; // bytes waiting in a socket beyond which new values wait for it

/** All connections of a page to one Csound, and the state that they make together. */
export class Csound {
  /**
   * @param {{address?: string, changed?: (state: 'connecting' | 'live' | 'lost') => void}} options
   *   `changed` is told when all connections are open, and when one of them is lost.
   */
  constructor({ address = location.origin.replace(/^http/, 'ws') + '/', changed = () => {} } = {}) {
    Object.assign(this, { address, changed, connections: new Set(), state: 'connecting' });
    // A page that is shown again, or a network that is back, does not wait for the next attempt.
    const hurry = () => document.hidden || this.connections.forEach((each) => each.hurry());
    addEventListener('online', hurry);
    document.addEventListener('visibilitychange', hurry);
  }

  /** The variable of this name. `receive` gets what Csound sends: an array of numbers, or a text. */
  variable(name, receive, options) {
    return new Variable(this, name, receive, options);
  }

  /** The connection that carries all variables by name. */
  control(handlers) {
    return new Control(this, handlers);
  }

  /** One of the connections has opened or closed. */
  review() {
    const all = [...this.connections];
    const lost = all.some((each) => each.wasOpen && !each.isOpen);
    const state = lost ? 'lost' : all.every((each) => each.isOpen) ? 'live' : 'connecting';
    if (state !== this.state) this.changed((this.state = state));
  }
}

/** A WebSocket with a sub-protocol that opens again whenever it is lost, until `close`. */
class Connection {
  constructor(csound, protocol) {
    Object.assign(this, { csound, protocol, socket: null, wasOpen: false, retry: RETRY_FIRST, timer: 0, ended: false });
    csound.connections.add(this);
    // What a subclass still sets is there when the socket opens.
    queueMicrotask(() => this.dial());
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  dial() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.ended) return;
    const socket = (this.socket = new WebSocket(this.csound.address, this.protocol));
    socket.binaryType = 'arraybuffer';
    const limit = setTimeout(() => socket.close(), OPEN_LIMIT);
    socket.onopen = () => {
      clearTimeout(limit);
      this.retry = RETRY_FIRST;
      this.wasOpen = true;
      this.opened();
      this.csound.review();
    };
    socket.onmessage = (event) => this.received(event.data);
    socket.onclose = () => {
      clearTimeout(limit);
      if (this.socket !== socket || this.ended) return;
      this.socket = null;
      // Many pages do not come back in one moment.
      this.timer = setTimeout(() => this.dial(), this.retry * (0.75 + Math.random() / 2));
      this.retry = Math.min(this.retry * 2, RETRY_MOST);
      this.csound.review();
    };
  }

  hurry() {
    if (this.timer) this.dial();
  }

  close() {
    this.ended = true;
    clearTimeout(this.timer);
    this.socket?.close();
    this.csound.connections.delete(this);
    this.csound.review();
  }
}

/** One variable: binary frames of native floats, or texts. */
class Variable extends Connection {
  /** With `keep` off, what is sent while there is no connection is gone; with `float` 32, Csound is a 32-bit build. */
  constructor(csound, name, receive = () => {}, { keep = true, float = 64 } = {}) {
    super(csound, name);
    Object.assign(this, { receive, keep, last: null, Floats: float === 32 ? Float32Array : Float64Array });
  }

  opened() {
    if (this.keep && this.last !== null) this.socket.send(this.last);
  }

  received(data) {
    this.receive(typeof data === 'string' ? data : new this.Floats(data));
  }

  /** Sends a number, an array of numbers (as many as the variable has), or a text. */
  send(value) {
    this.last = typeof value === 'string' ? value : new this.Floats([value].flat());
    if (this.isOpen && this.socket.bufferedAmount < MAX_BUFFERED) this.socket.send(this.last);
  }
}

/** The sub-protocol csound.v1: JSON messages, variables by name. */
class Control extends Connection {
  /**
   * `hello` gets what Csound tells of itself: sr, ksmps, float, and its variables. `refused` gets what it says when it
   * does not do what was asked.
   */
  constructor(csound, { hello = () => {}, refused = console.warn } = {}) {
    super(csound, 'csound.v1');
    Object.assign(this, { hello, refused, held: {}, due: null, subscriptions: [] });
  }

  opened() {
    for (const { names, rate } of this.subscriptions) this.tell({ subscribe: names, rate });
    if (Object.keys(this.held).length) this.tell({ set: this.held });
  }

  received(data) {
    const { hello, values, error } = JSON.parse(data);
    if (hello) this.hello(hello);
    if (error) this.refused(error);
    if (!values) return;
    for (const { names, receive } of this.subscriptions) if (names.some((name) => name in values)) receive(values);
  }

  /** Sets variables. Of all that is set between two frames of the page only the latest is sent, and again after a reconnect. */
  set(values) {
    Object.assign(this.held, values);
    if (!this.due) setTimeout(() => this.flush(), 10);
    this.due = { ...this.due, ...values };
  }

  flush() {
    if (this.isOpen && this.socket.bufferedAmount > MAX_BUFFERED) return void setTimeout(() => this.flush(), 50);
    this.tell({ set: this.due });
    this.due = null;
  }

  /** `receive` gets an object with the values of these variables, at most `rate` times a second, when one is another. */
  subscribe(names, rate, receive) {
    this.subscriptions.push({ names, rate, receive });
    this.tell({ subscribe: names, rate });
  }

  /** A line of the score, `i 1 0 1`, where Csound allows it. */
  event(line) {
    this.tell({ event: line });
  }

  tell(message) {
    if (this.isOpen) this.socket.send(JSON.stringify(message));
  }
}
