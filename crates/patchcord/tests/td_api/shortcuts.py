"""Shortcuts: op.Name, parent.Name, iop.Name, ipar.Name, and paths by them."""


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f'{kind.__name__} was not raised')


def test_a_global_shortcut_is_found_from_everywhere():
    base = op('base1')
    base.par.opshortcut = 'Stage'
    assert op.Stage == base and td.op.Stage == base and op('base1/deep/text2').evalExpression('op.Stage') == base
    assert op.Stage.op('text1').text == 'inside' and hasattr(op, 'Stage') and getattr(op, 'Nobody', None) is None
    raises(AttributeError, lambda: op.Stagee, 'op.Stagee', 'Stage')
    base.par.opshortcut = 'Other'
    assert op.Other == base and not hasattr(op, 'Stage')
    base.par.opshortcut = ''
    assert not hasattr(op, 'Other')


def test_a_component_that_goes_takes_its_shortcut_along():
    made = parent().create(baseCOMP)
    made.par.opshortcut = 'Gone'
    assert op.Gone == made
    made.destroy()
    raises(AttributeError, lambda: op.Gone)


def test_two_with_one_shortcut_are_told():
    global first, second
    first, second = parent().create(baseCOMP, 'first'), parent().create(baseCOMP, 'second')
    second.par.opshortcut = first.par.opshortcut = 'Twice'
    assert op.Twice in (first, second)


def later_two_with_one_shortcut_are_told():
    assert op.Twice == first, op.Twice
    assert '/project1/first' in second.warnings() and 'Twice' in second.warnings(), second.warnings()
    assert first.warnings() == ''
    second.par.opshortcut = ''


def test_a_parent_shortcut_climbs():
    base, deep = op('base1'), op('base1/deep')
    base.par.parentshortcut = 'House'
    deep.par.parentshortcut = 'Room'
    text = op('base1/deep/text2')
    assert text.parent.House == base and text.parent.Room == deep and deep.parent.House == base
    assert text.evalExpression('parent.House') == base
    assert base.parentShortcut == 'House' and op('/project1').parentShortcut == ''
    raises(AttributeError, lambda: deep.parent.Room, 'parent.Room', 'no component around')
    raises(AttributeError, lambda: text.parent.Hous, 'House')
    raises(AttributeError, lambda: parent.House)
    assert not hasattr(me.parent, 'House') and getattr(parent, 'House', None) is None
    deep.par.parentshortcut = 'House'
    assert text.parent.House == deep, 'the nearest is meant'
    text.text = 'def who():\n    return parent.House, parent().parent.House'
    assert text.module.who() == (deep, base)
    base.par.parentshortcut = deep.par.parentshortcut = ''


def test_internal_operators_and_parameters():
    base, deep = op('base1'), op('base1/deep')
    base.par.iop0shortcut, base.par.iop0op = 'Words', 'text1'
    base.par.iop1shortcut, base.par.iop1op = 'Deep', './deep'
    base.par.iop2shortcut, base.par.iop2op = 'Lost', 'nowhere'
    text = op('base1/deep/text2')
    assert base.iop.Words == op('base1/text1') and text.iop.Words == op('base1/text1') and text.iop.Deep == deep
    assert text.evalExpression('iop.Words.text') == 'inside'
    assert text.evalExpression('ipar.Words.language') == 'input' and base.ipar.Words.language.owner == op('base1/text1')
    base.ipar.Words.language = 'json'
    assert op('base1/text1').par.language == 'json'
    raises(AttributeError, lambda: base.iop.Word, 'Words')
    raises(AttributeError, lambda: base.iop.Lost, 'does not exist')
    raises(AttributeError, lambda: iop.Words, 'iop.Words')
    assert not hasattr(ipar, 'Words') and base.par.iop1.name == 'iop0op' and base.par.iopshortcut1 == 'Words'
    deep.par.iop0shortcut, deep.par.iop0op = 'Words', 'text2'
    assert text.iop.Words == text and base.iop.Words == op('base1/text1')


def test_expressions_follow_shortcuts():
    base, target = op('base1'), op('base1/text1')
    target.par.file.expr = 'parent.Home.name + op.Everywhere.name'
    base.par.parentshortcut, base.par.opshortcut = 'Home', 'Everywhere'
    assert target.par.file == 'base1base1'
    base.par.opshortcut = ''
    op('base1/deep').par.opshortcut = 'Everywhere'
    assert target.par.file.eval() == 'base1deep'
    op('base1/deep').par.opshortcut = base.par.parentshortcut = ''
    target.par.file.expr, target.par.file = '""', ''


def test_paths_by_shortcut():
    base, text = op('base1'), op('base1/deep/text2')
    for o in (base, op('base1/deep')):
        for p in o.pars('iop*', '*shortcut'):
            p.reset()
    assert me.shortcutPath(op('text1')) == "op('text1')"
    assert me.shortcutPath(text) == "op('base1/deep/text2')" and text.shortcutPath(me) == "op('../../checks')"
    assert me.shortcutPath(me) == 'me'
    base.par.parentshortcut = 'House'
    assert text.shortcutPath(base) == 'parent.House' and text.shortcutPath(op('base1/text1')) == "parent.House.op('text1')"
    assert text.shortcutPath(base, toParName='opshortcut') == 'parent.House.par.opshortcut'
    base.par.opshortcut = 'Stage'
    assert me.shortcutPath(text) == "op.Stage.op('deep/text2')" and text.shortcutPath(base) == 'parent.House'
    for o in (me, text):
        for to in (base, text, op('text1'), op('/project1')):
            assert o.evalExpression(o.shortcutPath(to)) == to, (o, to, o.shortcutPath(to))
    raises(AttributeError, lambda: me.shortcutPath(base, 'nothing'), 'nothing')
    base.par.parentshortcut = base.par.opshortcut = ''


def test_components_that_touchdesigner_brings():
    assert op.TDModules.isCOMP and op.TDResources == op.TDResources
    assert op.TDModules.path == '/sys/TDModules'
    run(lambda: None, delayFrames=1, delayRef=op.TDResources)
