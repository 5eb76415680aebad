"""What can be called. Every function with @method is public."""

import math

METHODS = {}
TABLE = op('values')


def method(f):
    METHODS[f.__name__] = f
    return f


@method
def get(name):
    cell = TABLE[name, 'value']
    if cell is None:
        raise LookupError('no value ' + name)
    try:
        return float(cell)
    except ValueError:
        return cell.val


@method
def set(name, value):
    """sets or adds a value, returns what stood there"""
    before = TABLE[name, 1]
    if before is None:
        TABLE.appendRow([name, value])
        return None
    before = str(before)
    TABLE[name, 1] = value
    return before


@method
def names():
    return [c.val for c in TABLE.col('name')[1:]]


@method
def note(text='', clear=False):
    dat = op('notes')
    if clear:
        dat.clear()
    dat.write(text + '\n')
    return len(dat.text.splitlines())


@method
def divide(a, b):
    return a / b


@method
def distance(*points):
    total = 0
    for (x1, y1), (x2, y2) in zip(points, points[1:]):
        total += math.hypot(x2 - x1, y2 - y1)
    return round(total, 3)


@method
def where():
    return {'me': me.path, 'frame': absTime.frame >= 0, 'project': project.name}
