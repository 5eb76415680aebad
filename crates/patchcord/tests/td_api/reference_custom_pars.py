"""Custom parameters, from the reference: pages, groups, styles, what a script can change of them."""


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def fresh():
    return parent().create(baseCOMP, 'customized')


def test_pages():
    comp = fresh()
    page = comp.appendCustomPage('Show')
    other = comp.appendCustomPage('Other')
    assert [p.name for p in comp.customPages] == ['Show', 'Other'] and page.owner == comp and page.isCustom
    comp.sortCustomPages('Other', 'Show')
    assert [p.name for p in comp.customPages] == ['Other', 'Show']
    page.appendFloat('Level')
    assert [p.name for p in page.pars] == ['Level'] and comp.par.Level.page == page
    page.name = 'Renamed'
    assert comp.par.Level.page.name == 'Renamed'
    other.destroy()
    assert [p.name for p in comp.customPages] == ['Renamed']
    comp.destroy()


def test_every_style():
    comp = fresh()
    page = comp.appendCustomPage('All')
    single = ('Int Float Str StrMenu Menu Toggle Pulse Momentary File FileSave Folder OP COMP Object DAT CHOP TOP SOP '
              'MAT Python Header').split()
    counts = {**dict.fromkeys(single, 1), 'XY': 2, 'XYZ': 3, 'XYZW': 4, 'WH': 2, 'UV': 2, 'UVW': 3, 'RGB': 3, 'RGBA': 4}
    for number, (style, count) in enumerate(counts.items()):
        group = getattr(page, 'append' + style)(f'P{number}', label=style + ' label')
        assert len(group) == count, (style, len(group))
        assert group[0].style == style and group[0].label.startswith(style + ' label'), style
    assert len(comp.customPars) == sum(counts.values())
    assert [p.name for p in comp.pars('P21*')] == ['P21x', 'P21y']
    raises((AttributeError, td.Error), lambda: page.appendKnob('Knob'))
    comp.destroyCustomPars()
    assert comp.customPars == []
    comp.destroy()


def test_names_of_custom_parameters():
    comp = fresh()
    page = comp.appendCustomPage('Names')
    assert page.appendStr('Title')[0].name == 'Title'
    for wrong in ('title', 'TITLE', 'Two words', '1st', ''):
        raises(td.Error, lambda: page.appendStr(wrong))
    comp.par.Title = 'kept'
    again = page.appendStr('Title', label='New label')
    assert len(comp.customPars) == 1 and again[0].label == 'New label'
    raises(td.Error, lambda: page.appendStr('Title', replace=False))
    comp.destroy()


def test_ranges():
    comp = fresh()
    level = comp.appendCustomPage('Show').appendFloat('Level')[0]
    level.default = 0.25
    level.normMin, level.normMax = 0, 2
    level.val = 5
    assert level == 5, 'a slider has a range, the value has none'
    level.max, level.clampMax = 3, True
    level.val = 9
    assert level == 3
    level.min, level.clampMin = -1, True
    level.val = -9
    assert level == -1
    level.normVal = 0.5
    assert level == 1 and level.evalNorm() == 0.5
    level.reset()
    assert level == 0.25 and level.isDefault and level.isCustom and level.isFloat
    level.label, level.help, level.enable, level.readOnly = 'The level', 'how much', False, True
    assert (level.label, level.help, level.enable, level.readOnly) == ('The level', 'how much', False, True)
    comp.destroy()


def test_menus():
    comp = fresh()
    mode = comp.appendCustomPage('Show').appendMenu('Mode')[0]
    mode.menuNames = ['loop', 'once']
    mode.menuLabels = ['Loop', 'Once']
    assert mode == 'loop' and mode.menuIndex == 0
    mode.menuIndex = 1
    assert mode == 'once'
    mode.val = 'loop'
    assert mode.menuIndex == 0 and mode.menuLabels[mode.menuIndex] == 'Loop'
    raises(td.Error, lambda: setattr(comp.par, 'Mode', 'never'), 'never', 'once')
    free = comp.appendCustomPage('Show2').appendStrMenu('Free')[0]
    free.menuNames = ['a', 'b']
    free.val = 'anything'
    assert free == 'anything'
    comp.destroy()


def test_groups():
    comp = fresh()
    page = comp.appendCustomPage('Show')
    centre = page.appendXYZ('Centre', label='Centre')
    assert [p.name for p in centre] == ['Centrex', 'Centrey', 'Centrez']
    comp.par.Centrey = 2
    assert comp.parGroup.Centre.eval() == (0, 2, 0) or list(comp.parGroup.Centre.eval()) == [0, 2, 0]
    comp.parGroup.Centre = (1, 2, 3)
    assert [p.eval() for p in centre] == [1, 2, 3] and comp.par.Centrez == 3
    assert centre[0].parGroup.name == 'Centre' and centre[1].vecIndex == 1
    assert [g.name for g in comp.customParGroups] == ['Centre']
    sizes = page.appendInt('Size', size=2)
    assert [p.name for p in sizes] == ['Size1', 'Size2'] and sizes[1].isInt
    comp.destroy()


def test_modes():
    comp = fresh()
    page = comp.appendCustomPage('Show')
    a, b = page.appendFloat('A')[0], page.appendFloat('B')[0]
    a.val = 3
    b.expr = 'me.par.A * 2'
    assert b == 6 and b.mode == ParMode.EXPRESSION
    a.val = 4
    assert b == 8
    b.bindExpr = 'me.par.A'
    assert b.mode == ParMode.BIND and b.prevMode == ParMode.EXPRESSION and b == 4
    b.val = 9
    assert a == 9 and b.mode == ParMode.BIND
    assert a.bindReferences == [b]
    b.mode = ParMode.CONSTANT
    b.val = 9
    a.val = 1
    assert b == 9, 'it is not bound any more'
    b.destroy()
    assert [p.name for p in comp.customPars] == ['A'] and not hasattr(comp.par, 'B')
    comp.destroy()


def test_references_to_operators():
    comp = fresh()
    page = comp.appendCustomPage('Show')
    target = page.appendDAT('Target')[0]
    target.val = op('table1')
    assert target.eval() == op('table1') and target.isOP and comp.par.Target.eval().numRows == 4
    assert op(comp.par.Target) == op('table1')
    target.val = 'no_such_operator'
    assert target.eval() is None and not target.evalOPs()
    target.val = ''
    assert target.eval() is None and not target
    comp.destroy()


def test_custom_parameters_are_copied():
    comp = fresh()
    comp.appendCustomPage('Show').appendStr('Title')
    comp.par.Title = 'Nacht'
    other = parent().copy(comp)
    assert other.par.Title == 'Nacht' and [p.name for p in other.customPages] == ['Show']
    other.par.Title = 'Tag'
    assert comp.par.Title == 'Nacht'
    comp.destroy()
    other.destroy()


def test_built_in_parameters_are_not_custom():
    server = op('webserver1')
    assert server.customPars == [] and not server.par.port.isCustom
    raises((td.Error, AttributeError), lambda: server.par.port.destroy())
    raises((td.Error, AttributeError), lambda: setattr(server.par.port, 'default', 1))
