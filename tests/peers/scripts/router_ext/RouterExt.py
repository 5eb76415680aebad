"""
Extension classes enhance TouchDesigner components with python. An
extension is accessed via ext.ExtensionClassName from any operator
within the extended component. If the extension is promoted via its
Promote Extension parameter, all its attributes with capitalized names
can be accessed externally, e.g. op('yourComp').PromotedFunction().
"""
import inspect
import json
import re
from TDStoreTools import StorageManager
import TDFunctions as TDF


class RouterExt:
	"""
	RouterExt sends requests to handlers by method and path; <name> in a path is an argument.
	"""

	def __init__(self, ownerComp):
		# The component to which this extension is attached
		self.ownerComp = ownerComp
		self.routes = []
		self.Requests = 0
		self.server = ownerComp.op('webserver1')

	def Add(self, method, path, handler):
		pattern = re.compile('^' + re.sub(r'<(\w+)>', r'(?P<\1>[^/]+)', path) + '$')
		self.routes.append((method, pattern, handler))
		return handler

	def Get(self, path, handler):
		return self.Add('GET', path, handler)

	def Post(self, path, handler):
		return self.Add('POST', path, handler)

	def Route(self, request, response):
		self.Requests += 1
		known = False
		for method, pattern, handler in self.routes:
			found = pattern.match(request['uri'])
			if not found:
				continue
			known = True
			if method != request['method']:
				continue
			return self.call(handler, request, response, found.groupdict())
		response['statusCode'] = 405 if known else 404
		response['statusReason'] = 'Method Not Allowed' if known else 'Not Found'
		response['data'] = ''
		return response

	def call(self, handler, request, response, arguments):
		if 'request' in inspect.signature(handler).parameters:
			arguments['request'] = request
		try:
			result = handler(**arguments)
		except LookupError as e:
			response['statusCode'] = 404
			response['statusReason'] = 'Not Found'
			response['data'] = str(e)
			return response
		response['statusCode'] = 200
		response['statusReason'] = 'OK'
		response['content-type'] = 'application/json'
		response['data'] = json.dumps(result)
		return response

	@property
	def Routes(self):
		return [m + ' ' + p.pattern for m, p, h in self.routes]
