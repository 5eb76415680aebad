# Callbacks of both DATs: `dat` says which one.

LIMIT = 3
opened = set()
waiting = {'left': [], 'right': []}


def otherOf(dat):
	return op('right') if dat.name == 'left' else op('left')


def log(dat, kind, content):
	op('log').appendRow([dat.name, kind, len(content)])


def send(dat, content):
	if dat.name not in opened:
		queue = waiting[dat.name]
		queue.append(content)
		while len(queue) > LIMIT:
			queue.pop(0)
		return 0
	if isinstance(content, (bytes, bytearray)):
		return dat.sendBinary(content)
	return dat.sendText(content)


def onConnect(dat):
	opened.add(dat.name)
	queue, waiting[dat.name] = waiting[dat.name], []
	for content in queue:
		send(dat, content)
	if dat == op('left'):
		# the second one only when the first one is there
		op('right').par.active = True


def onDisconnect(dat):
	opened.discard(dat.name)


def onReceiveText(dat, rowIndex, message):
	log(dat, 'text', message)
	if message.startswith('bridge:'):
		command = message.split(':', 1)[1]
		if command == 'log':
			rows = op('log').rows()[1:]
			dat.sendText(';'.join(' '.join(c.val for c in row) for row in rows))
		elif command == 'parts':
			# several arguments become one message
			dat.sendText('one ', 'and ', 'two')
			dat.sendBinary('abc', b'\x00\x01', 255, bytearray(b'z'))
		elif command == 'off':
			op('right').par.active = False
		elif command == 'on':
			op('right').par.active = True
		elif command == 'closed':
			result = op('right').sendText('nobody hears this')
			dat.sendText('negative' if result < 0 else 'sent %d' % result)
		return
	send(otherOf(dat), message)


def onReceiveBinary(dat, contents):
	log(dat, 'binary', contents)
	send(otherOf(dat), contents)


def onReceivePing(dat, contents):
	dat.sendPong(contents)
