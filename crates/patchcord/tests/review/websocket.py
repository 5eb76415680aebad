"""Callbacks of a WebSocket DAT, with mistakes that are often seen."""


def onConnect(dat):
    dat.send('hello')  # -> a WebSocket DAT has no `send`
    dat.sendText('hello')
    run("args[0].par.active = 1", dat, delayFrames=90)


def onReceiveText(dat, text):  # -> argument 2 of `onReceiveText` is rowIndex, not message
    dat.clear(keepFirstRow=True)


def onReceive(dat, rowIndex, message, bytes, peer):  # -> a WebSocket DAT has no such callback | did you mean `onReceiveText`?
    pass


def onOpen(dat):  # -> did you mean `onConnect`?
    pass


def onReceiveBinary(dat, *contents):
    pass


def onDisconnect(dat, code=0):
    dat.par.active.pulse()
    dat.par.active.pules()  # -> Par has no `pules` | did you mean `pulse`?


def onSceneChanged(data):
    pass


def onError(dat):  # -> did you mean `onMonitorMessage`?
    pass


def onPingReceived(name):
    globals()[f'on{name}']()
