"""Extensions, shortcuts and the modules that TouchDesigner ships, from the reference."""
import json


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


CLASS = '''
from TDStoreTools import StorageManager
import TDFunctions as TDF

class CountExt:
    def __init__(self, ownerComp):
        self.ownerComp = ownerComp
        self.lower = 1
        self.Upper = 2
        TDF.createProperty(self, 'Level', value=5)
        TDF.createProperty(self, 'Fixed', value=6, readOnly=True)
        self.stored = StorageManager(self, ownerComp, [{'name': 'Kept', 'default': 10, 'property': True}])

    def Step(self, by=1):
        self.Upper += by
        return self.Upper

    def hidden(self):
        return 'hidden'

    @property
    def Twice(self):
        return 2 * self.Upper
'''


def extended(name='extended', promote=True):
    comp = parent().create(baseCOMP, name)
    comp.create(textDAT, 'CountExt').text = CLASS
    if hasattr(comp.par, 'ext0object'):
        comp.par.ext0object = "op('./CountExt').module.CountExt(me)"
        comp.par.ext0name, comp.par.ext0promote = 'CountExt', promote
    else:
        comp.par.extension1, comp.par.extname1 = "op('./CountExt').module.CountExt(me)", 'CountExt'
        comp.par.promoteextension1 = promote
    comp.initializeExtensions()
    return comp


def test_an_extension_that_raises():
    comp = parent().create(baseCOMP, 'fragile')
    bad = comp.create(textDAT, 'Bad')
    bad.text = 'class Bad:\n    def __init__(self, ownerComp):\n        raise ValueError("no device")\n'
    par = 'ext0object' if hasattr(comp.par, 'ext0object') else 'extension1'
    setattr(comp.par, par, "op('./Bad').module.Bad(me)")
    try:
        comp.initializeExtensions()
    except Exception:
        pass
    assert 'no device' in comp.errors() + comp.scriptErrors() + comp.op('Bad').errors()
    comp.destroy()


def test_global_shortcuts():
    base = op('base1')
    base.par.opshortcut = 'HOME'
    assert op.HOME == base and hasattr(op, 'HOME') and op.HOME.op('text1').text == op('base1/text1').text
    base.name = 'moved'
    assert op.HOME.path == '/project1/moved'
    base.name = 'base1'
    base.par.opshortcut = ''
    raises(AttributeError, lambda: op.HOME, 'HOME')


def test_parent_shortcuts():
    base = op('base1')
    base.par.parentshortcut = 'House'
    inner = op('base1/deep/text2')
    assert inner.parent.House == base and op('base1/deep').parent.House == base
    inner.text = 'def f():\n    return parent.House.path\n'
    assert inner.module.f() == '/project1/base1'
    raises(AttributeError, lambda: op('text1').parent.House, 'House')
    inner.text = 'deeper'
    base.par.parentshortcut = ''
