# Who may do what. Sessions are in the storage of this component: they stay when this script is edited.

import json
import secrets
import time
from http import cookies

LIFETIME = 60 * 60
home = me.parent()


def sessions():
	return home.fetch('sessions', {}, storeDefault=True)


def passwords():
	t = op('users')
	return {t[r, 'user'].val: t[r, 'password'].val for r in range(1, t.numRows)}


def userOf(token):
	"""user name in a Basic token that authenticateBasic found good"""
	import base64
	if token.startswith('Basic '):
		token = token[6:]
	return base64.b64decode(token).decode('utf-8').split(':', 1)[0]


def sessionOf(request):
	jar = cookies.SimpleCookie(request.get('Cookie', ''))
	if 'session' not in jar:
		return None
	session = sessions().get(jar['session'].value)
	if session is None or session['until'] < time.time():
		return None
	return session


def ok(response, **values):
	response['statusCode'] = 200
	response['statusReason'] = 'OK'
	response['content-type'] = 'application/json'
	response['data'] = json.dumps(values)
	return response


def refuse(response, code, reason):
	response['statusCode'] = code
	response['statusReason'] = reason
	if code == 401:
		response['WWW-Authenticate'] = 'Basic realm="show", charset="UTF-8"'
	response['data'] = ''
	return response


def onHTTPRequest(webServerDAT, request, response):
	uri = request['uri']

	if uri == '/login':
		token = request['Authorization'] if 'Authorization' in request else ''
		# some builds want the token alone
		if request['pars'].get('bare'):
			token = token.replace('Basic ', '')
		if not token or not webServerDAT.authenticateBasic(token, passwords()):
			return refuse(response, 401, 'Unauthorized')
		name = userOf(token)
		key = secrets.token_hex(16)
		sessions()[key] = {'user': name, 'role': op('users')[name, 'role'].val, 'until': time.time() + LIFETIME}
		response['Set-Cookie'] = f'session={key}; Path=/; HttpOnly; SameSite=Strict; Max-Age={LIFETIME}'
		return ok(response, user=name)

	session = sessionOf(request)
	if session is None:
		return refuse(response, 401, 'Unauthorized')
	if uri == '/me':
		return ok(response, user=session['user'], role=session['role'], sessions=len(sessions()))
	if uri == '/logout':
		for key in [k for k, s in sessions().items() if s is session]:
			del sessions()[key]
		response['Set-Cookie'] = 'session=; Path=/; Max-Age=0'
		return ok(response, user=None)
	if uri == '/users':
		if session['role'] != 'admin':
			return refuse(response, 403, 'Forbidden')
		return ok(response, users=sorted(passwords()))
	return response
