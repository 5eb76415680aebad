import json
import os
import sys
import traceback

LIB = os.path.join(project.folder, 'lib')
if LIB not in sys.path:
	sys.path.insert(0, LIB)

import show_tools

PROTOCOL = '2025-06-18'


def text(value):
	return [{'type': 'text', 'text': value if isinstance(value, str) else json.dumps(value)}]


def initialize(params):
	return {
		'protocolVersion': params.get('protocolVersion', PROTOCOL),
		'serverInfo': {'name': project.name, 'version': app.version},
		'capabilities': {'tools': {'listChanged': False}},
	}


def listTools(params):
	keys = ('name', 'description', 'inputSchema')
	return {'tools': [{k: t[k] for k in keys} for t in show_tools.REGISTRY.values()]}


def callTool(params):
	tool = show_tools.REGISTRY.get(params['name'])
	if tool is None:
		raise LookupError('unknown tool ' + params['name'])
	try:
		return {'content': text(tool['function'](**params.get('arguments', {}))), 'isError': False}
	except show_tools.ToolError as e:
		return {'content': text(str(e)), 'isError': True}
	except Exception:
		return {'content': text(traceback.format_exc(limit=-1)), 'isError': True}


METHODS = {
	'initialize': initialize,
	'tools/list': listTools,
	'tools/call': callTool,
	'ping': lambda params: {},
}


def handle(message):
	method = METHODS.get(message.get('method'))
	if 'id' not in message:
		return None
	answer = {'jsonrpc': '2.0', 'id': message['id']}
	if method is None:
		answer['error'] = {'code': -32601, 'message': 'unknown method'}
		return answer
	try:
		answer['result'] = method(message.get('params', {}))
	except LookupError as e:
		answer['error'] = {'code': -32602, 'message': str(e)}
	return answer
