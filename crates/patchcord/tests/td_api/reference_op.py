"""Members of OP, from the reference: kinds, wires, paths between operators, cooking, parameters as a whole."""


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def test_kinds():
    server, base = op('webserver1'), op('base1')
    assert not server.isObject and not server.isPanel and not base.isPanel
    container = parent().create(containerCOMP, 'panel')
    assert container.isPanel and container.isCOMP and container.OPType == 'containerCOMP'
    container.destroy()
    assert server.maxInputs >= server.minInputs >= 0
    null = parent().create(nullDAT)
    assert null.isFilter and not null.isMultiInputs and null.minInputs <= null.maxInputs == 1
    merge = parent().create(mergeDAT)
    assert merge.isMultiInputs and merge.maxInputs > 1
    null.destroy()
    merge.destroy()


def test_wires():
    null = parent().create(nullDAT, 'wired')
    merge = parent().create(mergeDAT, 'merged')
    op('table1').outputConnectors[0].connect(null.inputConnectors[0])
    assert null.inputs == [op('table1')] and null in op('table1').outputs
    [wire] = null.inputConnectors[0].connections
    assert wire.owner == op('table1') and wire.index == 0
    connector = null.inputConnectors[0]
    assert connector.isInput and not connector.isOutput and connector.owner == null and connector.index == 0
    connector.connect(op('text1'))
    assert null.inputs == [op('text1')] and null not in op('table1').outputs
    connector.disconnect()
    assert null.inputs == [] and connector.connections == []
    null.setInputs([op('table1')])
    merge.setInputs([op('table1'), null])
    assert null.inputs == [op('table1')] and merge.inputs == [op('table1'), null]
    assert null.outputs == [merge]
    merge.setInputs([])
    assert merge.inputs == []
    null.destroy()
    assert op('table1').outputs == []
    merge.destroy()


def test_paths_between_operators():
    inner = op('base1/deep/text2')
    assert inner.relativePath(op('text1')) == '../../text1'
    assert op('text1').relativePath(op('table1')) in ('table1', './table1')
    assert parent().relativePath(inner).endswith('deep/text2')
    op('base1').par.opshortcut = 'BASE'
    assert op('text1').shortcutPath(op('base1')) == 'op.BASE'
    assert 'op.BASE' in op('text1').shortcutPath(inner)
    assert op('text1').shortcutPath(op('table1')) in ("op('table1')", "op('./table1')")
    op('base1').par.opshortcut = ''


def test_time_of_an_operator():
    assert me.time.rate == project.cookRate
    assert me.time.frame >= 1 and me.time.seconds >= 0 and me.time.play
    assert parent().time.rate == me.time.rate


def test_cooking():
    t = op('table1')
    before = t.totalCooks
    t.cook(force=True)
    assert t.totalCooks > before
    for name in ('cookFrame', 'cookAbsFrame', 'cpuCookTime', 'cookTime', 'cookStartTime', 'cookEndTime'):
        assert getattr(t, name) >= 0, name
    assert t.cookedThisFrame in (True, False) and t.cookedPreviousFrame in (True, False)


def test_parameters_as_a_whole():
    one, two = parent().create(webserverDAT, 'one'), parent().create(webserverDAT, 'two')
    one.par.port = 4321
    one.par.localaddress.expr = "'127.0.0.1'"
    two.copyParameters(one)
    assert two.par.port == 4321 and two.par.localaddress.expr == "'127.0.0.1'"
    assert 'port' in [p.name for p in one.builtinPars] and one.customPars == []
    page = next(page for page in one.pages if 'port' in [p.name for p in page.pars])
    assert page.name == one.par.port.page.name
    two.resetPars()
    assert two.par.port == 9980 and two.par.localaddress.mode == ParMode.CONSTANT
    one.destroy()
    two.destroy()


def test_what_depends_on_what():
    dat = parent().create(textDAT, 'reader')
    dat.par.customext.expr = "op('table1')[1, 0]"
    dat.par.customext.eval()
    dependents = op('table1').dependenciesTo(dat)
    assert isinstance(dependents, list)
    dat.destroy()


def test_startup_values():
    dat = parent().create(textDAT, 'remembers')
    dat.storeStartupValue('mood', 'calm')
    dat.unstoreStartupValue('mood')
    dat.destroy()


def test_change_of_type():
    base = op('base1')
    for number in (1, 2):
        base.create(textDAT, f'note{number}').text = f'{number}'
    copies = parent().copyOPs([base.op('note1'), base.op('note2')])
    assert [o.text for o in copies] == ['1', '2'] and all(o.parent() == parent() for o in copies)
    for o in [*copies, *base.ops('note*')]:
        o.destroy()


def test_ids_and_truth():
    o = op('text1')
    assert op(o.id) == o and isinstance(o.id, int)
    assert op(str(o)) == o and (o or None) is o
    assert op('/project1') == parent() and op('/project1').name == 'project1'
    assert [type(x) for x in (o, op('table1'))] == [textDAT, tableDAT]
    assert op('nothing', 'nobody') is None and (op('nothing') or 'other') == 'other'
