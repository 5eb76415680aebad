// The AudioWorklet that plays what came from Csound: a ring of stereo frames between the network, which brings blocks
// when it can, and the sound card, which wants 128 frames every 2.7 ms.
//
// It begins when `target` frames are there. From then on it reads a little faster or slower than they come, by at most
// half a percent, so that the ring stays near the target although the clocks of two machines never quite agree. When it
// runs dry it is silent until the target is there again. What has been more than the target for two seconds was late once
// and is not needed any more: it is skipped, as is what waits beyond twice the target and a tenth of a second. Another
// target makes it begin anew.
//
// In: { target } (frames), { channels: [left, right] }. Out, 25 times a second: what a page wants to show.

const RING = 1 << 16; // frames, more than a second
const MASK = RING - 1;
const REPORT = 0.04; // s
const STEER = 0.005; // of the speed, at most
const FADE = 96; // frames of fade where the sound begins, breaks off or is skipped
const LOOK = 2; // s over which the least that waited is looked at

class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.ring = [new Float32Array(RING), new Float32Array(RING)];
    Object.assign(this, { written: 0, read: 0, target: 2400, playing: false, gain: 0, level: 0 });
    Object.assign(this, { old: 0, mix: 0, least: Infinity, looked: 0 });
    Object.assign(this, { played: 0, dry: 0, dropped: 0, peaks: [0, 0], last: [0, 0], reported: 0 });
    this.port.onmessage = ({ data }) => {
      // Another target holds at once: what waits is filled up to it, or cut down to it.
      if (data.target) Object.assign(this, { target: data.target, playing: false });
      if (data.channels) this.push(data.channels);
      if (data.forget) Object.assign(this, { read: this.written, playing: false });
    };
  }

  get waiting() {
    return this.written - this.read;
  }

  push(channels) {
    const frames = channels[0].length;
    for (let i = 0; i < frames; i++) {
      const at = (this.written + i) & MASK;
      this.ring[0][at] = channels[0][i];
      this.ring[1][at] = channels[1][i];
    }
    this.written += frames;
    // Before it begins nothing is lost that anybody could hear: the newest is kept.
    if (!this.playing) this.read = Math.max(this.read, this.written - this.target);
    const most = Math.min(2 * this.target + sampleRate / 10, RING - 2 * frames);
    if (this.waiting > most) this.skip(this.waiting - this.target);
  }

  /** Leaves frames out; what is heard goes over from the old place to the new one. */
  skip(frames) {
    Object.assign(this, { old: this.read, mix: this.playing ? FADE : 0, level: this.waiting - frames, least: Infinity });
    this.read += frames;
    this.dropped += frames;
  }

  look() {
    const spare = this.least - this.target;
    if (this.playing && spare > sampleRate / 100) this.skip(Math.floor(spare));
    Object.assign(this, { least: Infinity, looked: currentTime });
  }

  /** What the ring has between two frames. */
  sample(side, place) {
    const at = Math.floor(place);
    const part = place - at;
    return this.ring[side][at & MASK] * (1 - part) + this.ring[side][(at + 1) & MASK] * part;
  }

  process(_, [out]) {
    const frames = out[0].length;
    if (!this.playing && this.waiting >= this.target) {
      this.playing = true;
      Object.assign(this, { level: this.waiting, least: Infinity, looked: currentTime });
    }
    this.least = Math.min(this.least, this.waiting);
    if (currentTime - this.looked > LOOK) this.look();
    // The level moves with every block that comes; its mean over about a second is what is steered by.
    this.level += (this.waiting - this.level) * 0.003;
    const error = (this.level - this.target) / this.target;
    const speed = 1 + Math.max(-STEER, Math.min(STEER, error * 0.02));
    for (let i = 0; i < frames; i++) {
      if (this.playing && this.waiting < 2) {
        this.playing = false;
        this.dry++;
      }
      if (this.playing) {
        for (const side of [0, 1]) {
          this.last[side] = this.sample(side, this.read);
          if (this.mix > 0) this.last[side] += ((this.sample(side, this.old) - this.last[side]) * this.mix) / FADE;
        }
        if (this.mix > 0) {
          this.mix--;
          this.old += speed;
        }
        this.read += speed;
        this.played++;
      }
      this.gain = this.playing ? Math.min(1, this.gain + 1 / FADE) : Math.max(0, this.gain - 1 / FADE);
      for (let side = 0; side < out.length; side++) {
        const value = this.last[side] * this.gain;
        out[side][i] = value;
        if (Math.abs(value) > this.peaks[side]) this.peaks[side] = Math.abs(value);
      }
    }
    if (currentTime - this.reported >= REPORT) this.report();
    return true;
  }

  report() {
    const { playing, waiting, played, dry, dropped, peaks } = this;
    this.port.postMessage({ playing, waiting: Math.round(waiting), played, dry, dropped, peaks });
    this.peaks = [0, 0];
    this.reported = currentTime;
  }
}

registerProcessor('player', Player);
