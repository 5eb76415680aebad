"""The modules that come with the program, tdu.Dependency in expressions, and what else can be imported."""

import TDFunctions
from TDStoreTools import DependDict, DependList, DependSet, StorageManager


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f'{kind.__name__} was not raised')


def follows(expression, **values):
    """A function that evaluates an expression in a parameter and says how often it was worked out."""
    made = parent().create(textDAT, 'follower1')
    counter = {'n': 0}

    def count(value):
        counter['n'] += 1
        return value

    made.store('values', dict(values, count=count))
    made.par.file.expr = f"(lambda v: str(v['count']({expression})))(me.storage['values'])"

    def read():
        return made.par.file.eval(), counter['n']
    return read


def test_modules_are_found_in_every_way():
    import TDStoreTools
    assert mod('TDFunctions') is TDFunctions and mod.TDStoreTools is TDStoreTools
    assert op.TDModules.mod.TDFunctions is TDFunctions and op.TDModules.mod.TDStoreTools is TDStoreTools
    raises(AttributeError, lambda: TDFunctions.arrangeNode, 'arrangeNode', 'editor')
    raises(AttributeError, lambda: mod.TDNothing)


def test_a_dependency_is_followed():
    value = tdu.Dependency(1)
    read = follows("v['value'].val + 1", value=value)
    assert read() == ('2', 1) and read() == ('2', 1)
    value.val = 5
    assert read() == ('6', 2) and read() == ('6', 2)
    value.val = 5
    assert read() == ('6', 2)
    value.modified()
    assert read() == ('6', 3)
    peek = follows("v['value'].peekVal", value=value)
    assert peek() == ('5', 1)
    value.val = 6
    assert peek() == ('5', 1)


def test_dependencies_tell_their_callbacks():
    heard = []
    value = tdu.Dependency('a')
    value.callbacks.append(lambda info: heard.append((info['prevVal'], info['dependency'].val)))
    value.val = 'b'
    value.val = 'b'
    assert heard == [('a', 'b')]


class Plain:
    pass


def test_create_property():
    one, other = Plain(), Plain()
    TDFunctions.createProperty(one, 'Speed', value=2)
    assert one.Speed == 2 and isinstance(one._Speed, tdu.Dependency) and not hasattr(other, 'Speed')
    assert isinstance(one, Plain) and type(one).__name__ == 'Plain'
    read = follows("v['one'].Speed", one=one)
    assert read() == ('2', 1)
    one.Speed = 3
    assert one.Speed == 3 and one._Speed.val == 3 and read() == ('3', 2)
    TDFunctions.createProperty(other, 'Name', value='x', attributeName='given', readOnly=True, dependable=False)
    assert other.Name == 'x' and other.given == 'x'
    raises(AttributeError, lambda: setattr(other, 'Name', 'y'), 'Name')
    other.given = 'z'
    assert other.Name == 'z'
    TDFunctions.createProperty(one, 'Deep', value={'a': [1]}, dependable='deep')
    assert isinstance(one.Deep, DependDict) and isinstance(one.Deep['a'], DependList)
    read = follows("v['one'].Deep['a'][0]", one=one)
    assert read() == ('1', 1)
    one.Deep['a'][0] = 7
    assert read() == ('7', 2)
    one.Deep = {'a': [9]}
    assert read() == ('9', 3) and isinstance(one.Deep, DependDict)


def test_deep_dependable():
    deep = TDFunctions.makeDeepDependable({'list': [1, {'x': {2}}], 'text': 'abc'})
    assert isinstance(deep['list'][1]['x'], DependSet) and deep['text'] == 'abc'
    assert deep.getRaw() == {'list': [1, {'x': {2}}], 'text': 'abc'} and deep == deep.getRaw()
    assert TDFunctions.checkDeepDependable(deep) and not TDFunctions.checkDeepDependable(DependDict(a=[1]))
    assert TDFunctions.makeDeepDependable(deep) is deep and TDFunctions.makeDeepDependable(5) == 5


