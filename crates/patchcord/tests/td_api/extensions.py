"""Extensions: objects of scripts that belong to a component, and what they promote."""

log = []


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f'{kind.__name__} was not raised')


def component(name, text, object=None, ext='', promote=True, script='CExt'):
    """A component with a script inside and an extension of it."""
    made = parent().create(baseCOMP, name)
    made.create(textDAT, script).text = text
    made.par.ext0object = object or f"op('./{script}').module.CExt(me)"
    made.par.ext0name = ext
    made.par.ext0promote = promote
    return made


COUNTER = '''
class CExt:
    Limit = 9
    def __init__(self, ownerComp):
        self.ownerComp = ownerComp
        self.Count = ownerComp.fetch('count', 0, storeDefault=True)
        self.quiet = 'not promoted'
    def Step(self, by=1):
        self.Count += by
        self.ownerComp.store('count', self.Count)
        return self.Count
    @property
    def Double(self):
        return self.Count * 2
    @Double.setter
    def Double(self, value):
        self.Count = value // 2
    @property
    def Broken(self):
        return self.nothing_here
'''


def test_the_parameters_have_both_names():
    base = op('base1')
    assert base.par.extension1 is base.par.ext0object or base.par.extension1.name == 'ext0object'
    assert base.par.extname2.name == 'ext1name' and base.par.promoteextension4.name == 'ext3promote'
    assert base.par.reinitextensions.name == 'initextensions' and base.par.initextensions.isPulse
    assert base.par.ext0object.page == 'Extensions' and base.par.ext0promote.eval() is False


def test_members_are_reached_in_every_way():
    c = component('reach', COUNTER)
    assert c.ext.CExt.Step() == 1 and c.Step(2) == 3 and c.Count == 3 and c.Limit == 9 and c.Double == 6
    assert c.ext.CExt.ownerComp == c and c.ext.CExt.quiet == 'not promoted'
    assert c.extensions == [c.ext.CExt] and c.extensionsReady is True
    assert getattr(c.ext, 'CExt') is c.ext.CExt and getattr(c.ext, 'Other', None) is None
    assert op('base1').extensions == [] and op('base1').extensionsReady
    c.destroy()


def test_only_capitalised_members_are_promoted_and_own_ones_win():
    c = component('capital', COUNTER + '''
    def cook(self):
        return 'not this one'
    OPType = 'mine'
''')
    assert not hasattr(c, 'quiet') and c.OPType == 'baseCOMP' and c.cook() is None
    assert hasattr(c, 'Step') and hasattr(c, 'Limit') and not hasattr(c, 'Nothing')
    raises(AttributeError, lambda: c.Stepp, 'Step')
    raises(AttributeError, lambda: c.quiet)
    raises(AttributeError, lambda: c.loadTox, 'TouchDesigner')
    assert 'Step' in dir(c) and 'quiet' not in dir(c) and 'par' in dir(c)
    c.destroy()


def test_assignment_goes_to_the_extension():
    c = component('assign', COUNTER)
    c.Count = 5
    assert c.ext.CExt.Count == 5 and c.Double == 10
    c.Double = 40
    assert c.Count == 20
    raises(AttributeError, lambda: setattr(c, 'Unknown', 1))
    raises(AttributeError, lambda: setattr(c, 'quiet', 1))
    c.comment = 'own attributes are set as ever'
    assert c.comment.startswith('own')
    c.destroy()


def test_a_property_that_fails_says_why():
    c = component('fails', COUNTER)
    raises(AttributeError, lambda: c.Broken, 'nothing_here')
    c.destroy()


def test_nothing_is_promoted_without_the_switch():
    c = component('private', COUNTER, promote=False)
    assert not hasattr(c, 'Step') and c.ext.CExt.Step() == 1
    c.par.ext0promote = True
    assert c.Step() == 2
    c.destroy()


def test_the_name_defaults_to_the_class_and_can_be_given():
    c = component('named', COUNTER, ext='Agent')
    assert c.ext.Agent.Step() == 1
    raises(AttributeError, lambda: c.ext.CExt, 'ext.CExt')
    raises(AttributeError, lambda: c.ext.Agnet, 'Agent')
    c.par.ext0name = ''
    assert c.ext.CExt.Count == 1
    c.destroy()


def test_ways_to_write_the_object():
    for number, object in enumerate(["CExt.CExt(me)", "op('./CExt').module.CExt(me)", "mod('CExt').CExt(me)",
                                     "mod.CExt.CExt(me)", "me.op('CExt').module.CExt(me)", "me.mod.CExt.CExt(me)",
                                     "  CExt . CExt( me )  "]):
        c = component(f'way{number}', COUNTER, object)
        assert c.ext.CExt.ownerComp == c, object
        assert c.Step() == 1, object
        c.destroy()


def test_a_shortcut_can_hold_the_script():
    lib = component('lib', COUNTER, object=' ')
    lib.par.opshortcut = 'ExtLib'
    c = parent().create(baseCOMP, 'user')
    c.par.ext0object = 'op.ExtLib.mod.CExt.CExt(me)'
    c.par.ext0promote = True
    assert lib.extensions == [] and c.Step() == 1
    lib.destroy()
    c.destroy()


