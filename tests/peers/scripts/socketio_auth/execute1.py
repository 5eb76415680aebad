def onStart():
	# the first token is there before the first connection
	op('socketio1_callbacks').module.refresh()
