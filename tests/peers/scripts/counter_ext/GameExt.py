from TDStoreTools import StorageManager, DependDict
import TDFunctions as TDF

VERSION = 1


class GameExt:
	"""
	GameExt counts. Hits and Best are stored, Score begins at 0 with each edit.
	"""

	def __init__(self, ownerComp):
		self.ownerComp = ownerComp

		# properties
		TDF.createProperty(self, 'Score', value=0, dependable=True, readOnly=False)
		TDF.createProperty(self, 'Version', value=VERSION, readOnly=True)

		# attributes:
		self.private = 0

		# stored items (persistent across saves and re-initialization):
		storedItems = [
			{'name': 'Hits', 'default': 0, 'readOnly': False, 'property': True, 'dependable': True},
			{'name': 'Best', 'default': {'name': None, 'score': 0}, 'readOnly': False, 'property': True, 'dependable': False},
		]
		self.stored = StorageManager(self, ownerComp, storedItems)
		print('GameExt', VERSION, 'made')

	def Hit(self, name, times=1):
		self.Hits += 1
		self.stored['Hits'] = self.stored['Hits']
		self.Score += times * self.ownerComp.par.Step
		self.private += 1
		if self.Score > self.Best['score']:
			self.Best = {'name': name, 'score': int(self.Score)}
		return self.Score

	def SetVersion(self, value):
		self.Version = value