def test_ext_looks_upward():
    c = component('outer', COUNTER, ext='Outer')
    inner = c.create(baseCOMP, 'inner')
    text = inner.create(textDAT, 'script')
    text.text = "def up():\n    return ext.Outer, me.ext.Outer, parent().ext.Outer, parent(2).ext.Outer"
    assert set(text.module.up()) == {c.ext.Outer}
    assert inner.ext.Outer is c.ext.Outer and text.ext.Outer is c.ext.Outer
    raises(AttributeError, lambda: ext.Outer, 'ext.Outer', 'checks')
    raises(AttributeError, lambda: me.ext.Outer)
    assert not hasattr(ext, 'Outer') and getattr(me.ext, 'Outer', 'none') == 'none'
    assert op('/').extensions == []
    c.destroy()


def test_four_extensions():
    c = parent().create(baseCOMP, 'four')
    c.create(textDAT, 'Many').text = '\n'.join(
        f'class E{n}:\n    def __init__(self, ownerComp):\n        self.N{n} = {n}\n        self.Same = {n}' for n in range(4))
    for n in range(4):
        c.par[f'ext{n}object'] = f'Many.E{n}(me)'
        c.par[f'ext{n}promote'] = n != 0
    assert [e.Same for e in c.extensions] == [0, 1, 2, 3]
    assert c.Same == 1 and not hasattr(c, 'N0') and (c.N1, c.N2, c.N3) == (1, 2, 3)
    old = c.extensions
    c.initializeExtensions(1)
    assert [a is b for a, b in zip(old, c.extensions)] == [True, False, True, True]
    c.initializeExtensions()
    assert not any(a is b for a, b in zip(old, c.extensions))
    c.par.ext2object = ''
    assert [e.Same for e in c.extensions] == [0, 1, 3]
    raises(AttributeError, lambda: c.ext.E2)
    c.destroy()


def test_an_init_that_raises_is_shown_and_tried_again():
    c = component('sick', 'class CExt:\n    def __init__(self, ownerComp):\n        1 / 0\n    def Fine(self): return 1')
    error = raises(AttributeError, lambda: c.Fine, 'ZeroDivisionError', 'CExt', '/project1/sick')
    raises(AttributeError, lambda: c.ext.CExt, 'ZeroDivisionError')
    assert getattr(c.ext, 'CExt', None) is None and c.extensions == []
    assert 'division by zero' in c.errors() and 'line 3' in c.errors(), c.errors()
    op('sick/CExt').text = op('sick/CExt').text.replace('1 / 0', 'pass')
    assert c.Fine() == 1 and c.errors() == '', c.errors()
    c.destroy()


def test_a_script_that_comes_later_is_found():
    c = parent().create(baseCOMP, 'early')
    c.par.ext0object = 'Later.Later(me)'
    c.par.ext0promote = True
    raises(AttributeError, lambda: c.Here, 'Later')
    assert "name 'Later' is not defined" in c.errors()
    c.create(textDAT, 'Later').text = 'class Later:\n    def __init__(self, ownerComp): pass\n    Here = True'
    assert c.Here and c.errors() == ''
    c.destroy()


def test_a_changed_script_makes_it_anew_and_storage_survives():
    c = component('edit', COUNTER)
    c.Step(4)
    first = c.ext.CExt
    op('edit/CExt').text = COUNTER.replace('self.Count * 2', 'self.Count * 3')
    assert c.ext.CExt is not first and c.Double == 12 and c.Count == 4
    second = c.ext.CExt
    op('text1').text += ' '
    c.par.opshortcut = 'Edit'
    assert c.ext.CExt is second
    op('edit/CExt').text = 'this is no script'
    assert c.ext.CExt is second and c.Double == 12
    op('edit/CExt').text = COUNTER
    assert c.Double == 8
    c.destroy()


def test_an_old_one_stays_while_its_successor_fails():
    c = component('keeps', COUNTER)
    old = c.ext.CExt
    op('keeps/CExt').text = COUNTER.replace("self.quiet = 'not promoted'", "self.quiet = oops")
    assert c.Step() == 1 and c.ext.CExt is old and 'oops' in c.errors()
    op('keeps/CExt').text = COUNTER
    assert c.Step() == 2 and c.ext.CExt is not old and c.errors() == ''
    c.destroy()


HOOKS = '''
import checks_log
class CExt:
    def __init__(self, ownerComp):
        self.ownerComp = ownerComp
        checks_log.log.append(('init', ownerComp.extensionsReady))
    def onInitTD(self):
        checks_log.log.append(('ready', self.ownerComp.extensionsReady, self.ownerComp.ext.CExt is self))
    def onDestroyTD(self):
        checks_log.log.append(('end', self.ownerComp.name))
'''


