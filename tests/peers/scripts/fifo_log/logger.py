LEVELS = ['debug', 'info', 'warning', 'error']
level = 'info'


def log(kind, *words):
	if LEVELS.index(kind) < LEVELS.index(level):
		return False
	op('log').appendRow([absTime.frame, kind, ' '.join(str(w) for w in words)])
	return True


def tail(n):
	dat = op('log')
	rows = [[c.val for c in row] for row in dat.rows()]
	return [row[1:] for row in rows if row and row[0].isdigit()][-n:]
