# me - this DAT
#
# dat - the changed DAT
# rows - a list of row indices
# cols - a list of column indices
# cells - the list of cells that have changed content
# prev - the list of previous string contents of the changed cells
import json

count = 0


def onTableChange(dat):
	global count
	count += 1
	server = op('webserver1')
	names = [c.val for c in dat.row(0)]
	rows = [dict(zip(names, (c.val for c in dat.row(r)))) for r in range(1, dat.numRows)]
	message = json.dumps({'count': count, 'dat': dat.name, 'rows': rows})
	for c in server.webSocketConnections:
		server.webSocketSendText(c, message)
	return


def onRowChange(dat, rows):
	# its toggle is off
	raise Exception('not wanted')


def onSizeChange(dat):
	print('size', dat.numRows, dat.numCols)
	return
