import td
from td import op

from .registry import ToolError, tool


@tool
def list_operators(path: str = '/project1', family: str = '') -> list:
    """Lists the operators inside a component."""
    comp = op(path)
    if comp is None or not comp.isCOMP:
        raise ToolError(f'{path} is no component')
    return [{'name': o.name, 'type': o.OPType} for o in comp.children if family in ('', o.family)]


@tool
def create_operator(type: str, name: str, path: str = '/project1') -> str:
    """Makes an operator."""
    try:
        return td.op(path).create(type, name).path
    except td.Error as e:
        raise ToolError(str(e)) from e


@tool
def set_parameter(path: str, name: str, value: str) -> str:
    """Sets a parameter."""
    o = op(path)
    par = getattr(o.par, name, None) if o else None
    if par is None:
        raise ToolError(f'no parameter {name} on {path}')
    par.val = value
    return str(par.eval())


@tool
def delete_operator(path: str) -> bool:
    """Destroys an operator."""
    op(path).destroy()
    return op(path) is None
