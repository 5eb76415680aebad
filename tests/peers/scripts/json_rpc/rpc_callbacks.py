import inspect
import json
import traceback

PARSE, INVALID, UNKNOWN, PARAMS, INTERNAL = -32700, -32600, -32601, -32602, -32603


def fail(code, message, id=None, data=None):
    error = {'code': code, 'message': message}
    if data is not None:
        error['data'] = data
    return {'jsonrpc': '2.0', 'error': error, 'id': id}


def call(one):
    """One request of a batch; None for a notification."""
    if not isinstance(one, dict) or one.get('jsonrpc') != '2.0' or 'method' not in one:
        return fail(INVALID, 'invalid request')
    id = one.get('id')
    # the DAT is read each time, so that its edits count at once
    methods = op('rpc_methods').module.METHODS
    f = methods.get(one['method'])
    if f is None:
        return fail(UNKNOWN, 'method not found: ' + str(one['method']), id)
    params = one.get('params', [])
    args, kwargs = (params, {}) if isinstance(params, list) else ([], params)
    try:
        inspect.signature(f).bind(*args, **kwargs)
    except TypeError as e:
        return fail(PARAMS, str(e), id)
    try:
        result = f(*args, **kwargs)
    except Exception as e:
        last = traceback.extract_tb(e.__traceback__)[-1]
        return fail(INTERNAL, f'{type(e).__name__}: {e}', id, {'function': last.name, 'line': last.lineno})
    if 'id' not in one:
        return None
    return {'jsonrpc': '2.0', 'result': result, 'id': id}


def onHTTPRequest(webServerDAT, request, response):
    response['Content-Type'] = 'application/json'
    response['Access-Control-Allow-Origin'] = '*'

    if request.get('uri', '/') != '/rpc':
        response['statusCode'], response['statusReason'] = 404, 'Not Found'
        response['data'] = '{}'
        return response
    if request['method'] != 'POST':
        response['statusCode'], response['statusReason'] = 405, 'Method Not Allowed'
        response['Allow'] = 'POST'
        return response

    response['statusCode'] = 200
    response['statusReason'] = 'OK'
    data = request['data']
    if isinstance(data, bytes):
        data = data.decode('utf-8', 'replace')
    try:
        body = json.loads(data)
    except json.JSONDecodeError as e:
        response['data'] = json.dumps(fail(PARSE, f'parse error at {e.pos}'))
        return response

    if isinstance(body, list):
        answers = [a for a in map(call, body) if a is not None]
        answer = answers if body else fail(INVALID, 'empty batch')
    else:
        answer = call(body)
    if not answer:
        response['statusCode'], response['statusReason'], response['data'] = 204, 'No Content', ''
    else:
        response['data'] = json.dumps(answer)
    return response
