LIMIT = 100


def read(sensor, value):
	"""a reading; a bad one is an error of the component until a good one comes"""
	t = op('readings')
	if t[sensor, 0] is None:
		t.appendRow([sensor, ''])
	try:
		number = float(value)
	except ValueError:
		me.parent().addScriptError('sensor ' + sensor + ' says ' + repr(value))
		return False
	if number > LIMIT:
		parent().addScriptError(f'sensor {sensor} is too hot: {number:g}')
		return False
	t[sensor, 'value'] = number
	me.parent().clearScriptErrors(error='*' + sensor + '*')
	return True
