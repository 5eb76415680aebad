import inspect
import typing

REGISTRY = {}
TYPES = {str: 'string', int: 'integer', float: 'number', bool: 'boolean', list: 'array', dict: 'object'}


class ToolError(Exception):
    """Something that the model may be told."""


def schema(function):
    hints = typing.get_type_hints(function)
    properties, required = {}, []
    for name, parameter in inspect.signature(function).parameters.items():
        properties[name] = {'type': TYPES.get(hints.get(name, str), 'string')}
        if parameter.default is inspect.Parameter.empty:
            required.append(name)
    return {'type': 'object', 'properties': properties, 'required': required}


def tool(function):
    REGISTRY[function.__name__] = {
        'function': function,
        'name': function.__name__,
        'description': (inspect.getdoc(function) or '').split('\n')[0],
        'inputSchema': schema(function),
    }
    return function
