# me - this DAT
#
# frame - the current frame
# state - True if the timeline is paused
#
# Make sure the corresponding toggle is enabled in the Execute DAT.

PER_FRAME = 2


def onStart():
	me.store('handled', 0)
	print('queue is ready')
	return


def onCreate():
	return


def onExit():
	print('queue ends with', me.fetch('handled'), 'handled')
	return


def onFrameStart(frame):
	callbacks = op('webserver1_callbacks').module
	server = op('webserver1')
	for i in range(PER_FRAME):
		if not callbacks.queue:
			return
		client, text = callbacks.queue.popleft()
		op('done').appendRow([text, absTime.frame])
		me.store('handled', me.fetch('handled') + 1)
		if client in server.webSocketConnections:
			server.webSocketSendText(client, text.upper())
	return


def onFrameEnd(frame):
	return


def onPlayStateChange(state):
	return