def test_a_dictionary_follows_each_entry():
    d = DependDict({'a': 1}, b=2)
    a, keys, missing = follows("v['d']['a']", d=d), follows("list(v['d'])", d=d), follows("v['d'].get('c')", d=d)
    assert (a(), keys(), missing()) == (('1', 1), ("['a', 'b']", 1), ('None', 1))
    d['b'] = 5
    assert a()[1] == 1 and keys()[1] == 1
    d['a'] = 3
    assert a() == ('3', 2) and keys()[1] == 1
    d['c'] = 4
    assert keys() == ("['a', 'b', 'c']", 2) and missing() == ('4', 2) and a()[1] == 2
    assert d.pop('c') == 4 and missing() == ('None', 3)
    assert dict(d) == {'a': 3, 'b': 5} and d == {'a': 3, 'b': 5} and len(d) == 2 and 'a' in d
    d.update(a=1, z=0)
    assert d.getRaw() == {'a': 1, 'b': 5, 'z': 0} and d.getDependency('a').val == 1 and d.getRaw('z') == 0
    raises(KeyError, lambda: d['nothing'])
    assert d.setdefault('q', []) == [] and repr(d).startswith('DependDict(')
    d.clear()
    assert not d and d.copy() == {}


def test_a_list_and_a_set_are_followed():
    items = DependList([3, 1])
    first, total = follows("v['l'][0]", l=items), follows("sum(v['l'])", l=items)
    assert first() == ('3', 1) and total() == ('4', 1)
    items.append(2)
    assert total() == ('6', 2)
    items.sort()
    assert list(items) == [1, 2, 3] and first()[0] == '1' and items[1:] == [2, 3] and items.index(3) == 2
    items[0] = 10
    del items[1]
    assert items == [10, 3] and items + [1] == [10, 3, 1] and 3 in items and items.pop() == 3 and len(items) == 1
    items.extend([1, 2])
    items.remove(1)
    assert items.getRaw() == [10, 2] and list(reversed(items)) == [2, 10]
    some = DependSet([1])
    size = follows("len(v['s'])", s=some)
    assert size() == ('1', 1)
    some.add(1)
    assert size()[1] == 1
    some.add(2)
    some.discard(9)
    assert size() == ('2', 2) and some == {1, 2} and (some | {3}) == {1, 2, 3} and some.union({4}).getRaw() == {1, 2, 4}
    import copy, pickle
    assert copy.deepcopy(items) == items and pickle.loads(pickle.dumps(some)) == some


STORED = """
from TDStoreTools import StorageManager
import TDFunctions
class Keeper:
    def __init__(self, ownerComp):
        self.ownerComp = ownerComp
        TDFunctions.createProperty(self, 'Speed', value=1, dependable=True, readOnly=False)
        self.stored = StorageManager(self, ownerComp, [
            {'name': 'Count', 'default': 0, 'dependable': True},
            {'name': 'Scenes', 'default': [], 'dependable': 'deep'},
            {'name': 'Fixed', 'default': 'x', 'readOnly': True},
            {'name': 'hidden', 'default': None, 'property': False},
        ])
    def Fix(self, value):
        self.stored.set('Fixed', value)
"""


def test_stored_items_outlive_the_extension():
    c = parent().create(baseCOMP, 'keeper')
    c.create(textDAT, 'Keeper').text = STORED
    c.par.ext0object, c.par.ext0promote = 'Keeper.Keeper(me)', True
    assert (c.Count, c.Scenes, c.Fixed) == (0, [], 'x') and c.ext.Keeper.stored['hidden'] is None
    assert not hasattr(c.ext.Keeper, 'hidden') and c.Speed == 1
    watched = op('text1')
    watched.par.file.expr = "f'{op(\"keeper\").Count} {len(op(\"keeper\").Scenes)} {op(\"keeper\").Speed}'"
    assert watched.par.file == '0 0 1'
    c.Count = 3
    c.Scenes.append('intro')
    c.Speed = 2.5
    assert watched.par.file == '3 1 2.5'
    raises(AttributeError, lambda: setattr(c, 'Fixed', 'y'), 'Fixed')
    c.Fix('z')
    c.ext.Keeper.stored['hidden'] = 5
    old = c.ext.Keeper
    op('keeper/Keeper').text = STORED.replace("{'name': 'hidden', 'default': None, 'property': False},", '')
    assert c.ext.Keeper is not old
    assert (c.Count, c.Scenes, c.Fixed) == (3, ['intro'], 'z') and 'hidden' not in c.ext.Keeper.stored
    assert watched.par.file == '3 1 1', watched.par.file.eval()
    assert set(c.storage) == {'Keeper'} and dict(c.ext.Keeper.stored) == {'Count': 3, 'Scenes': ['intro'], 'Fixed': 'z'}
    stored = c.ext.Keeper.stored
    stored.restoreDefault('Count')
    assert c.Count == 0 and c.Scenes == ['intro'] and watched.par.file == '0 1 1'
    stored.restoreAllDefaults()
    assert c.Scenes == [] and c.Fixed == 'x'
    raises(KeyError, lambda: stored['nothing'], 'nothing')
    watched.par.file.expr, watched.par.file = '""', ''
    c.destroy()


