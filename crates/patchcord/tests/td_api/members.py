"""Members of OP and COMP: flags, layout, connectors, time, variables, copies, facts."""


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f'{kind.__name__} was not raised')


def test_flags_are_kept():
    o = op('text1')
    for name in ('activeViewer', 'bypass', 'cloneImmune', 'current', 'display', 'lock', 'selected', 'viewer', 'render'):
        assert getattr(o, name) is False, name
        setattr(o, name, 1)
        assert getattr(o, name) is True, name
        setattr(o, name, False)
        assert getattr(o, name) is False, name
    for name in ('allowCooking', 'expose', 'showDocked', 'python'):
        assert getattr(o, name) is True, name
        setattr(o, name, False)
        assert getattr(o, name) is False, name
        setattr(o, name, True)
    assert o.export is False and o.passive is False and passive(o) == o
    c = op('base1')
    assert c.pickable is False and c.utility is False and c.componentCloneImmune is False
    c.componentCloneImmune = True
    assert c.cloneImmune
    c.cloneImmune = False
    raises(AttributeError, lambda: o.pickable)


def test_selection_and_the_current_child():
    a, b = op('base1/text1'), op('base1/deep')
    assert op('base1').currentChild is None and op('base1').selectedChildren == []
    a.current = a.selected = True
    assert op('base1').currentChild == a and op('base1').selectedChildren == [a]
    b.current = b.selected = True
    assert op('base1').currentChild == b and not a.current and op('base1').selectedChildren == [a, b]
    a.selected = b.selected = b.current = False


def test_layout_is_kept():
    o = op('text1')
    assert (o.nodeX, o.nodeY, o.nodeWidth, o.nodeHeight) == (0, 0, 130, 90) and isinstance(o.nodeX, int)
    o.nodeX, o.nodeY, o.nodeWidth, o.nodeHeight = 200, -100, 160, 60
    assert (o.nodeX, o.nodeY, o.nodeCenterX, o.nodeCenterY) == (200, -100, 280, -70)
    o.nodeCenterX, o.nodeCenterY = 0, 0
    assert (o.nodeX, o.nodeY) == (-80, -30)
    o.color = (1, 0.5, 0)
    assert o.color == (1, 0.5, 0)
    copied = parent().copy(o)
    assert copied.nodeX == -80 and copied.color == o.color
    copied.destroy()


def test_connectors_are_in_step_with_wires():
    base = parent().create(baseCOMP)
    table, events = base.create(tableDAT), base.create(tableDAT)
    client = base.create(socketioDAT, initialize=False)
    ins, outs = client.inputConnectors, table.outputConnectors
    assert len(ins) == client.maxInputs == 4 and len(outs) == 1
    assert ins[0].isInput and not ins[0].isOutput and outs[0].isOutput and outs[0].owner == table
    assert ins[1].index == 1 and ins[0].connections == [] and ins[0].description
    outs[0].connect(ins[1])
    assert client.inputs == [table] and table.outputs == [client]
    assert ins[1].connections == [outs[0]] and outs[0].connections == [ins[1]]
    ins[0].connect(events)
    assert client.inputs == [events, table]
    table.outputConnectors[0].connect(client)
    assert ins[0].connections[0].owner == table
    outs[0].disconnect()
    assert client.inputs == [] and outs[0].connections == []
    client.setInputs([None, events])
    assert ins[0].connections == [] and ins[1].connections[0].owner == events
    client.setInputs([])
    assert client.inputs == []
    ins[0].connect(events)
    ins[0].disconnect()
    assert not client.inputs
    raises(td.Error, lambda: ins[0].connect(ins[1]), 'inputs')
    raises(td.Error, lambda: Connector(client, 5, True).connect(table), 'no input 5')
    assert ins[0].inOP is None and outs[0].outOP is None and 'socketio1' in repr(ins[0])
    base.destroy()


def test_connectors_of_components_are_their_in_and_out_operators():
    base = parent().create(baseCOMP)
    box, table, sink = base.create(baseCOMP, 'box'), base.create(tableDAT), base.create(nullDAT)
    assert box.inputConnectors == [] and box.outputConnectors == []
    second, first, out = box.create(inDAT, 'in2'), box.create(inDAT, 'in1'), box.create(outDAT, 'out1')
    ins, outs = box.inputConnectors, box.outputConnectors
    assert [c.inOP for c in ins] == [first, second] and [c.outOP for c in outs] == [out]
    ins[1].connect(table)
    outs[0].connect(sink)
    assert box.inputs == [table] and ins[1].connections == [table.outputConnectors[0]] and ins[0].connections == []
    assert sink.inputConnectors[0].connections == [outs[0]] and outs[0].connections == [sink.inputConnectors[0]]
    box.setInputs([table])
    assert ins[0].connections[0].owner == table and ins[1].connections == []
    copies = base.copyOPs([table, box])
    assert copies[1].inputs == [copies[0]]
    base.destroy()


