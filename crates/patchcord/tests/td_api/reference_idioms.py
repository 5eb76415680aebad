"""Idioms of public callback scripts, as the reference lists them, one after the other."""
import json


def dat(text, name='idiom'):
    made = parent().create(textDAT, name)
    made.text = text
    return made


def test_expressions_that_reach_others():
    ws = parent().create(websocketDAT, 'ws')
    ws.par.netaddress = 'ws://host/ws'
    ws.par.port = 8000
    assert f'{ws.par.netaddress}:{ws.par.port}' == 'ws://host/ws:8000'
    comp = parent().create(baseCOMP, 'owner')
    comp.appendCustomPage('Link').appendInt('Wsport')
    comp.par.Wsport = 7000
    inner = comp.create(websocketDAT, 'ws')
    inner.par.port.bindExpr = 'parent().par.Wsport'
    assert inner.par.port == 7000
    inner.par.port = 7001
    assert comp.par.Wsport == 7001
    assert op(ws.par.callbacks) == ws.docked[0] and ws.par.callbacks.eval().name == 'ws_callbacks'
    server = parent().create(webserverDAT, 'server')
    script = dat('')
    server.par.callbacks = script
    assert server.par.callbacks == script and server.par.callbacks.eval().path == script.path
    page = comp.appendCustomPage('More')
    page.appendCOMP('Home')
    comp.par.Home.expr = 'parent()'
    assert comp.par.Home.eval() == parent()
    for o in (ws, comp, server, script):
        o.destroy()


def test_runs_as_they_are_written():
    ws = parent().create(websocketDAT, 'later')
    me.store('later', ws.path)
    run("args[0].par.active = 0; args[0].par.timeout = 1234", ws, delayFrames=3)
    run(f"op({ws.path!r}).par.maxlines = 7", delayFrames=5)
    td.run("me.store('end', me.name)", endFrame=True, fromOP=ws)
    run(lambda d, n: d.store('called', n), ws, 5, delayMilliSeconds=40, delayRef=op.TDResources)
    run("parent().store('asked', args)", 1, 'two', delayFrames=1, fromOP=me)


def later_they_have_run():
    ws = op(me.fetch('later'))
    assert ws.par.timeout == 1234 and ws.par.maxlines == 7
    assert ws.fetch('end') == 'later' and ws.fetch('called') == 5
    assert parent().fetch('asked') == (1, 'two')
    ws.destroy()


def test_tables_as_they_are_written():
    t = op('empty')
    t.clear()
    t.appendRow(['key', 'value'])
    t.appendRow(['a', 1])
    t.replaceRow('a', ['a', 2])
    row = t.findCell('a', cols=[0]).row
    t[row, 1] = 'v'
    assert t[row, 1].val == 'v' and t['a', 0].row == 1 and t['a', 'value'] == 'v'
    if t['b', 1] is None:
        t.appendRow(['b', json.dumps({'n': [1]})])
    assert json.loads(t['b', 1].val) == {'n': [1]} and json.loads(str(t['b', 1]))['n'] == [1]
    assert {r[0].val: r[1].val for r in t.rows()[1:]}['a'] == 'v'
    assert 'value: ' + t['a', 1] == 'value: v' and t['a', 1] + '!' == 'v!'
    assert [c for c in t.col('key')][1] == 'a' and len(t.col(0)) == t.numRows == 3
    assert ','.join(c.val for c in t.row(0)) == 'key,value'
    t[0, 1].val += 's'
    assert t[0, 1] == 'values'
    t.text = ''
    assert t.numRows == 0


def test_parameters_as_they_are_written():
    comp = parent().create(baseCOMP, 'panel')
    page = comp.appendCustomPage('Show')
    page.appendFloat('Level')
    page.appendStr('Name')
    page.appendToggle('On')
    page.appendPulse('Go')
    p = comp.par
    p.Level = 0.5
    p.Level += 0.25
    p.Name = 'x'
    p.Name += 'y'
    assert p.Level == 0.75 and p.Name == 'xy' and 'Name: ' + p.Name == 'Name: xy' and p.Name + str(p.Level) == 'xy0.75'
    assert not p.On and (p.On or 'off') == 'off'
    p.On = 1
    assert p.On and p.On == 1 and p.On == True and int(p.On) == 1  # noqa: E712
    p.On = not p.On
    assert p.On == 0
    assert max(p.Level, 0.5) == 0.75 and round(p.Level * 100) == 75 and '%.2f' % p.Level == '0.75'
    assert f'{p.Level:.1f}' == '0.8' and p.Level > 0.5 and 0 < p.Level < 1 and p.Level * p.Level == 0.5625
    assert {'xy': 1}[p.Name.eval()] == 1 and p.Name.eval().upper() == 'XY' and p['Name'].val[0] == 'x'
    assert getattr(p, 'Nothing', None) is None and hasattr(p, 'Level') and p['Nothing'] is None
    setattr(p, 'Level', '0.25')
    assert p.Level == 0.25
    assert json.dumps({q.name: q.eval() for q in comp.customPars if not q.isPulse}) == (
        '{"Level": 0.25, "Name": "xy", "On": false}')
    for name, value in {'Level': 1, 'Name': 5}.items():
        comp.par[name].val = value
    assert p.Name == '5' and p.Level == 1
    comp.destroy()


def test_modules_as_they_are_written():
    parser = dat('def f(x):\n    return x * 2\n', 'parser')
    api = dat('def handle(d):\n    return mod("parser").f(d), op("parser").module.f(d), mod.parser.f(d)\n', 'td_api')
    assert mod('parser').f(2) == 4 and mod(op('td_api')).handle(3) == (6, 6, 6)
    assert op('parser').module.f('a') == 'aa'
    for o in (parser, api):
        o.destroy()


def test_what_is_tested_for():
    assert not op('absent') and (op('absent') is None) and op('text1')
    target = op('absent') or op('text1')
    assert target == op('text1')
    if op('table1'):
        op('table1').store('k', {'n': 1})
    op('table1').fetch('k')['n'] += 1
    assert op('table1').storage['k']['n'] == 2 and op('table1').fetch('none', 0) + 1 == 1
    assert op('table1').fetch('k', search=False) is op('table1').storage['k']
    op('table1').unstore('k')
    assert 'k' not in op('table1').storage
    assert isinstance(op('table1'), tableDAT) and op('table1').OPType == 'tableDAT' and op('table1').family == 'DAT'
    assert sorted(o.name for o in parent().findChildren(type=tableDAT, maxDepth=1))[-1] == 'table1'
    assert [c.name for c in op('base1').children] == ['text1', 'deep'] and op('base1').findChildren(name='text*')


def test_texts_as_they_are_written():
    t = op('text1')
    t.text = 'one'
    t.text += '\ntwo'
    assert t.text.splitlines() == ['one', 'two'] and t.numRows == 2
    t.text = json.dumps({'a': 1}, indent=4)
    assert t.jsonObject['a'] == 1 and json.loads(t.text)['a'] == 1
    t.text = str(op('table1').numRows) + ' rows'
    assert t.text == '4 rows'
    exec(compile("op('text1').text = 'by exec'", 'x', 'exec'))
    assert t.text == 'by exec'
    t.text = 'hello\nworld'
