"""From the audience to Csound: plucks."""


def onOpen(dat, namespace, recovered):
    dat.store('open', True)
    dat.emit('chord', op('csound1').fetch('chord', ''))


def onClose(dat, failure):
    dat.store('open', False)


def onReceiveEvent(dat, rowIndex, message, event):
    string, strength = message
    pluck(int(string), min(0.99, max(0.05, float(strength))))


def pluck(string, strength):
    """Csound plucks when the value is another: a whole number that counts, and the strength as its fraction."""
    count = op('csound1').fetch('plucks', 0) % 1000 + 1
    op('csound1').store('plucks', count)
    op('signals')[f'kpluck{string}', 'value'] = count + strength
