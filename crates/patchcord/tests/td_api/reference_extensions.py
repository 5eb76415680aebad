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


def test_promoted_members():
    comp = extended()
    assert comp.Step() == 3 and comp.Step(by=2) == 5 and comp.Upper == 5 and comp.Twice == 10
    assert comp.ext.CountExt.hidden() == 'hidden' and comp.ext.CountExt.lower == 1
    raises(AttributeError, lambda: comp.hidden)
    raises(AttributeError, lambda: comp.Nothing, 'Nothing')
    assert comp.ext.CountExt.ownerComp == comp and comp.extensionsReady
    assert [type(e).__name__ for e in comp.extensions] == ['CountExt']
    comp.Upper = 50
    assert comp.ext.CountExt.Upper == 50
    comp.destroy()


def test_not_promoted_members():
    comp = extended(promote=False)
    raises(AttributeError, lambda: comp.Step)
    assert comp.ext.CountExt.Step() == 3 and not hasattr(comp, 'Upper')
    assert getattr(comp.ext, 'Other', None) is None
    comp.destroy()


def test_an_extension_is_found_from_inside():
    comp = extended()
    deep = comp.create(baseCOMP, 'deep').create(textDAT, 'asks')
    deep.text = 'def ask():\n    return [ext.CountExt.Upper, me.ext.CountExt.Upper, parent(2).Upper]\n'
    assert deep.module.ask() == [2, 2, 2]
    comp.destroy()


def test_properties_and_what_is_stored():
    comp = extended()
    assert comp.Level == 5 and comp.Fixed == 6
    comp.Level = 7
    assert comp.ext.CountExt.Level == 7
    raises(AttributeError, lambda: setattr(comp, 'Fixed', 1))
    assert comp.Kept == 10
    comp.Kept += 5
    comp.Step(100)
    comp.initializeExtensions()
    assert comp.Kept == 15 and comp.Upper == 2 and comp.Level == 5
    assert comp.ext.CountExt.stored['Kept'] == 15
    comp.destroy()


def test_an_expression_follows_a_property():
    comp = extended()
    op('text1').par.customext.expr = "op('extended').Level"
    assert op('text1').par.customext.eval() == '5'
    comp.Level = 8
    assert op('text1').par.customext.eval() == '8'
    op('text1').par.customext.reset()
    comp.destroy()


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


def test_td_resources():
    assert op.TDResources.isCOMP
    for name in ('TDFunctions', 'TDStoreTools', 'TDJSON'):
        assert getattr(op.TDModules.mod, name).__name__.endswith(name)
    import TDFunctions
    assert op.TDModules.mod.TDFunctions.createProperty is TDFunctions.createProperty


def test_storage_manager_keeps_what_is_listed():
    from TDStoreTools import StorageManager

    class Holder:
        pass

    comp = parent().create(baseCOMP, 'holder')
    one = StorageManager(Holder(), comp, [{'name': 'A', 'default': 1}, {'name': 'B', 'default': [1, 2]}])
    one['A'] = 5
    assert one['A'] == 5 and list(one['B']) == [1, 2] and 'A' in one
    two = StorageManager(Holder(), comp, [{'name': 'A', 'default': 1}, {'name': 'C', 'default': 'x'}])
    assert two['A'] == 5 and two['C'] == 'x' and 'B' not in two
    raises(KeyError, lambda: two['Nothing'])
    comp.destroy()


def test_dependable_collections():
    from TDStoreTools import DependDict, DependList, DependSet
    values = DependList([1, 2])
    table = DependDict({'a': 1})
    names = DependSet({'x'})
    values.append(3)
    table['b'] = 2
    names.add('y')
    assert list(values) == [1, 2, 3] and len(values) == 3 and values[0] == 1
    assert sorted(table.keys()) == ['a', 'b'] and table['b'] == 2 and table.get('c') is None
    assert len(names) == 2 and 'y' in names
    op('base1').store('watched', values)
    op('text1').par.customext.expr = "len(op('base1').fetch('watched'))"
    assert op('text1').par.customext.eval() == '3'
    values.append(4)
    assert op('text1').par.customext.eval() == '4'
    op('text1').par.customext.reset()
    op('base1').unstore('watched')


def test_tdjson():
    import TDJSON
    text = TDJSON.jsonToText({'b': 1, 'a': [True, None]})
    assert json.loads(text) == {'a': [True, None], 'b': 1} and TDJSON.textToJSON(text) == {'a': [True, None], 'b': 1}
    dat = parent().create(textDAT, 'doc')
    TDJSON.jsonToDat({'x': 'ü'}, dat)
    assert TDJSON.datToJSON(dat) == {'x': 'ü'} and dat.jsonObject == {'x': 'ü'}
    dat.destroy()
    comp = parent().create(baseCOMP, 'jsoned')
    level = comp.appendCustomPage('Show').appendFloat('Level')[0]
    level.default, level.val, level.normMax = 0.5, 0.75, 2
    described = TDJSON.parameterToJSONPar(level)
    assert described['name'] == 'Level' and described['style'] == 'Float' and described['default'] == 0.5
    whole = TDJSON.opToJSONOp(comp)
    other = parent().create(baseCOMP, 'from_json')
    TDJSON.addParametersFromJSONOp(other, whole)
    assert other.par.Level.page.name == 'Show' and other.par.Level.default == 0.5 and other.par.Level.normMax == 2
    comp.destroy()
    other.destroy()
