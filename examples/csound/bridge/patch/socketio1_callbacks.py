"""From the audience to Csound: plucks."""


def onOpen(dat, namespace, recovered):
    # A server that was started anew knows nothing of the chord.
    dat.emit('chord', op('csound1').fetch('chord', ''))


def onReceiveEvent(dat, rowIndex, message, event):
    string, strength = message
    pluck(int(string), min(0.99, max(0.05, float(strength))))


def pluck(string, strength):
    """Csound plucks when the value is another: a whole number that counts, and the strength as its fraction."""
    count = op('csound1').fetch('plucks', 0) % 1000 + 1
    op('csound1').store('plucks', count)
    op('signals')[f'kpluck{string}', 'value'] = count + strength
