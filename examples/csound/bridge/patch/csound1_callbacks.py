"""From Csound to the audience: the name of the chord. How loud the strings are is in levels.py."""


def onReceiveString(chop, signal, value):
    chop.store('chord', value)
    # A server that is not there yet is told when it comes.
    if op('socketio1').fetch('open', False):
        op('socketio1').emit('chord', value)
