# Every third frame is an event, until there are twelve.

def onFrameStart(frame):
	feed = op('webserver1_callbacks').module
	if absTime.frame % 3 == 0 and feed.last() < 12:
		feed.publish('tick', {'frame': absTime.frame, 'seconds': absTime.seconds})
	return
