import json
import mimetypes
import os
import re

media = op('media')


def nameOf(uri):
	return tdu.validName(os.path.splitext(uri.split('/')[-1])[0]) + os.path.splitext(uri)[1].lower()


def multipart(body, contentType):
	"""(file name, content) of each part of a form; no library needed"""
	boundary = re.search('boundary="?([^";]+)', contentType).group(1).encode()
	for part in body.split(b'--' + boundary)[1:-1]:
		head, content = part.split(b'\r\n\r\n', 1)
		name = re.search(rb'filename="([^"]+)"', head)
		if name:
			yield name.group(1).decode(), content[:-2]


def keep(name, content):
	old = media.vfs[name]
	if old:
		old.destroy()
	media.vfs.addByteArray(bytearray(content), name)
	return {'name': name, 'size': len(content), 'replaced': old is not None}


def onHTTPRequest(webServerDAT, request, response):
	uri, method = request['uri'], request['method']
	data = request['data']
	if isinstance(data, str):
		data = data.encode('utf-8')
	response['statusCode'] = 200
	response['statusReason'] = 'OK'

	if uri == '/files' and method == 'GET':
		files = {f.name: [f.size, f.virtualPath] for f in media.vfs}
		response['content-type'] = 'application/json'
		response['data'] = json.dumps(files)
		return response

	if len(data) > media.par.Largest:
		response['statusCode'] = 413
		response['statusReason'] = 'Too Large'
		return response

	if uri == '/files' and method == 'POST':
		made = [keep(nameOf(n), c) for n, c in multipart(data, request['Content-Type'])]
		response['data'] = json.dumps(made)
		return response

	name = nameOf(uri)
	if method == 'PUT':
		response['data'] = json.dumps(keep(name, data))
		return response

	f = media.vfs[name]
	if f is None:
		response['statusCode'] = 404
		response['statusReason'] = 'Not Found'
		return response
	if method == 'DELETE':
		f.destroy()
		response['data'] = json.dumps(media.vfs[name] is None)
	elif 'export' in request['pars']:
		folder = os.path.join(project.folder, 'exported')
		os.makedirs(folder, exist_ok=True)
		response['data'] = os.path.relpath(f.export(folder), project.folder)
	else:
		response['content-type'] = mimetypes.guess_type(name)[0] or 'application/octet-stream'
		response['data'] = f.byteArray
	return response
