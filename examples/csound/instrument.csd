<CsoundSynthesizer>
<CsOptions>
-odac -d -m0
</CsOptions>
<CsInstruments>
sr = 48000
ksmps = 64
nchnls = 2
0dbfs = 1

; The page comes from here as well: http://127.0.0.1:9000/
websocketset 9000, "folder", "web"

; Four chords for six strings, as MIDI notes.
gichords[] fillarray 45, 52, 57, 60, 64, 67,   41, 48, 53, 57, 60, 67,   43, 50, 55, 59, 62, 69,   40, 47, 52, 59, 62, 66
gSnames[] fillarray "A minor 7", "F major 9", "G major 9", "E minor 9"

gknotes[] init 6
gkamps[] init 6
gkbright init 0.5
gkdecay init 0.5
galeft init 0
garight init 0

; Listens to the pages and tells them what is heard.
instr Desk
  kchord init 0
  kbright init 0.5
  kdecay init 0.5
  Schord = ""
  kamps[] init 6
  kstate[] init 3
  kpluck1, kpluck2, kpluck3, kpluck4, kpluck5, kpluck6, kchord, kbright, kdecay websocket 9000, kamps, Schord, kstate

  gkbright = limit(kbright, 0, 1)
  gkdecay = limit(kdecay, 0, 1)
  kchosen = limit(int(kchord), 0, 3)
  kstate fillarray kchosen, gkbright, gkdecay

  ; Another chord has other notes. Its text goes out when it changes, and to each page that comes.
  knumber init -1
  if kchosen != knumber then
    knumber = kchosen
    knote = 0
    while knote < 6 do
      gknotes[knote] = gichords[kchosen * 6 + knote]
      knote += 1
    od
    Schord strcpyk gSnames[kchosen]
  endif

  ; A value that is another than before plucks its string: a whole number that counts, and the strength as its fraction.
  kplucks[] fillarray kpluck1, kpluck2, kpluck3, kpluck4, kpluck5, kpluck6
  kbefore[] init 6
  kstring = 0
  while kstring < 6 do
    if kplucks[kstring] != kbefore[kstring] then
      kbefore[kstring] = kplucks[kstring]
      schedulek "String", 0, 8, kstring, limit(frac(kplucks[kstring]), 0.05, 1), gknotes[kstring]
    endif
    ; How loud each string is, for the pages to show.
    kamps[kstring] = gkamps[kstring]
    gkamps[kstring] = 0
    kstring += 1
  od
endin

; A string: its number, the strength, its note.
instr String
  iloss = 0.08 + 0.8 * (1 - i(gkdecay)) ^ 2
  astring wgpluck2 0.2, 0.8 * p5, cpsmidinn(p6), 0.6, iloss
  kcutoff = 300 * pow(40, gkbright)
  astring tone astring, kcutoff
  aend linseg 1, p3 - 0.1, 1, 0.1, 0
  astring = astring * aend
  krms rms astring, 20
  gkamps[p4] = max(gkamps[p4], krms)
  ipan = 0.2 + 0.6 * p4 / 5
  galeft = galeft + astring * sqrt(1 - ipan)
  garight = garight + astring * sqrt(ipan)
endin

instr Room
  awetleft, awetright reverbsc galeft, garight, 0.8, 6000
  outs tanh(galeft + 0.2 * awetleft), tanh(garight + 0.2 * awetright)
  galeft = 0
  garight = 0
endin

maxalloc "String", 40
schedule "Desk", 0, -1
schedule "Room", 0, -1
</CsInstruments>
<CsScore>
f 0 z
</CsScore>
</CsoundSynthesizer>
