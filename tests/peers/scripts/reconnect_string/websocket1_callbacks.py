# me - this DAT
# dat - the WebSocket DAT

import json

FIRST, LONGEST = 6, 30		# frames


def note(event, dat):
	op('log').appendRow([event, dat.fetch('tries', 0)])
	print(event, dat.fetch('tries', 0))


def onConnect(dat):
	dat.store('tries', 0)
	note('connected', dat)
	dat.sendText(json.dumps({'hello': project.name, 'me': me.name, 'rows': op('log').numRows}))
	return


def onDisconnect(dat):
	if not dat.par.active:
		note('closed', dat)
		return
	tries = dat.fetch('tries', 0, search=False)
	note('lost', dat)
	dat.store('tries', tries + 1)
	wait = min(FIRST * 2 ** tries, LONGEST)
	if tries % 2:
		# the whole path in the text
		run(f"op({dat.path!r}).par.active = 0; op({dat.path!r}).par.active = 1", delayFrames=wait)
	else:
		run("args[0].par.active = 0; args[0].par.active = 1", dat, delayFrames=wait)
	return


def onReceiveText(dat, rowIndex, message):
	data = json.loads(message)
	if data.get('type') == 'row':
		# rowIndex is the row that was just written
		dat.sendText(dat[rowIndex, 0].val)
	elif data.get('type') == 'off':
		run("me.par.active = 0", fromOP=dat, delayFrames=1)
	elif data.get('type') == 'clear':
		dat.par.clear.pulse()
		run("args[0].sendText(str(args[0].numRows))", dat, delayFrames=2)
	return


def onReceivePing(dat, contents):
	dat.sendPong(contents)
	return


def onMonitorMessage(dat, message):
	return
