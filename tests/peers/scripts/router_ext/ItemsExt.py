import json


class ItemsExt:
	def __init__(self, ownerComp):
		self.ownerComp = ownerComp
		self.table = ownerComp.op('items')

	def Register(self, router):
		router.Get('/items', self.List)
		router.Get('/items/<id>', self.One)
		router.Post('/items', self.Make)

	def List(self):
		return [self.One(c.val) for c in self.table.col('id')[1:]]

	def One(self, id):
		if self.table[id, 'name'] is None:
			raise LookupError('no item ' + id)
		return {'id': int(id), 'name': self.table[id, 'name'].val}

	def Make(self, request):
		name = json.loads(request['data'])['name']
		id = self.table.numRows
		self.table.appendRow([id, name])
		return {'id': id, 'name': name}
