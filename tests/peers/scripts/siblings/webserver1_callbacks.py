import protocol
from protocol import ProtocolError


def onWebSocketReceiveText(webServerDAT, client, data):
	try:
		verb, value = protocol.parse(data)
		handler = getattr(mod('handlers'), verb, None)
		if handler is None:
			raise ProtocolError('no handler for ' + verb)
		answer = handler(value)
	except ProtocolError as e:
		# one class, however it was imported
		answer = protocol.pack('error', [str(e), type(e) is op('protocol').module.ProtocolError])
	except Exception as e:
		answer = protocol.pack('failed', type(e).__name__)
	webServerDAT.webSocketSendText(client, answer)
