// Six strings to tap. The events are described in ../server.js.
'use strict';

const socket = io();
const strings = [6, 5, 4, 3, 2, 1].map((number) => {
  const button = document.createElement('button');
  button.type = 'button';
  button.innerHTML = `<span>${number}</span>`;
  button.setAttribute('aria-label', `string ${number}`);
  const pluck = (strength) => socket.connected && socket.emit('pluck', number, strength);
  // The nearer to the middle, the louder.
  button.onpointerdown = (event) => {
    const { left, width } = button.getBoundingClientRect();
    pluck(0.95 - Math.abs((event.clientX - left) / width - 0.5));
  };
  button.onkeydown = (event) => !event.repeat && [' ', 'Enter'].includes(event.key) && pluck(0.7);
  document.getElementById('strings').append(button);
  return button;
}).reverse();

function show(words, here) {
  document.getElementById('chord').textContent = words;
  document.getElementById('strings').classList.toggle('gone', !here);
}

socket.on('chord', (name) => show(name || 'The music begins soon.', true));
socket.on('disconnect', () => show('The connection is lost.', false));
socket.on('levels', (levels) => {
  strings.forEach((button, i) => button.style.setProperty('--level', Math.min(1, Math.sqrt(levels[i] * 6)).toFixed(3)));
});
