# me - this DAT
# par - the Par object that has changed
# val - the current value
# prev - the previous value
#
# Make sure the corresponding toggle is enabled in the Parameter Execute DAT.
import json
from typing import Any, List


def send(**message):
	server = op('webserver1')
	for c in server.webSocketConnections:
		server.webSocketSendText(c, json.dumps(message))


def onValueChange(par: Par, prev: Any):
	# use par.eval() to get current value
	send(event='value', owner=par.owner.name, name=par.name, value=par.eval(), prev=prev)
	if par.name == 'Cue' and par.owner.par.Level > 0.8:
		par.owner.par.Level = 0.8
	return


# Called at end of frame with complete list of individual parameter changes.
# The changes are a list of named tuples, where each tuple is (Par, previous value)
def onValuesChanged(changes: List[ParChange]):
	done = []
	for c in changes:
		# use par.eval() to get current value
		par = c.par
		prev = c.prev
		by_place, before = c
		assert by_place is c[0] and before is prev and isinstance(c, ParChange)
		done.append([par.name, prev, par.eval()])
	send(event='values', changes=done)
	return


def onPulse(par):
	send(event='pulse', name=par.name)
	par.owner.par.Cue += 1
	return


def onExpressionChange(par, val, prev):
	return


def onModeChange(par, val, prev):
	return
