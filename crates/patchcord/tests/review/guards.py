"""What a script asks first is no mistake."""

try:
    from td import fetchStamp
except ImportError:
    fetchStamp = None

try:
    import TDSomething
except ModuleNotFoundError:
    pass


def place(x):
    if hasattr(x, 'visibleLevel'):
        op('log').visibleLevel = 3
    op('log').licenseType = 3  # -> OP.licenseType
    return getattr(op('log'), 'currentPage', None) or op('log').currentPage


def tried():
    try:
        op('log').visibleLevel
        [o.currentPage for o in op('/').children]
    except AttributeError:
        op('log').licenseType  # -> OP.licenseType
    try:
        op('log').visibleLevel  # -> OP.visibleLevel
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
