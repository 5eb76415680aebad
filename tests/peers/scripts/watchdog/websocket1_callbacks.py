state = op('state')
timer = op('timer1')


def feed():
	timer.par.initialize.pulse()
	timer.par.start.pulse()


def onConnect(dat):
	feed()
	dat.sendText('dialled ' + state['dialled', 1])
	return


def onDisconnect(dat):
	# the timer runs on: it dials
	return


def onReceiveText(dat, rowIndex, message):
	state['messages', 1] = state['messages', 1] + 1
	feed()
	if message == 'length':
		dat.sendText(f'{float(timer.par.length):g}')
	elif message == 'fraction':
		dat.sendText('%.2f' % timer['timer_fraction'])
	elif message == 'slow':
		timer.par.length = 30
		feed()
		dat.sendText('slow')
	return
