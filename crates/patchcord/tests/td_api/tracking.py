"""Expressions are worked out anew when what they asked of operators has another answer."""


def computed(expression):
    """A function that gives the value of a parameter with this expression."""
    made = parent().create(textDAT, 'computed1')
    made.par.file.expr = f'str({expression})'
    return made.par.file.eval


def test_figures_and_problems():
    cooks = computed("op('/project1/table1').totalCooks")
    before = int(cooks())
    op('table1').cook(force=True)
    assert int(cooks()) == before + 1
    errors = computed("len(op('/project1/text1').errors())")
    assert errors() == '0'
    op('text1').addScriptError('broken')
    assert errors() != '0'
    op('text1').clearScriptErrors()
    assert errors() == '0'


def test_what_is_stored():
    held = op('base1/text1')
    known = computed("'seat' in op('/project1/base1/text1').storage")
    owner = computed("op('/project1/base1/text1').fetchOwner('seat')")
    assert (known(), owner()) == ('False', 'None')
    held.parent().store('seat', 1)
    assert (known(), owner()) == ('False', '/project1/base1')
    held.store('seat', 2)
    assert (known(), owner()) == ('True', '/project1/base1/text1')
    held.unstore('seat')
    held.parent().unstore('seat')
    assert (known(), owner()) == ('False', 'None')


def test_facts_of_parameters():
    par = op('text1').par.customext
    facts = computed(
        "(lambda p: (p.mode.name, p.expr, p.bindExpr, p.isDefault, p.enable))(op('/project1/text1').par.customext)"
    )
    assert facts() == "('CONSTANT', '', '', True, True)"
    par.val = 'x'
    assert facts() == "('CONSTANT', '', '', False, True)"
    par.expr = "'x'"
    assert facts() == '''('EXPRESSION', "'x'", '', False, True)'''
    par.expr = "'y'"
    assert facts() == '''('EXPRESSION', "'y'", '', False, True)'''
    par.bindExpr = "op('base1/text1').par.customext"
    par.bindExpr = "op('base1/deep/text2').par.customext"
    assert 'deep' in facts() and facts().startswith("('BIND'")
    par.enable = False
    assert facts().endswith('False)')
    par.enable = True
    par.bindExpr = par.expr = ''
    par.reset()


def test_what_is_inside():
    names = computed("[o.name for o in parent().findChildren(name='sought*', depth=1)]")
    texts = computed("len(parent().findChildren(text='needle*'))")
    assert (names(), texts()) == ('[]', '0')
    made = parent().create(textDAT, 'sought1')
    assert names() == "['sought1']"
    made.text = 'needle in hay'
    assert texts() == '1'
    made.destroy()
    assert (names(), texts()) == ('[]', '0')
