"""Making, copying and finding operators inside components."""


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f'{kind.__name__} was not raised')


def test_create_by_class_and_name():
    base = parent().create(baseCOMP, 'made')
    assert base.path == '/project1/made' and type(base) is baseCOMP
    one = base.create('textDAT')
    two = base.create(textDAT)
    assert (one.name, two.name) == ('text1', 'text2')
    assert base.create(textDAT, 'text1').name == 'text3'
    assert base.create(op('table1'), 'like').OPType == 'tableDAT'
    assert base.numChildren == 4 and base.children[0] == one
    one.text = 'set at once'
    assert op('made/text1').text == 'set at once'
    raises(td.Error, lambda: base.create('textDAt'), 'textDAT')
    raises(td.Error, lambda: base.create(textDAT, 'a b'))
    base.destroy()
    assert not one.valid and not base.valid


def test_an_operator_with_callbacks_gets_its_dat():
    server = parent().create(webserverDAT, 'ws')
    assert [o.name for o in server.docked] == ['ws_callbacks']
    assert server.par.callbacks.eval() == op('ws_callbacks')
    assert op('ws_callbacks').dock == server
    server.destroy()
    assert op('ws_callbacks') is None


def test_copy_takes_all_that_is_inside():
    inner = op('base1').create(tableDAT, 'data')
    inner.appendRow(['x', 1])
    inner.store('kept', [1, 2])
    inner.tags = ['t']
    copied = parent().copy(op('base1'), 'copied')
    assert copied.path == '/project1/copied'
    assert [o.path for o in copied.findChildren()] == [
        '/project1/copied/text1', '/project1/copied/deep', '/project1/copied/deep/text2', '/project1/copied/data']
    data = op('copied/data')
    assert data[0, 'x'] == 'x' and data.fetch('kept') == [1, 2] and data.tags == {'t'}
    inner[0, 0] = 'changed'
    assert data[0, 0] == 'x'
    assert parent().copy(op('text1')).name == 'text2'
    op('text2').destroy()
    raises(td.Error, lambda: copied.copy(copied), 'into itself')
    copied.destroy()
    inner.destroy()


def test_copy_takes_parameters_and_docked_dats():
    server = parent().create(webserverDAT, 'first')
    server.par.port = 9001
    server.par.protocol if hasattr(server.par, 'protocol') else None
    copied = parent().copy(server, 'second')
    assert copied.par.port == 9001
    assert copied.par.callbacks.eval() != server.par.callbacks.eval()
    assert copied.par.callbacks.eval() == copied.docked[0]
    server.destroy()
    copied.destroy()


def test_find_children():
    base = op('base1')
    names = lambda **wanted: [o.name for o in base.findChildren(**wanted)]
    assert names() == ['text1', 'deep', 'text2']
    assert names(depth=1) == ['text1', 'deep']
    assert names(maxDepth=1) == ['text1', 'deep']
    assert names(type=textDAT) == ['text1', 'text2']
    assert names(type=COMP) == ['deep']
    assert names(type='textDAT', name='*2') == ['text2']
    assert names(text='deeper') == ['text2']
    assert names(path='*/deep/*') == ['text2']
    assert names(key=lambda o: o.digits == 2) == ['text2']
    op('base1/text1').tags = ['a', 'b']
    assert names(tags=['a', 'c']) == ['text1']
    assert names(tags=['a', 'c'], allTags=True) == []
    raises(TypeError, lambda: names(colour='red'), 'colour')


def test_dock():
    dat = parent().create(textDAT, 'free')
    dat.dock = op('text1')
    assert op('text1').docked == [dat]
    dat.dock = None
    assert op('text1').docked == [] and dat.dock is None
    for elsewhere in (op('base1/text1'), parent(), dat):
        raises(td.Error, lambda: setattr(dat, 'dock', elsewhere), 'only operators of the same component')
    assert dat.dock is None
    dat.destroy()


def test_the_root_stays():
    raises(td.Error, lambda: root.destroy(), 'root')
    raises(td.Error, lambda: op('text1').parent().parent().parent().x if False else root.destroy())


def test_destroying_what_holds_objects_with_code():
    class Noisy:
        def __del__(self):
            # Runs while the operator goes: the patch must be reachable.
            op('text1').store('went', True)

    holder = parent().create(textDAT, 'holder')
    holder.store('noisy', Noisy())
    holder.destroy()
    assert op('text1').fetch('went') is True
