"""Finding operators, what they say of themselves, and stale objects."""


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f'{kind.__name__} was not raised')


def test_op_finds_by_name_path_pattern_and_id():
    assert op('text1').path == '/project1/text1'
    assert op('/project1/text1') == op('text1') == op('./text1') == op('../project1/text1')
    assert op('base1/text1').path == '/project1/base1/text1'
    assert op('tex*') == op('text1')
    assert op('nothing', 'text1') == op('text1')
    assert op('nothing text1') == op('text1')
    assert op(op('text1').id) == op('text1')
    assert op(op('text1')) == op('text1')
    assert op('nothing') is None
    assert op(None) is None
    assert op('/') == root
    assert op(op('info1').par.op) == op('table1')
    raises(TypeError, lambda: op(3.5))


def test_ops_finds_all_once():
    assert [o.name for o in ops('te*', 'table1', 'text1')] == ['text1', 'table1']
    assert ops('nothing') == []
    assert [o.path for o in op('base1').ops('*')] == ['/project1/base1/text1', '/project1/base1/deep']


def test_op_of_a_component_looks_inside():
    assert op('base1').op('text1').path == '/project1/base1/text1'
    assert op('base1').op('deep/text2').text == 'deeper'
    assert me.op('text1') == op('text1')


def test_two_dots_are_the_parent_of_the_operator_that_is_asked():
    inner = op('base1/text1')
    assert me.op('..') == parent() and inner.op('..') == op('base1')
    assert inner.op('../deep/text2').text == 'deeper' and inner.op('../../text1') == op('text1')
    assert op('base1').op('..') == parent() and op('base1').op('../text1') == op('text1')
    assert inner.ops('..') == [op('base1')]
    # The global one looks from the component that the script is in.
    assert op('..') == parent(2)


def test_parameters_follow_an_operator_that_gets_another_name():
    home = parent().create(baseCOMP, 'home')
    server = home.create(webserverDAT, 'server')
    script, outer = home.op('server_callbacks'), parent().create(infoDAT, 'outer')
    outer.par.op = '/project1/home/server_callbacks'
    several, pattern = home.create(infoDAT, 'several'), home.create(infoDAT, 'pattern')
    several.par.op = 'nothing ./server_callbacks'
    pattern.par.op = 'server_*'
    expression = home.create(infoDAT, 'expression')
    expression.par.op.expr = "op('server_callbacks')"
    script.name = 'answers'
    assert server.par.callbacks.eval() == script and outer.par.op.eval() == script
    assert several.par.op.evalOPs() == [script]
    assert pattern.par.op.eval() is None and expression.par.op.eval() is None
    home.name = 'answers'
    assert outer.par.op.eval() == script and server.par.callbacks.eval() == script
    script.name = 'words'
    assert outer.par.op.eval() == script and server.par.callbacks.eval() == script
    home.destroy()
    outer.destroy()


def test_a_reference_inside_a_component_means_the_copy_in_its_copy():
    home = parent().create(baseCOMP, 'home')
    server, script, outside = home.create(webserverDAT, 'server'), home.create(textDAT, 'script'), op('text1')
    server.par.callbacks = script
    info = home.create(infoDAT, 'info')
    info.par.op = outside
    twin = parent().copy(home, name='twin')
    assert twin.op('server').par.callbacks.eval() == twin.op('script') != script
    assert twin.op('info').par.op.eval() == outside
    home.destroy()
    twin.destroy()


def test_parent_climbs():
    assert parent() == op('/project1') and parent(2) == root and parent(3) is None
    assert op('base1/deep/text2').parent() == op('base1/deep')
    assert op('base1/deep/text2').parent(2) == op('base1')
    raises(AttributeError, lambda: parent.Nobody, 'Nobody')
    raises(AttributeError, lambda: op.Nobody, 'Nobody')
    assert not hasattr(op, 'Nobody')


def test_me_is_the_dat_itself():
    assert me.name == 'checks' and me.path == '/project1/checks'
    assert td.me == me
    import td as again
    assert again.op('text1') == op('text1') and again is td


def test_what_an_operator_is():
    o = op('webserver1')
    assert (o.type, o.OPType, o.label, o.family) == ('webserver', 'webserverDAT', 'Web Server', 'DAT')
    assert (o.digits, o.base, o.name) == (1, 'webserver', 'webserver1')
    assert o.isDAT and not o.isCOMP and not o.isCHOP and not o.isTOP
    assert op('base1').isCOMP and op('base1').isBase
    assert op('text1').digits == 1 and op('checks').digits is None
    assert o.valid
    assert isinstance(o, webserverDAT) and isinstance(o, DAT) and isinstance(o, OP)
    assert isinstance(op('text1'), textDAT) and not isinstance(op('text1'), tableDAT)
    assert type(op('base1')) is baseCOMP
    assert textDAT in families['DAT']