def test_mistakes_in_stored_items_are_named():
    raises(ValueError, lambda: StorageManager(Plain(), op('base1'), [{'nam': 'x'}]), 'name')
    raises(ValueError, lambda: StorageManager(Plain(), op('base1'), [{'name': 'x', 'defaults': 1}]), 'defaults')
    op('base1').unstore('*')


def test_small_helpers():
    assert TDFunctions.getShortcutPath(me, op('text1')) == me.shortcutPath(op('text1'))
    assert TDFunctions.incrementStringDigits('a9') == 'a10' and TDFunctions.incrementStringDigits('a') == 'a1'
    assert TDFunctions.incrementStringDigits('a09') == 'a10'
    assert TDFunctions.bestOpName(parent(), 'text1') == 'text2' and TDFunctions.bestOpName(parent(), 'no such') == 'no_such'
    assert TDFunctions.parStringToIntList('1 3-5 9') == [1, 3, 4, 5, 9]
    TDFunctions.forceCookNonDatCOMP(op('base1'))
    info = TDFunctions.getParInfo(op('webserver1'), 'port active')
    assert info['port'][:3] == (9980, '', 'CONSTANT') and set(info) == {'port', 'active'}
    made = parent().create(webserverDAT, 'applied')
    made.par.port.expr = '9000 + 1'
    made.par.active = False
    info = TDFunctions.getParInfo(made)
    other = parent().create(webserverDAT, 'target')
    TDFunctions.applyParInfo(other, dict(info, nothing=info['port']))
    assert other.par.port.expr == '9000 + 1' and other.par.port == 9001 and other.par.active == False
    made.destroy()
    other.destroy()


def test_what_stands_beside_the_patch_is_imported():
    import pathlib, importlib, sys
    folder = pathlib.Path(project.folder)
    (folder / 'besidepack').mkdir()
    (folder / 'besidepack/__init__.py').write_text('from . import inner\nfrom besidepack.inner import deep\nimport besidefile\n')
    (folder / 'besidepack/inner.py').write_text('import td\ndeep = 1\ndef where():\n    return td.op("text1")\n')
    (folder / 'besidefile.py').write_text('value = 5\n')
    (folder / 'helper.py').write_text('raise RuntimeError("the DAT of this name is meant")\n')
    import besidepack
    import besidepack.inner as inner
    from besidefile import value
    assert besidepack.deep == 1 and inner.where() == op('text1') and value == 5
    import helper
    assert helper.who() == '/project1/helper'
    (folder / 'besidefile.py').write_text('value = 66\n')
    import besidefile
    assert besidefile.value == 5, 'once imported it stays, as modules do in Python'
    importlib.invalidate_caches()
    importlib.reload(besidefile)
    assert besidefile.value == 66
    raises(ImportError, lambda: __import__('besidenothing'), 'besidenothing', 'DAT')
    assert str(folder) not in sys.path
    from importlib.util import find_spec
    assert find_spec('besidepack') is not None


def test_common_modules():
    local = op('/').create(baseCOMP, 'local') if op('/local') is None else op('/local')
    modules = local.create(baseCOMP, 'modules') if local.op('modules') is None else local.op('modules')
    modules.create(textDAT, 'shared_words').text = "word = 'shared'"
    import shared_words
    assert shared_words.word == 'shared' and mod.shared_words is shared_words and mod('shared_words').word == 'shared'
    near = parent().create(baseCOMP, 'local').create(baseCOMP, 'modules').create(textDAT, 'shared_words')
    near.text = "word = 'nearer'"
    assert mod.shared_words.word == 'nearer' and op('base1/text1').mod.shared_words.word == 'nearer'
    op('local').destroy()
    modules.destroy()


def with_parameters(name='described'):
    made = parent().create(baseCOMP, name)
    page = made.appendCustomPage('Agent')
    page.appendInt('Seat', label='Seat Number')
    made.par.Seat.max, made.par.Seat.clampMax, made.par.Seat.default = 8, True, 2
    page.appendFloat('Pos', size=3)
    made.par.Pos1, made.par.Pos3 = 1.5, -1
    page.appendRGB('Colour')
    made.par.Colourg = 0.5
    page.appendMenu('Mode')
    made.par.Mode.menuNames, made.par.Mode.menuLabels = ['slow', 'fast'], ['Slow', 'Fast']
    made.par.Mode = 'fast'
    page.appendStr('Title', label='Title')
    made.par.Title.expr = "me.name"
    page.appendPulse('Go')
    page.appendToggle('On')
    made.appendCustomPage('More').appendOP('Target')
    made.par.Target = op('text1')
    return made