def test_hooks_come_in_order():
    parent().create(textDAT, 'checks_log').text = 'log = []'
    log = op('checks_log').module.log
    c = component('hooks', HOOKS.replace('import checks_log', "checks_log = mod('/project1/checks_log')"))
    c.extensions
    assert log == [('init', False), ('ready', True, True)], log
    log.clear()
    c.par.initextensions.pulse()
    c.initializeExtensions()
    assert log == [('end', 'hooks'), ('init', False), ('ready', True, True)], log
    log.clear()
    c.par.ext0object = ''
    assert c.extensions == [] and log == [('end', 'hooks')]


def later_destroyed_ones_hear_of_it():
    log = op('checks_log').module.log
    assert log == [('end', 'hooks'), ('end', 'doomed')], log


def test_destroying_the_component_is_heard():
    c = component('doomed', HOOKS.replace('import checks_log', "checks_log = mod('/project1/checks_log')"))
    c.extensions
    run(op('checks_log').module.log.clear, delayFrames=1)
    run(lambda: op('checks_log').module.log.append(('end', 'hooks')), delayFrames=2)
    run(c.destroy, delayFrames=3)


def test_extensions_that_need_each_other():
    a = component('cycle_a', '''
class CExt:
    def __init__(self, ownerComp):
        self.other = op('../cycle_b').ext.B.Name
''', ext='A')
    b = component('cycle_b', '''
class CExt:
    Name = 'b'
    def __init__(self, ownerComp):
        self.other = op('../cycle_a').ext.A
''', ext='B')
    raises(AttributeError, lambda: a.ext.A, 'A', '/project1/cycle_a')
    assert 'while it is being made' in b.errors() and 'onInitTD' in b.errors(), b.errors()
    assert 'cycle_b' in a.errors()
    op('cycle_b/CExt').text = '''
class CExt:
    Name = 'b'
    def __init__(self, ownerComp): pass
    def onInitTD(self):
        self.other = op('../cycle_a').ext.A
'''
    a.initializeExtensions()
    assert a.ext.A.other == 'b' and b.ext.B.other is a.ext.A
    a.destroy()
    b.destroy()


def test_extensions_of_one_component_use_each_other():
    c = parent().create(baseCOMP, 'pair')
    c.create(textDAT, 'Pair').text = '''
class First:
    def __init__(self, ownerComp):
        self.FromSecond = ownerComp.Second_value
        self.FromExt = ownerComp.ext.Second.Second_value
class Second:
    Second_value = 2
    def __init__(self, ownerComp):
        self.had = hasattr(ownerComp, 'FromSecond')
'''
    for n, name in enumerate(['First', 'Second']):
        c.par[f'ext{n}object'], c.par[f'ext{n}promote'] = f'Pair.{name}(me)', 1
    assert c.FromSecond == 2 and c.FromExt == 2 and c.ext.Second.had is False
    c.destroy()


def test_made_at_the_end_of_the_turn_unasked():
    global eager
    eager = component('eager', 'made = []\nclass CExt:\n    def __init__(self, ownerComp):\n        made.append(ownerComp)')


def later_it_was_made():
    assert op('eager/CExt').module.made == [eager]
    assert op('fromfile').Hello('x') == 'hello x' and op('fromfile').ext.Greeter.made_with == '/project1/fromfile'
    assert op('fromfile').errors() == ''


def test_a_copy_has_its_own():
    c = component('original', COUNTER)
    c.Step()
    d = parent().copy(c, 'double')
    assert d.Count == 1 and d.Step() == 2 and c.Count == 1 and d.ext.CExt.ownerComp == d
    c.destroy()
    d.destroy()


def test_a_router_as_scripts_write_it():
    c = component('webrouter', '''
class CExt:
    def __init__(self, ownerComp):
        self.ownerComp = ownerComp
        self.routes = {'/health': self.health}
    def Route(self, request, response):
        handler = self.routes.get(request.get('uri', '/'))
        response['statusCode'] = 200 if handler else 404
        response['data'] = handler() if handler else ''
        return response
    def health(self):
        return 'ok from ' + self.ownerComp.name
''', ext='WebServer')
    c.par.parentshortcut = 'WebServer'
    callbacks = c.create(textDAT, 'callbacks')
    callbacks.text = '''
def onHTTPRequest(dat, request, response):
    return parent.WebServer.Route(request, response)
def other(request):
    return parent().ext.WebServer.Route(request, {}), me.ext.WebServer.Route(request, {}), ext.WebServer.Route(request, {})
'''
    answer = callbacks.module.onHTTPRequest(None, {'uri': '/health'}, {})
    assert answer == {'statusCode': 200, 'data': 'ok from webrouter'}
    assert [a['statusCode'] for a in callbacks.module.other({'uri': '/no'})] == [404] * 3
    c.destroy()


def test_members_that_lead_back_to_their_component_end():
    itself = component('itself', '', object='me')
    def assign():
        itself.Missing = 1
    for ask in (lambda: itself.Missing, assign, lambda: dir(itself)):
        raises(RecursionError, ask, 'what the extensions of', 'itself promote leads back to them')
    back = component('back', "class CExt:\n    def __init__(self, comp): self.comp = comp\n"
                             "    def __getattr__(self, name): return getattr(self.comp, name)\n")
    raises(RecursionError, lambda: back.Missing)
    assert back.name == 'back'
    itself.destroy()
    back.destroy()
