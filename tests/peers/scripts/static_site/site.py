import hashlib
import os
import re
from pathlib import Path
from urllib.parse import unquote

WEB = Path(project.folder) / 'web'
mime = op('mime')


def mimeType(path):
	ext = os.path.splitext(str(path))[1].lower()
	if mime[ext, 1]:
		return mime[ext, 1].val
	return 'application/octet-stream'


def resolve(uri):
	"""The file for a path, or None. Nothing outside of web is ever given."""
	relative = unquote(uri).lstrip('/')
	path = (WEB / relative).resolve()
	if path.is_dir():
		path = path / 'index.html'
	if WEB.resolve() not in path.parents or not path.is_file():
		return None
	return path


def header(request, name):
	# letter case of headers depends on the client
	for key in request:
		if key.lower() == name.lower():
			return request[key]
	return None


def byteRange(value, size):
	"""(first, last) of 'bytes=a-b', 'bytes=a-' and 'bytes=-n', None if it does not fit"""
	found = re.match(r'bytes=(\d*)-(\d*)$', value.strip())
	if not found or found.groups() == ('', ''):
		return None
	a, b = found.groups()
	if a == '':
		first, last = max(0, size - int(b)), size - 1
	else:
		first, last = int(a), min(int(b) if b else size - 1, size - 1)
	return (first, last) if first <= last and first < size else None


def onHTTPRequest(webServerDAT, request, response):
	if request['method'] not in ('GET', 'HEAD'):
		response['statusCode'] = 405
		response['statusReason'] = 'Method Not Allowed'
		response['Allow'] = 'GET, HEAD'
		return response

	path = resolve(request['uri'])
	if path is None:
		response['statusCode'] = 404
		response['statusReason'] = 'Not Found'
		response['content-type'] = 'text/plain'
		response['data'] = 'nothing at ' + request['uri']
		return response

	with open(path, 'rb') as f:
		data = f.read()
	tag = '"' + hashlib.md5(data).hexdigest() + '"'
	response['ETag'] = tag
	response['Cache-Control'] = 'no-cache'
	if header(request, 'if-none-match') == tag:
		response['statusCode'] = 304
		response['statusReason'] = 'Not Modified'
		response['data'] = ''
		return response

	response['statusCode'] = 200
	response['statusReason'] = 'OK'
	response['content-type'] = mimeType(path)
	response['Accept-Ranges'] = 'bytes'
	wanted = header(request, 'range')
	if wanted:
		part = byteRange(wanted, len(data))
		if part is None:
			response['statusCode'] = 416
			response['statusReason'] = 'Range Not Satisfiable'
			response['Content-Range'] = f'bytes */{len(data)}'
			response['data'] = b''
			return response
		first, last = part
		response['statusCode'] = 206
		response['statusReason'] = 'Partial Content'
		response['Content-Range'] = f'bytes {first}-{last}/{len(data)}'
		data = data[first:last + 1]
	response['data'] = data
	return response