def test_texts_of_json():
    import TDJSON
    thing = {'b': [1, None, 'ä'], 'a': {'x': 1.5}}
    text = TDJSON.jsonToText(thing)
    assert '\n\t"b"' in text and TDJSON.textToJSON(text) == thing and list(TDJSON.textToJSON(text)) == ['b', 'a']
    dat = parent().create(textDAT, 'json1')
    TDJSON.jsonToDat(thing, dat)
    assert dat.text == text and TDJSON.datToJSON(dat) == thing
    dat.text = '{"a": '
    assert TDJSON.datToJSON(dat) is None and TDJSON.textToJSON('nothing') is None
    raises(ValueError, lambda: TDJSON.datToJSON(dat, showErrors=True), '/project1/json1')
    dat.destroy()


def test_values_of_the_api_as_json():
    import json, TDJSON
    data = {'op': op('text1'), 'par': op('text1').par.file, 'cell': op('table1')[1, 'value'], 'chan': op('info1')['num_rows'],
            'deep': DependDict(a=[1]), 'tuple': (1, b'\x00\xff'), 'numbers': {1: 'one'}, 'set': {2}, 'none': None,
            'dependency': tdu.Dependency(4)}
    plain = json.loads(json.dumps(TDJSON.serializeTDData(data)))
    back = TDJSON.deserializeTDData(plain)
    assert back['op'] == op('text1') and back['par'].name == 'file' and back['par'].owner == op('text1')
    assert back['cell'].val == '1' and back['chan'].name == 'num_rows' and back['deep'] == {'a': [1]}
    assert back['tuple'] == (1, b'\x00\xff') and back['numbers'] == {1: 'one'} and back['set'] == {2}
    assert back['none'] is None and back['dependency'].val == 4
    assert TDJSON.deserializeTDData(TDJSON.serializeTDData({'$td': 'mine'})) == {'$td': 'mine'}
    assert TDJSON.serializeTDData(object(), verbose=False).startswith('<object')
    gone = TDJSON.serializeTDData(op('text1'))
    gone['path'] = '/nowhere'
    assert TDJSON.deserializeTDData(gone) is None


def test_parameters_as_json():
    import TDJSON
    made = with_parameters()
    seat = TDJSON.parameterToJSONPar(made.par.Seat)
    assert seat['name'] == 'Seat' and seat['label'] == 'Seat Number' and seat['page'] == 'Agent' and seat['style'] == 'Int'
    assert seat['size'] == 1 and seat['max'] == 8 and seat['clampMax'] is True and seat['default'] == 2 and 'val' not in seat
    pos = TDJSON.parameterToJSONPar(made.par.Pos2, extraAttrs=['val'])
    assert pos['name'] == 'Pos' and pos['size'] == 3 and pos['val'] == [1.5, 0, -1] and pos['min'] == 0
    assert TDJSON.parameterToJSONPar(made.par.Pos2, forceAttrLists=True)['default'] == [0, 0, 0]
    assert TDJSON.parameterToJSONPar(made.par.Mode)['menuNames'] == ['slow', 'fast']
    assert 'default' not in TDJSON.parameterToJSONPar(made.par.Go)
    page = TDJSON.pageToJSONPage(made.customPages[0])
    assert list(page) == ['Seat', 'Pos', 'Colour', 'Mode', 'Title', 'Go', 'On']
    whole = TDJSON.opToJSONOp(made)
    assert list(whole) == ['Agent', 'More'] and whole['Agent'] == page
    assert 'Extensions' in TDJSON.opToJSONOp(made, includeBuiltInPages=True)
    raises(AttributeError, lambda: TDJSON.parameterToJSONPar(made.par.Seat, extraAttrs=['nothing']))
    made.destroy()


