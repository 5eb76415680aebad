# Records: kind (1 byte), number of the light (2 bytes, little endian), then
#   1 colour: r g b (1 byte each)          answered by an acknowledgement
#   2 level: float32                       answered by an acknowledgement
#   3 ask: nothing                         answered by 4: r g b level
# An acknowledgement is 0xFF and the count of records since the server started (uint32).
# Several records may come in one message.

import struct

HEAD = struct.Struct('<BH')
COLOUR = struct.Struct('<BBB')
LEVEL = struct.Struct('<f')
SIZES = {1: COLOUR.size, 2: LEVEL.size, 3: 0}

lights = op('lights')
count = 0
pings = []


def row(number):
	# by name: an int would be an index
	return lights.row(str(number))


def handle(kind, number, body):
	global count
	count += 1
	cells = row(number)
	if cells is None:
		raise KeyError(number)
	if kind == 1:
		for cell, value in zip(cells[1:4], COLOUR.unpack(body)):
			cell.val = value
	elif kind == 2:
		(level,) = LEVEL.unpack(body)
		lights[str(number), 'level'] = round(level, 3)
	elif kind == 3:
		r, g, b = (int(c) for c in cells[1:4])
		return HEAD.pack(4, number) + COLOUR.pack(r, g, b) + LEVEL.pack(float(cells[4]))
	return struct.pack('<BI', 0xFF, count)


def records(data):
	at = 0
	while at < len(data):
		kind, number = HEAD.unpack_from(data, at)
		at += HEAD.size
		size = SIZES[kind]
		if at + size > len(data):
			raise struct.error('record is cut')
		yield kind, number, data[at:at + size]
		at += size


def onHTTPRequest(webServerDAT, request, response):
	if request['uri'] == '/count':
		response['statusCode'] = 200
		response['data'] = '{} {}'.format(count, ','.join(pings))
	return response


def onWebSocketOpen(webServerDAT, client, uri):
	return


def onWebSocketReceiveBinary(webServerDAT, client, data):
	answer = bytearray()
	try:
		for kind, number, body in records(data):
			answer += handle(kind, number, body)
	except (struct.error, KeyError) as e:
		webServerDAT.webSocketSendText(client, type(e).__name__ + ': ' + str(e))
		webServerDAT.webSocketClose(client)
		return
	webServerDAT.webSocketSendBinary(client, answer)
	return


def onWebSocketReceiveText(webServerDAT, client, data):
	webServerDAT.webSocketSendText(client, 'binary only')
	return


def onWebSocketReceivePing(webServerDAT, client, data):
	pings.append(data.decode())
	webServerDAT.webSocketSendPong(client, data=data)
	return


def onWebSocketReceivePong(webServerDAT, client, data):
	return
