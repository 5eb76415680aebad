<CsoundSynthesizer>
<CsOptions>
; No sound card: the browsers are the loudspeakers. This device only keeps time.
-+rtaudio=null -odac -d -m0
</CsOptions>
<CsInstruments>
sr = 48000
ksmps = 128
nchnls = 2
0dbfs = 1

; The page comes from here as well: http://127.0.0.1:9000/
websocketset 9000, "folder", "web"

instr Drone
  ; Until a page says otherwise.
  kpitch init 110
  kcolour init 0.4
  kspread init 0.3
  klevel init 0.5

  ; What is on the left comes from the pages, what is behind the port goes to them.
  aout[] init 2
  kstate[] init 4
  kpitch, kcolour, kspread, klevel websocket 9000, aout, kstate

  kstate fillarray kpitch, kcolour, kspread, klevel

  ; A finger moves in steps, the sound does not.
  khertz portk limit(kpitch, 20, 2000), 0.05
  kopen portk limit(kcolour, 0, 1), 0.05
  kwide portk limit(kspread, 0, 1), 0.05
  kgain portk limit(klevel, 0, 1), 0.02

  ; Two saws and the octave below, a little apart.
  kcents = cent(kwide * 25)
  alow vco2 0.3, khertz / 2, 10
  aone vco2 0.4, khertz * kcents
  atwo vco2 0.4, khertz / kcents
  kbreath lfo 0.15, 0.13
  kcutoff = 120 * pow(60, limit(kopen + kbreath * kwide, 0, 1))
  aleft moogladder alow + aone, limit(kcutoff * kcents, 20, 14000), 0.35
  aright moogladder alow + atwo, limit(kcutoff / kcents, 20, 14000), 0.35
  aout[0] = tanh(2 * aleft * kgain)
  aout[1] = tanh(2 * aright * kgain)
endin

schedule "Drone", 0, -1
</CsInstruments>
<CsScore>
f 0 z
</CsScore>
</CsoundSynthesizer>
