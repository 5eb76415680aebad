def onConnect(dat):
	dat.sendText(f'{dat.par.netaddress} {dat.par.port.mode.name} {dat.par.active.mode.name}')


def onDisconnect(dat):
	print('away from', dat.par.netaddress.eval())
