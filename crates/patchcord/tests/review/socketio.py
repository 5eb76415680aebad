"""Callbacks of a SocketIO DAT."""


def onReceiveEvent(dat, event, data):  # -> argument 2 of `onReceiveEvent` is rowIndex, not event
    dat.emit('answer', data)


def onConnect(dat):  # -> did you mean `onOpen`?
    pass


def onClose(dat, failure):
    dat.sendText('x')  # -> a SocketIO DAT has no `sendText`; a websocketDAT has