def test_objects_compare_by_operator():
    assert op('text1') == op('text1') and op('text1') is op('text1')
    assert op('text1') != op('table1') and op('text1') != 'text1'
    assert len({op('text1'), op('text1'), op('table1')}) == 2
    assert op('text1')
    assert str(op('text1')) == '/project1/text1'
    assert repr(op('text1')) == 'type:textDAT path:/project1/text1'
    assert f"{op('text1')}" == '/project1/text1'


def test_names_can_change():
    o = op('base1/text1')
    o.name = 'renamed'
    assert o.path == '/project1/base1/renamed' and op('base1/text1') is None
    o.name = 'text1'
    raises(td.Error, lambda: setattr(o, 'name', 'deep'), 'exists already')
    raises(td.Error, lambda: setattr(o, 'name', 'a b'))


def test_tags_and_comment():
    o = op('text1')
    assert o.tags == {'greeting', 'short'} and o.comment == 'says hello'
    o.tags.add('new')
    assert 'new' in o.tags
    o.tags = ['one']
    assert o.tags == {'one'}
    o.comment = 'other'
    assert o.comment == 'other'


def test_a_stale_object_raises_and_says_so():
    o = parent().create(textDAT, 'doomed')
    number = o.id
    assert o.valid
    o.destroy()
    assert not o.valid
    raises(td.Error, lambda: o.name, 'does not exist any more')
    raises(td.Error, lambda: o.par, 'does not exist any more')
    raises(td.Error, lambda: o.text)
    raises(td.Error, lambda: o.destroy())
    assert op('doomed') is None and op(number) is None
    assert 'does not exist' in repr(o)
    again = parent().create(textDAT, 'doomed')
    assert again != o and again.id != number and not o.valid
    again.destroy()


def test_what_touchdesigner_has_and_we_do_not_says_so():
    raises(AttributeError, lambda: op('base1').loadTox('x.tox'), 'TouchDesigner')
    raises(AttributeError, lambda: op('text1').misspelled)
    raises(AttributeError, lambda: setattr(op('text1'), 'misspelled', 1))
    raises(AttributeError, lambda: ext.Something, 'ext.Something')


def test_info_chop_shows_channels():
    chop = op('info1')
    assert isinstance(chop, CHOP) and chop.numSamples == 1
    assert chop['num_rows'] == 4 and float(chop['num_rows']) == 4.0
    assert chop['nothing'] is None
    assert chop['num_rows'].eval() == 4 and chop['num_rows'][0] == 4 and chop['num_rows'].vals == [4]
    assert chop['num_rows'] + 1 == 5 and 2 * chop['num_rows'] == 8
    assert chop[0].name == chop.chans()[0].name
    assert [c.name for c in chop.chans('num_*')] == ['num_rows', 'num_cols']
    assert chop.numChans == len(chop.chans()) > 5


def test_the_program_and_time():
    assert project.name == 'checks' and project.cookRate == 60
    import os
    assert os.path.exists(os.path.join(project.folder, 'patch.toml'))
    assert app.product == 'Patchcord' and app.osName == 'Linux'
    assert absTime.frame >= 0 and absTime.seconds >= 0 and absTime.stepSeconds > 0
    assert isMainThread()
    import threading
    assert threading.current_thread() is threading.main_thread()
    import sys
    assert sys.getswitchinterval() == 0.0005


def test_cook_figures():
    o = op('table1')
    o.cook(force=True, recurse=True)
    assert o.totalCooks >= 0 and o.cookTime >= 0
    assert o.cookedThisFrame in (True, False)


def test_a_path_finds_what_it_names_now():
    def find():
        return op('wanderer')

    def findIn():
        return parent().create(baseCOMP, 'home').op('wanderer')

    assert find() is None
    made = parent().create(tableDAT, 'wanderer')
    assert find() == made and find() == made
    made.name = 'settled'
    assert find() is None
    other = parent().create(textDAT, 'wanderer')
    assert find() == other
    assert findIn() is None and find() == other
    other.destroy()
    assert find() is None
    made.name = 'wanderer'
    assert find() == made
    made.destroy()
    op('home').destroy()

    class Path(str):
        pass

    assert op(Path('table1')) == op('table1') == op(''.join(['table', '1']))