def test_paths_and_dependencies():
    assert op('text1').relativePath(op('table1')) == 'table1'
    assert op('base1/text1').relativePath('/project1/table1') == '../table1'
    assert op('base1').relativePath(op('base1/deep/text2')) == 'base1/deep/text2'
    assert op('base1/deep/text2').parent().parent().parent() == parent()
    base = parent().create(baseCOMP)
    table, client = base.create(tableDAT), base.create(socketioDAT)
    client.setInputs([table])
    assert client.dependenciesTo(table) == [[client, table]]
    assert client.dependenciesTo(client.docked[0]) == [[client, client.docked[0]]]
    assert table.dependenciesTo(client) == []
    base.destroy()


def test_change_type():
    base = parent().create(baseCOMP)
    old = base.create(textDAT, 'thing')
    old.tags, old.comment, old.nodeX = ['a'], 'b', 77
    old.store('k', [1])
    client = base.create(socketioDAT, initialize=False)
    client.setInputs([old])
    new = old.changeType(tableDAT)
    assert new.OPType == 'tableDAT' and new.name == 'thing' and not old.valid
    assert new.tags == {'a'} and new.comment == 'b' and new.nodeX == 77 and new.fetch('k') == [1]
    assert client.inputs == [new]
    base.destroy()


def test_copy_several_and_parameters():
    base = parent().create(baseCOMP)
    table, client = base.create(tableDAT), base.create(socketioDAT)
    client.setInputs([table])
    client.par.timeout = 4321
    client.par.url.expr = "'x'"
    other = parent().create(baseCOMP)
    copies = other.copyOPs([table, client])
    assert [o.OPType for o in copies] == ['tableDAT', 'socketioDAT'] and copies[1].inputs == [copies[0]]
    assert [o.name for o in copies[1].docked] == ['socketio1_callbacks']
    third = other.create(socketioDAT)
    third.copyParameters(client)
    assert third.par.timeout == 4321 and third.par.url.expr == "'x'"
    fourth = other.create(socketioDAT)
    fourth.copyParameters(client, builtin=False)
    assert fourth.par.timeout != 4321
    base.destroy()
    other.destroy()


def test_variables():
    c, inner = op('base1'), op('base1/deep/text2')
    assert c.vars() == [] and inner.var('MINE') == ''
    c.setVar('MINE', 5)
    op('base1/deep').setVar('OTHER', 'x')
    assert c.var('MINE') == '5' == inner.var('MINE') and inner.var('MINE', search=False) == ''
    assert c.vars() == ['MINE'] and c.vars('O*') == []
    assert inner.var('PATH') and not varExists('MINE')
    parent().setVar('HERE', 1)
    assert var('HERE') == '1' and varExists('HERE') and varOwner('HERE') == parent() and varOwner('NOPE') is None
    parent().unsetVar('H*')
    c.unsetVar('MINE')
    op('base1/deep').unsetVar('OTHER')
    assert c.vars() == [] and not varExists('HERE')


def test_find_children_by_parameters():
    find = parent().findChildren
    names = lambda found: sorted(o.name for o in found)
    assert 'webserver1' in names(find(parName='port'))
    op('webserver1').par.port = 9981
    assert names(find(parName='port', parValue='9981')) == ['webserver1']
    assert names(find(parName='port', onlyNonDefaults=True)) == ['webserver1']
    op('webserver1').par.port.expr = '9000 + 5'
    assert names(find(parExpr='9000*')) == ['webserver1'] and names(find(parExpr='8*')) == []
    op('webserver1').par.port.val = 9980
    op('base1').utility = True
    assert 'base1' not in names(find(depth=1)) and 'base1' in names(find(depth=1, includeUtility=True))
    op('base1').utility = False
    assert names(find(type=tableDAT, key=lambda o: o.numRows)) == ['table1']


