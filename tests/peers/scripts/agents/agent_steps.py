# One agent is a chain of runs: each step asks for the next one.

GROUP = 'agents'
pending = {}	# name -> Run


def tell(text):
	server = op('webserver1')
	for client in server.webSocketConnections:
		server.webSocketSendText(client, text)


def step(name, every, left):
	table = op('agents')
	pending.pop(name, None)
	if table[name, 'state'] is None:
		return
	table[name, 'steps'] = int(table[name, 'steps']) + 1
	if left <= 1:
		table[name, 'state'] = 'done'
		tell(name + ' done after ' + table[name, 'steps'])
		return
	pending[name] = run(step, name, every, left - 1, delayFrames=every, group=GROUP)


def start(name, every=1, steps=5):
	op('agents').appendRow([name, 0, 'busy'])
	# the first step by a string, as it would be typed into the textport
	pending[name] = run("op('agent_steps').module.step(args[0], args[1], args[2])", name, every, steps,
		delayFrames=1, group=GROUP, fromOP=me)
	return pending[name]


def stop(name):
	r = pending.pop(name, None)
	if r is None or not r.active:
		return False
	r.kill()
	op('agents')[name, 'state'] = 'stopped'
	return True


def stopAll():
	count = 0
	for r in list(runs):
		if r.group == GROUP:
			r.kill()
			count += 1
	for name in list(pending):
		op('agents')[name, 'state'] = 'stopped'
	pending.clear()
	return count
