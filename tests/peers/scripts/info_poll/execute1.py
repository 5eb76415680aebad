last = None


def onFrameStart(frame):
	# a row whenever the number of clients has changed
	global last
	n = int(op('info1')['websocket_connections'])
	if n != last:
		last = n
		op('history').appendRow([absTime.frame, n])
