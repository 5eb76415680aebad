from protocol import ProtocolError, pack
import protocol


def load():
	return op('state').jsonObject


def level(value):
	state = load()
	if value is not None:
		state['level'] = value
		import json
		op('state').text = json.dumps(state)
	return pack('level', state['level'])


def count(value):
	# the same module as everywhere
	return pack('count', [protocol.count, mod.protocol.count, op('protocol').module.count, parent().mod.protocol.count])


def where(value):
	return pack('where', [me.name, protocol.me.name if hasattr(protocol, 'me') else None, __name__ != '__main__'])


def deep(value):
	return pack('deep', op('deep/user').module.name())


def unknown(value):
	raise ProtocolError('nobody knows')
