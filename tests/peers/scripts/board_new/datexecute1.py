"""
DAT Execute DAT

me - this DAT
"""
from typing import List


def onTableChange(dat: DAT, prevDAT: DAT, info: ChangedDATInfo):
	"""
	Called when any part of the table changes.
	"""
	send = op('webserver1_callbacks').module.send
	send({
		'event': 'table',
		'dat': dat.name,
		'before': [[c.val for c in row] for row in prevDAT.rows()],
		'rowsChanged': info.rowsChanged,
		'rowsAdded': list(info.rowsAdded),
		'rowsRemoved': list(info.rowsRemoved),
		'colsAdded': list(info.colsAdded),
		'cells': [[c.row, c.col, c.val] for c in info.cellsChanged],
		'sizeChanged': bool(info.sizeChanged),
	})
	return