def test_plain_facts():
    o = op('table1')
    assert o.gpuCookTime == 0 and o.gpuMemory == 0 and o.icon == '' and o.replicator is None
    before = o.cpuMemory
    o.appendRow(['x' * 1000])
    assert o.cpuMemory > before + 900
    o.deleteRow(-1)
    assert not o.isPanel and not o.isObject and not o.isFilter and op('webserver1').isMultiInputs in (True, False)
    for name in ('openMenu', 'openParameters', 'openViewer', 'resetViewer'):
        assert getattr(o, name)() is None
    c = op('base1')
    c.resetNetworkView()
    assert not c.isPrivate and not c.isPrivacyActive and not c.dirty and c.clones == [] and c.externalTimeStamp == 0
    for name in ('loadTox', 'save', 'saveByteArray', 'reload', 'addPrivacy', 'collapseSelected', 'saveExternalTox'):
        raises(AttributeError, lambda: getattr(c, name)('x.tox'), name)
    assert not o.isPOP and o.supported and o.childrenGPUCookTime == 0 and c.childrenCPUCookTime >= 0
    assert c.childrenCookAbsFrame >= 0 and c.opex('text1').name == 'text1'
    raises(td.Error, lambda: c.opex('nothing'), 'nothing')
    gone = parent().create(baseCOMP)
    gone.destroy()
    raises(td.Error, lambda: gone.isPrivate)


def test_the_timeline():
    t = me.time
    assert t is op('base1').time is root.time and t.play and t.rate == project.cookRate and t.loop
    assert (t.start, t.end, t.rangeStart, t.rangeEnd, t.tempo, t.signature1, t.signature2) == (1, 600, 1, 600, 120, 4, 4)
    assert 1 <= t.frame <= 600 and abs(t.seconds - (t.frame - 1) / t.rate) < 1e-9
    t.frame = 100
    assert t.frame == 100
    t.seconds = 2
    assert t.frame == 121
    t.rangeEnd = 100
    assert t.frame <= 100
    t.rangeEnd, t.tempo, t.signature1 = 600, 90, 3
    assert t.tempo == 90 and t.signature1 == 3
    t.play = True
    raises(td.Error, lambda: setattr(t, 'play', False), 'always plays')
    assert me.cookFrame >= 1
    t.rate = 30
    assert project.cookRate == 30
    t.rate = 60
    raises(td.Error, lambda: setattr(t, 'rate', 0))


def test_flags_that_are_honoured_later():
    # Operators that compute begin to work when the script has returned.
    base = parent().create(baseCOMP, 'flagged')
    base.create(tableDAT, 'source').appendRow(['a'])
    base.create(nullDAT, 'null').setInputs([base.op('source')])


def later_lock_bypass_and_cooking_flags_are_honoured():
    base = op('flagged')
    source, null = base.op('source'), base.op('null')
    assert null[0, 0] == 'a' and not null.isEditable
    null.lock = True
    source[0, 0] = 'b'
    assert null[0, 0] == 'a' and null.isEditable
    null[0, 0] = 'mine'
    assert null[0, 0] == 'mine'
    null.lock = False
    assert null[0, 0] == 'b'
    raises(td.Error, lambda: null.appendRow(['x']), 'locked')
    null.allowCooking = False
    source[0, 0] = 'c'
    assert null[0, 0] == 'b'
    null.allowCooking = True
    assert null[0, 0] == 'c'
    base.allowCooking = False
    source[0, 0] = 'd'
    assert null[0, 0] == 'c'
    base.allowCooking = True
    assert null[0, 0] == 'd'


def test_expressions_follow_what_they_read():
    target, seen = op('base1/text1'), op('text1')
    target.par.file.expr = "op('/project1/text1').comment + str(op('/project1/text1').nodeX) + op('/project1').var('V')"
    seen.comment, seen.nodeX = 'one', 1
    parent().setVar('V', 'v')
    assert target.par.file.eval() == 'one1v'
    seen.comment = 'two'
    assert target.par.file.eval() == 'two1v'
    seen.nodeX = 5
    parent().setVar('V', 'w')
    assert target.par.file.eval() == 'two5w'
    target.par.file.expr = "len(op('/project1/text1').storage)"
    assert target.par.file.eval() == '0'
    seen.store('one', 1)
    assert target.par.file.eval() == '1'
    seen.unstore('one')
    target.par.file.expr = "op('/project1/text1').bypass"
    assert target.par.file.eval() == 'False'
    seen.bypass = True
    assert target.par.file.eval() == 'True'
    seen.bypass = False
    target.par.file = ''
    parent().unsetVar('V')
