"""run() and what waits."""
order = []


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f'{kind.__name__} was not raised')


def test_without_a_delay_it_runs_at_once():
    run("me.store('ran', args)", 1, 2)
    assert me.fetch('ran') == (1, 2)
    run(lambda a: order.append(a), 'at once')
    assert order.pop() == 'at once'
    run("me.store('from', me.path); op('deep').store('from', 1)", fromOP=op('base1/text1'))
    assert op('base1/text1').fetch('from') == '/project1/base1/text1' and op('base1/deep').fetch('from') == 1
    raises(TypeError, lambda: run(5))
    raises(TypeError, lambda: run('1', colour=2), 'colour')


def test_with_a_delay_it_waits():
    run(order.append, 'second', delayFrames=4, group='g')
    run(order.append, 'first', delayFrames=2)
    run(order.append, 'end', endFrame=True)
    run(order.append, 'soon', delayMilliSeconds=17, delayRef=op('text1'))
    waiting = run(order.append, 'never', delayFrames=3)
    assert waiting.active and waiting.remainingFrames >= 2 and waiting.remainingMilliseconds > 0
    assert waiting in list(runs) and len(runs) == 5
    assert runs[0].path == '/project1/checks'
    assert [r.group for r in runs if r.group] == ['g']
    waiting.kill()
    assert not waiting.active and len(runs) == 4
    waiting.kill()
    assert 'first' not in order


def test_a_run_knows_what_it_runs():
    dat, table = parent().create(textDAT, 'runs_this'), parent().create(tableDAT, 'runs_cell')
    dat.text, table.text = "me.store('args', args)", "me.store('cell', 1)"
    now = dat.run(1, 2, asParameter=False)
    assert now.isDAT and not now.isCell and not now.isString and now.source == dat and not now.active
    assert dat.fetch('args') == (1, 2) and now.path == dat.path
    later = table[0, 0].run(delayFrames=5, delayRef=root, group='cells')
    assert later.isCell and not later.isDAT and later.source == "me.store('cell', 1)" and later.active
    text = run('1', delayFrames=5, group='cells')
    assert text.isString and not text.isDAT and not text.isCell and text.source == '1' and text.group == 'cells'
    for waiting in runs:
        if waiting.group == 'cells':
            waiting.kill()
    assert not later.active and not text.active and [r for r in runs if r.group == 'cells'] == []
    table[0, 0].run()
    assert table.fetch('cell') == 1
    raises(td.Error, lambda: run('1', delayRef='/nowhere'))
    dat.destroy()
    table.destroy()


def test_an_error_in_a_run_ends_nothing():
    run('raise ValueError("in a run")')
    run('this is no python')
    run(lambda: 1 / 0)
    assert 'ZeroDivisionError' in me.errors() and 'line' in me.errors(), me.errors()
    me.clearScriptErrors()


def test_a_run_of_a_destroyed_operator_is_left_out():
    dat = parent().create(textDAT, 'gone')
    run("op('/project1/text1').store('bad', 1)", fromOP=dat, delayFrames=1)
    dat.destroy()


def test_a_run_may_start_another():
    def again(left):
        order.append(left)
        if left:
            run(again, left - 1, delayFrames=1)
    run(again, 3, delayFrames=1)


def later_they_came_in_order():
    named = [entry for entry in order if isinstance(entry, str)]
    assert sorted(named) == ['end', 'first', 'second', 'soon'], order
    assert named.index('soon') <= named.index('first') < named.index('second'), order
    assert [entry for entry in order if isinstance(entry, int)] == [3, 2, 1, 0], order
    assert len(runs) == 0
    assert op('text1').fetch('bad', None) is None
