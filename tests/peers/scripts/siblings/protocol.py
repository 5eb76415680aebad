"""Messages are `verb;json`."""
import json

NAME = 'protocol'
count = 0


class ProtocolError(Exception):
	pass


def parse(text):
	global count
	count += 1
	verb, separator, rest = text.partition(';')
	if not separator:
		raise ProtocolError('no separator in ' + repr(text))
	return verb, json.loads(rest or 'null')


def pack(verb, value=None):
	return verb + ';' + json.dumps(value)
