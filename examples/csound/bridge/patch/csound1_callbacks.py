"""From Csound to the audience: the name of the chord. How loud the strings are is in levels.py."""


def onReceiveString(chop, signal, value):
    chop.store('chord', value)
    op('socketio1').emit('chord', value)
