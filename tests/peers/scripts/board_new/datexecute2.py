def onRowChange(dat, rows):
	op('webserver1_callbacks').module.send({'event': 'rows', 'rows': list(rows)})


def onCellChange(dat, cells, prev):
	changes = [[c.row, c.col, before, c.val] for c, before in zip(cells, prev)]
	op('webserver1_callbacks').module.send({'event': 'cells', 'changes': changes})
