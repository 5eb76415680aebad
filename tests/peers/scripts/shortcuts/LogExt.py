class LogExt:
	def __init__(self, ownerComp):
		self.ownerComp = ownerComp
		self.lines = ownerComp.op('lines')

	def log(self, level, source, *words):
		self.lines.appendRow([level, getattr(source, 'name', source), ' '.join(str(w) for w in words)])

	def Debug(self, source, *words):
		self.log('debug', source, *words)

	def Warn(self, source, *words):
		self.log('warn', source, *words)
		print('WARN', *words)

	def Rows(self):
		return [[c.val for c in row] for row in self.lines.rows()[1:]]