def test_parameters_from_json():
    import json, TDJSON
    made = with_parameters('source')
    whole = json.loads(TDJSON.jsonToText(TDJSON.opToJSONOp(made, extraAttrs=['val', 'expr', 'mode'])))
    other = parent().create(baseCOMP, 'copyof')
    names, pages = TDJSON.addParametersFromJSONOp(other, whole)
    assert names == [p.name for p in made.customPars] == [p.name for p in other.customPars] and pages == ['Agent', 'More']
    for p in made.customPars:
        q = other.par[p.name]
        assert (q.style, q.label, q.page.name, q.default, q.mode) == (p.style, p.label, p.page.name, p.default, p.mode), p.name
        if p.style in ('Int', 'Float'):
            assert (q.min, q.max, q.clampMin, q.clampMax, q.normMax) == (p.min, p.max, p.clampMin, p.clampMax, p.normMax)
        if p.name not in ('Go', 'Title'):
            assert q.eval() == p.eval(), p.name
    assert other.par.Title == 'copyof' and other.par.Title.expr == 'me.name' and other.par.Mode.menuLabels == ['Slow', 'Fast']
    assert TDJSON.opToJSONOp(other) == TDJSON.opToJSONOp(made)
    again, _ = TDJSON.addParametersFromJSONOp(other, {'Agent': {'Seat': whole['Agent']['Seat']}}, destroyOthers=True)
    assert again == ['Seat'] and [p.name for p in other.customPars] == ['Seat'] and [p.name for p in other.customPages] == ['Agent']
    made.destroy()
    other.destroy()


def test_single_parameters_from_json():
    import TDJSON
    made = parent().create(baseCOMP, 'single')
    one = {'name': 'speed limit', 'page': 'Car', 'style': 'Float', 'default': 3, 'max': 10, 'normMax': 10}
    assert TDJSON.addParameterFromJSONDict(made, one) == ['Speedlimit'] and made.par.Speedlimit == 3
    made.par.Speedlimit = 7
    TDJSON.addParameterFromJSONDict(made, dict(one, default=4), setValues=False)
    assert made.par.Speedlimit == 7 and made.par.Speedlimit.default == 4
    raises(ValueError, lambda: TDJSON.addParameterFromJSONDict(made, dict(one, style='Str'), replace=False), 'Float')
    TDJSON.addParameterFromJSONDict(made, dict(one, style='Str', default='x'), ignoreAttrErrors=True)
    assert made.par.Speedlimit.style == 'Str' and made.par.Speedlimit == 'x'
    raises(ValueError, lambda: TDJSON.addParameterFromJSONDict(made, {'name': 'X'}), 'page', 'style')
    raises(ValueError, lambda: TDJSON.addParameterFromJSONDict(made, dict(one, name='Odd', style='Round')), 'Round')
    raises(ValueError, lambda: TDJSON.addParameterFromJSONDict(made, dict(one, name='Odd', nonsense=1)), 'nonsense')
    names = TDJSON.addParametersFromJSONList(made, [dict(one, name='B'), dict(one, name='C')], newAtEnd=False)
    assert names == ['B', 'C'] and [p.name for p in made.customPars][:2] == ['B', 'C'], made.customPars
    assert TDJSON.addParametersFromJSONDict(made, {'D': dict(one, name='D', page='Other')}, destroyOthers=True) == ['D']
    assert [p.name for p in made.customPars] == ['D'] and [p.name for p in made.customPages] == ['Other']
    TDJSON.destroyOtherPagesAndParameters(made, [], [])
    assert made.customPars == [] and made.customPages == []
    made.destroy()


def test_operators_are_replaced_and_copied():
    c = parent().create(baseCOMP, 'replacing')
    source, middle, last = c.create(tableDAT, 'first'), c.create(nullDAT, 'middle'), c.create(nullDAT, 'last')
    source.appendRow(['x'])
    middle.inputConnectors[0].connect(source)
    last.inputConnectors[0].connect(middle)
    middle.nodeX, middle.nodeY, last.nodeX = 300, 40, 900
    master = parent().create(nullDAT, 'master')
    master.comment = 'new'
    made = TDFunctions.replaceOp(middle, master)
    assert made.path == '/project1/replacing/middle' and made.comment == 'new' and not middle.valid
    assert made.inputs == [source] and last.inputs == [made] and last[0, 0] == 'x' and (made.nodeX, made.nodeY) == (300, 40)
    other = parent().create(baseCOMP, 'copies')
    copies = TDFunctions.copyOPs([source, made], other)
    assert [o.path for o in copies] == ['/project1/copies/first', '/project1/copies/middle'] and copies[1].inputs == [copies[0]]
    edges = TDFunctions.findNetworkEdges(c)
    assert edges['ops']['right'] == last and edges['positions']['right'] == last.nodeX + last.nodeWidth
    assert edges['positions']['left'] == min(o.nodeX for o in c.children)
    assert TDFunctions.findNetworkEdges(c, ignoreOPs=c.children) is None
    for o in (c, other, master):
        o.destroy()


def test_menus():
    menu = TDFunctions.parMenu(['a', 'b'], ['First', 'Second'])
    assert list(menu.menuNames) == ['a', 'b'] and list(menu.menuLabels) == ['First', 'Second']
    assert list(TDFunctions.getMenu(['a']).menuLabels) == ['a']
