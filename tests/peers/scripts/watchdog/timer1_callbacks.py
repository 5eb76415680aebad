# me - this DAT
# timerOp - the connected Timer CHOP
# cycle - the cycle index
# segment - the segment index
# fraction - the time in fractional form

state = op('state')


def onInitialize(timerOp, callCount):
	return 0


def onReady(timerOp):
	return


def onStart(timerOp):
	return


def onDone(timerOp, segment, interrupt):
	# nothing has come for `length` seconds
	state['dialled', 1] = int(state['dialled', 1]) + 1
	print('watchdog barks', state['dialled', 'value'])
	ws = op('websocket1')
	ws.par.active = 0
	ws.par.active = 1
	timerOp.par.start.pulse()
	return
