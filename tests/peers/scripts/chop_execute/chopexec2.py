frames = 0


def onOffToOn(channel, sampleIndex, val, prev):
	global frames
	frames = 0
	mod('webserver1_callbacks').send(kind='on', channel=channel.name, val=val, prev=prev)


def whileOn(channel, sampleIndex, val, prev):
	global frames
	frames += 1


def onOnToOff(channel, sampleIndex, val, prev):
	mod('webserver1_callbacks').send(kind='off', channel=channel.name, frames=frames > 1)
