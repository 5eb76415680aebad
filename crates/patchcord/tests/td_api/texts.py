"""Texts, modules, imports and files."""
import json
import os
import sys
import typing


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f'{kind.__name__} was not raised')


def test_text():
    t = op('text1')
    assert t.text == 'hello\nworld' and t.isText and t.numRows == 2
    t.text = 'ä€𝄞'
    assert t.text == 'ä€𝄞' and op('text1').text == t.text
    t.text = 5
    assert t.text == '5'
    t.clear()
    assert t.text == ''
    print('a', 'b', file=t)
    print('c', end='', file=t, flush=True)
    assert t.text == 'a b\nc'
    t.text = json.dumps({'a': [1, 2]})
    assert t.jsonObject == {'a': [1, 2]}
    t.text = '{'
    raises(ValueError, lambda: t.jsonObject)
    other = op('base1/text1')
    other.copy(t)
    assert other.text == '{'


def test_detect_language():
    t = op('text1')
    for text, language in (('{"a": 1}', 'json'), ('<a/>', 'xml'), ('def f():\n  pass', 'python'), ('plain', 'text')):
        t.text = text
        assert t.detectLanguage() == language, text
    t.text = '[1]'
    t.detectLanguage(setLanguage=True)
    assert t.par.language == 'json'
    t.text = 'hello'


def test_a_module_keeps_its_state_until_the_text_changes():
    m = op('helper').module
    assert m.step() == 1 and mod('helper').step() == 2 and mod.helper.step() == 3 and mod(op('helper')).step() == 4
    assert m is mod.helper and m.count == 4
    assert m.who() == '/project1/helper' and m.sibling() == '/project1/text1'
    op('helper').text = op('helper').text + '\nadded = 1\n'
    assert mod.helper is not m and mod.helper.count == 0 and mod.helper.added == 1
    raises(td.Error, lambda: mod('nobody'), 'nobody')
    raises(AttributeError, lambda: mod.nobody, 'nobody')
    assert not hasattr(mod, 'nobody')
    raises(td.Error, lambda: op('table1').module, 'no text')


def test_import_of_a_sibling():
    import helper
    assert helper is mod.helper
    from helper import step, who
    assert who() == '/project1/helper'
    assert me.path == '/project1/checks'
    raises(ImportError, lambda: __import__('nobody_at_all'), 'nobody_at_all')
    assert 'helper' not in sys.modules
    import os.path
    import xml.etree.ElementTree as tree
    assert os.path.join('a', 'b') == 'a/b' and tree


def test_a_star_import_brings_no_place():
    dat = op('base1').create(textDAT, 'star')
    other = op('base1').create(textDAT, 'other')
    other.text = 'found = 1'
    dat.text = 'from other import *\nplace = me.path, found'
    assert dat.module.place == ('/project1/base1/star', 1)
    dat.destroy()
    other.destroy()


def test_the_last_good_script_stays():
    dat = parent().create(textDAT, 'fragile')
    dat.text = 'def f():\n    return 1\n'
    assert mod.fragile.f() == 1
    dat.text = 'def f(:\n'
    assert mod.fragile.f() == 1
    dat.text = 'def f():\n    return 2\nraise ValueError("half done")\n'
    assert mod.fragile.f() == 1
    assert 'half done' in dat.errors(), dat.errors()
    assert 'line 3' in dat.errors() and '/project1/fragile' in dat.errors()
    dat.text = 'def f():\n    return 3\n'
    assert mod.fragile.f() == 3 and dat.errors() == ''
    dat.destroy()


def test_a_script_that_never_loaded_says_why():
    dat = parent().create(textDAT, 'broken')
    dat.text = 'x = = 1'
    raises(td.Error, lambda: mod.broken, 'does not load', 'SyntaxError')
    dat.destroy()


def test_two_scripts_may_import_each_other():
    a, b = parent().create(textDAT, 'mutual_a'), parent().create(textDAT, 'mutual_b')
    a.text = 'import mutual_b\ndef f():\n    return mutual_b.g()\n'
    b.text = 'import mutual_a\ndef g():\n    return 7\n'
    assert mod.mutual_a.f() == 7
    a.destroy()
    b.destroy()


def test_networks_may_have_dats_of_one_name():
    op('base1/text1').text = 'here = me.path'
    user = op('base1').create(textDAT, 'user')
    user.text = 'import text1\nfound = text1.here'
    assert user.module.found == '/project1/base1/text1'
    user.destroy()


def test_user_names_shadow_ours():
    dat = parent().create(textDAT, 'shadow')
    dat.text = "op = 5\ndef f():\n    return op\n"
    assert dat.module.f() == 5
    assert not hasattr(dat.module, 'me')
    dat.destroy()


def test_classes_work_in_scripts():
    dat = parent().create(textDAT, 'classes')
    dat.text = '''
from __future__ import annotations
import dataclasses, enum, typing
class Kind(enum.Enum):
    A = 1
@dataclasses.dataclass
class Point:
    x: int
    y: typing.Optional[int] = None
class Pair(typing.NamedTuple):
    a: int
def onOpen(dat: websocketDAT, text: typing.Dict[str, typing.Any]) -> None: ...
def annotated(dat: 'tableDAT'): ...
'''
    m = dat.module
    assert m.Point(1).y is None and m.Pair(1).a == 1
    assert m.__name__ == '/project1/classes'
    import pickle
    assert pickle.loads(pickle.dumps(m.Point(3))) == m.Point(3)
    assert typing.get_type_hints(m.annotated)['dat'] is tableDAT
    dat.destroy()


def test_save_writes_a_file():
    path = op('table1').save('out/table.csv', createFolders=True)
    assert open(path).read().startswith('name,value,kind')
    assert os.path.dirname(os.path.dirname(path)) == project.folder
    text = parent().create(textDAT, 'saved')
    text.text = 'one'
    path = text.save('one.txt')
    text.save('one.txt', append=True)
    assert open(path).read() == 'oneone'
    raises(td.Error, lambda: text.save('no/such/folder/x.txt'), 'cannot be written')
    assert os.path.basename(text.save()) == 'saved.dat'
    text.destroy()


def test_run_of_a_dat():
    dat = parent().create(textDAT, 'ran')
    dat.text = "me.store('got', args)"
    dat.run(1, 'two')
    assert dat.fetch('got') == (1, 'two')
    dat.run(3, fromOP=op('text1'))
    assert op('text1').fetch('got') == (3,)
    dat.destroy()


def test_folder_files_do_not_hide_dats():
    assert '' not in sys.path and os.getcwd() not in sys.path
