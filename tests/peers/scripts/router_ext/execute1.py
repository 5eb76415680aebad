def onStart():
	router = op('server')
	op('items').ext.ItemsExt.Register(router)
	router.Get('/routes', lambda: router.Routes)
	router.Get('/promoted', promoted)
	return


def promoted():
	items = op('items')
	return {
		'capital': hasattr(op('server'), 'Route'),
		'small': hasattr(op('server'), 'call'),
		'private': hasattr(op('server').ext.Router, 'call'),
		'notPromoted': hasattr(items, 'List'),
		'extension': hasattr(items.ext, 'ItemsExt'),
		'none': getattr(items.ext, 'Nothing', None),
		'ready': items.extensionsReady,
		'owner': items.ext.ItemsExt.ownerComp == items,
	}
