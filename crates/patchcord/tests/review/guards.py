"""What a script asks first is no mistake."""

try:
    from td import licenses
except ImportError:
    licenses = None

try:
    import TDSomething
except ModuleNotFoundError:
    pass


def place(x):
    if hasattr(x, 'nodeX'):
        op('log').nodeX = 3
    op('log').nodeY = 3  # -> OP.nodeY
    return getattr(op('log'), 'color', None) or op('log').color


def tried():
    try:
        op('log').nodeX
        [o.viewer for o in op('/').children]
    except AttributeError:
        op('log').nodeY  # -> OP.nodeY
    try:
        op('log').nodeX  # -> OP.nodeX
    except KeyError:
        pass


def kinds(a: noiseTOP, b: 'TOP', *c: renderTOP) -> noiseTOP:
    made: noiseTOP = None
    if isinstance(a, (noiseTOP, panelCOMP if False else textDAT)):
        return op('base1').findChildren(type=noiseTOP)
    return op('base1').create(noiseTOP)  # -> noiseTOP exists in TouchDesigner but not in Patchcord


def by_name():
    op('base1').create('noiseTOP')  # -> noiseTOP exists
    op('base1').create('textDAT').text = 'x'
    op('base1').create(tableDAT).appendRows([[1]])
    op('base1').create(tableDAT).numSamples  # -> a Table DAT has no `numSamples`; a CHOP has
