# me - this DAT
# dat - the DAT that received the event
# rowIndex - the row number the event was placed into
# message - the event message data
# event - the event name
import hashlib
import json

SECRET = 'not so secret'


def token(number):
	return str(number) + ':' + hashlib.sha256((SECRET + str(number)).encode()).hexdigest()[:16]


def refresh():
	number = me.fetch('number', 0) + 1
	me.store('number', number)
	op('auth')['token', 1] = token(number)
	print('token', number)


def onOpen(dat):
	print('open')
	dat.emit('hello', {'name': project.name, 'cues': op('cues').numRows - 1})
	return


def onReceiveEvent(dat, rowIndex, message, event):
	kind = type(message).__name__
	op('cues').appendRow([event, json.dumps(message), kind])
	if event == 'cue':
		dat.emit('done', data={'cue': message['cue'], 'row': rowIndex > 0})
	elif event == 'state':
		dat.emit('state', None)
	elif event == 'number':
		dat.emit('sum', [message, message + 1])
	return


def onClose(dat, failure):
	print('closed', 'by an error' if failure else 'in order')
	refresh()
	return
