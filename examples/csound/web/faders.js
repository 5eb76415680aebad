// Faders for a finger, a mouse and the keyboard. Positions go from 0 to 1; what they mean is the caller's.

const clamp = (value) => Math.min(1, Math.max(0, value));
const KEYS = { ArrowUp: 0.01, ArrowRight: 0.01, ArrowDown: -0.01, ArrowLeft: -0.01, PageUp: 0.1, PageDown: -0.1, Home: -1, End: 1 };
const ECHO = 400; // ms after a move in which what others say of this fader is its own echo

/**
 * A fader. `least` and `most` are the ends of its values (`log`: equal steps are equal factors), `show` words for one.
 * `moved` is called with a new value when a hand moves it; `tell` shows what another has set.
 */
export function makeFader({ name, value, least = 0, most = 1, log = false, show = (each) => each.toFixed(2), moved }) {
  const toValue = (at) => (log ? least * (most / least) ** at : least + (most - least) * at);
  const toPosition = (each) => clamp(log ? Math.log(each / least) / Math.log(most / least) : (each - least) / (most - least));
  const element = document.createElement('div');
  element.className = 'fader';
  element.innerHTML = `<output></output>
    <div class="slot" role="slider" tabindex="0" aria-orientation="vertical" aria-valuemin="0" aria-valuemax="1">
      <div class="rail"><div class="fill"></div></div><div class="cap"></div>
    </div><span class="name"></span>`;
  const [output, slot, cap, label] = ['output', '.slot', '.cap', '.name'].map((part) => element.querySelector(part));
  let position = 0;
  let held = false;
  let movedAt = -ECHO;
  let grip = 0; // where in the cap the finger is, so that taking it does not move it

  function paint() {
    element.style.setProperty('--v', position);
    output.value = show(toValue(position));
    slot.setAttribute('aria-valuenow', position.toFixed(4));
    slot.setAttribute('aria-valuetext', output.value);
  }

  function move(to) {
    position = clamp(to);
    movedAt = performance.now();
    paint();
    moved(toValue(position));
  }

  function drag(event, first) {
    const box = slot.getBoundingClientRect();
    const knob = cap.getBoundingClientRect();
    const onCap = event.clientY > knob.top && event.clientY < knob.bottom;
    if (first) grip = onCap ? event.clientY - knob.top - knob.height / 2 : 0;
    if (!first || !onCap) move(1 - (event.clientY - grip - box.top - knob.height / 2) / (box.height - knob.height));
  }

  slot.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    slot.setPointerCapture(event.pointerId);
    held = true;
    drag(event, true);
  });
  slot.addEventListener('pointermove', (event) => held && drag(event, false));
  for (const end of ['pointerup', 'pointercancel', 'lostpointercapture']) slot.addEventListener(end, () => { held = false; });
  slot.addEventListener('contextmenu', (event) => event.preventDefault());
  slot.addEventListener('keydown', (event) => {
    if (!(event.key in KEYS) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move(position + KEYS[event.key]);
  });

  label.textContent = name;
  slot.setAttribute('aria-label', name);
  position = toPosition(value);
  paint();
  return {
    element,
    tell(told) {
      if (held || performance.now() - movedAt < ECHO) return;
      const to = toPosition(told);
      if (to === position) return;
      position = to;
      paint();
    },
  };
}
