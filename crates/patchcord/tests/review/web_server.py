"""Callbacks of a Web Server DAT. A comment # -> words says what is remarked of its line; of all others nothing is."""
import json
from td import fetchStamp  # -> td.fetchStamp exists in TouchDesigner but not in Patchcord
from tdu import Camera, clamp  # -> tdu.Camera

log = op('log')


def onHTTPRequest(webServerDAT, request, response):
    webServerDAT.par.prot = 9981  # -> a Web Server DAT has no parameter `prot` | did you mean `port`?
    webServerDAT.par.port = 9981
    webServerDAT.par.Custom = 1
    webServerDAT.par['prot']
    webServerDAT.text = ''
    webServerDAT.webSocketSend('x', 'y')  # -> has no `webSocketSend` | did you mean `webSocketSendText`?
    webServerDAT.numChans  # -> a CHOP has
    webServerDAT.parent().Route(request)
    log.appendrow([1])  # -> a Table DAT has no `appendrow` | did you mean `appendRow`?
    log.appendRow([request['uri']])
    log[0, 'uri'].value  # -> Cell has no `value` | did you mean `val`?
    log[0, 'uri'].val.upper()
    log.visibleLevel = 100  # -> OP.visibleLevel exists in TouchDesigner but not in Patchcord: 
    for cell in log.row(0):
        cell.colour  # -> Cell has no `colour`
    names = [cell.nam for cell in log.row(0)]  # -> Cell has no `nam`
    response['data'] = json.dumps({'frame': absTime.frames})  # -> did you mean `frame`?
    response['statusCode'] = int(clamp(200, 0, 1000))
    ui.messageBox('title', 'text')  # -> ui.messageBox exists | use print()
    return response


def onWebSocketOpen(webServerDAT, client):
    webServerDAT.webSocketSendText(client, 'hello')


def onWebSocketReceiveText(dat, data, client):  # -> argument 2 of `onWebSocketReceiveText` is client, not data
    pass


def onWebSocketReceiveBinary(dat, client, data, extra):  # -> needs 4 arguments; a Web Server DAT passes 3
    pass


def onWebSocketClose(dat, client, reason=None):
    forget(client)


def onWebsocketReceivePing(dat, client, data):  # -> is never called | did you mean `onWebSocketReceivePing`?
    pass


async def onWebSocketReceivePong(dat, client, data):  # -> is an `async def`, which is not called | make it a plain `def`
    pass


async def later(dat, client, data):
    pass


def onserverstart(dat):  # -> `onserverstart` is never called | did you mean `onServerStart`?
    pass


def OnServerStop(dat):  # -> is never called | did you mean `onServerStop`?
    pass


def onConnect(dat):  # -> `onConnect` is never called | did you mean `onWebSocketOpen`?
    pass


def forget(client):
    pass


def onForget(client):
    forget(client)


forgetting = onForget
