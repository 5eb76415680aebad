"""Globals, time, the virtual file system, channels and wired DATs, from the reference."""
import os


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def test_globals_of_every_script():
    for name in ('me op ops parent iop ipar ext mod root project app absTime tdu td debug run runs families ui '
                 'isMainThread ParMode').split():
        assert name in dir(td) or name in globals() or eval(name) is not None, name
    assert root.path == '/' and isMainThread()
    assert absTime.stepSeconds >= 0 and absTime.step >= 0 and absTime.seconds >= 0
    assert os.path.isabs(project.folder) and project.cookRate == 60
    for name in ('version', 'build', 'product', 'osName', 'osVersion', 'architecture', 'launchTime'):
        assert getattr(app, name) is not None, name


def test_tdu_of_the_reference():
    assert tdu.ParMenu(['a', 'b'], ['A', 'B']).menuNames == ['a', 'b']
    info = tdu.FileInfo(os.path.join(project.folder, 'patch.toml'))
    assert info.exists and 'patch' in info.baseName and 'toml' in info.ext and str(info).endswith('patch.toml')
    assert info.dir.rstrip('/') == project.folder.rstrip('/') and info.absPath.endswith('patch.toml')
    assert not tdu.FileInfo('nowhere/nothing.txt').exists
    code = tdu.Timecode('00:00:02:15', fps=30)
    assert code.totalFrames == 75 and str(code) == '00:00:02:15' and code.second == 2


def test_vectors():
    v = tdu.Vector(3, 4, 0)
    assert v.length() == 5 and v[0] == 3 and (v.x, v.y, v.z) == (3, 4, 0)
    assert v.dot(tdu.Vector(1, 0, 0)) == 3 and v.cross(tdu.Vector(0, 0, 1)).z == 0
    assert (v + tdu.Vector(1, 1, 1)).x == 4 and (v * 2).y == 8
    v.normalize()
    assert abs(v.length() - 1) < 1e-6
    c = tdu.Color(1, 0.5, 0, 1)
    assert (c.r, c.g, c.b, c.a) == (1, 0.5, 0, 1)


def test_virtual_files():
    comp = parent().create(baseCOMP, 'holder')
    made = comp.vfs.addByteArray(bytearray(b'\x00\x01'), 'a.bin')
    assert comp.vfs['a.bin'].byteArray == b'\x00\x01' and comp.vfs['a.bin'].size == 2 and made.name == 'a.bin'
    assert comp.vfs['nothing'] is None and 'a.bin' in comp.vfs['a.bin'].virtualPath
    open(os.path.join(project.folder, 'b.txt'), 'w').write('text')
    comp.vfs.addFile(os.path.join(project.folder, 'b.txt'))
    assert comp.vfs['b.txt'].byteArray == b'text' and len(comp.vfs) == 2
    assert sorted(f.name for f in comp.vfs) == ['a.bin', 'b.txt']
    assert [f.name for f in comp.vfs.find('*.txt')] == ['b.txt']
    where = comp.vfs['a.bin'].export(project.folder)
    assert open(where, 'rb').read() == b'\x00\x01'
    comp.vfs['a.bin'].destroy()
    assert comp.vfs['a.bin'] is None and len(comp.vfs) == 1
    comp.destroy()


def test_virtual_files_stay_virtual():
    comp = parent().create(baseCOMP, 'holder')
    assert len(comp.vfs) == 0
    for name in ('../out.txt', '/tmp/out.txt', 'a/../../out.txt'):
        try:
            comp.vfs.addByteArray(bytearray(b'x'), name)
        except Exception:
            continue
        for f in list(comp.vfs):
            where = f.export(project.folder)
            assert os.path.realpath(where).startswith(os.path.realpath(project.folder)), where
            f.destroy()
    assert not os.path.exists(os.path.join(os.path.dirname(project.folder), 'out.txt'))
    comp.destroy()


def test_channels():
    chop = parent().create(constantCHOP, 'faders')
    for number, (name, value) in enumerate((('red', 0.25), ('green', 2))):
        for names, values in (('name%d', 'value%d'), ('const%dname', 'const%dvalue')):
            if hasattr(chop.par, names % number):
                setattr(chop.par, names % number, name)
                setattr(chop.par, values % number, value)
                break
        else:
            raise AssertionError('no parameters for channels')
    assert chop.numChans == 2 and chop.numSamples == 1 and not chop.isTimeSlice and chop.rate > 0
    red = chop['red']
    assert red == 0.25 and float(red) == 0.25 and red.name == 'red' and red.index == 0 and red.owner == chop
    assert red + 1 == 1.25 and red < chop['green'] and round(red, 1) == 0.2 and f'{red:.1f}' == '0.2' and -red == -0.25
    assert chop['absent'] is None and chop[5] is None and chop[1] == 2
    assert chop.chan('gr*').name == 'green' and chop.chan('RED', caseSensitive=False) == 0.25
    assert [c.name for c in chop.chans('*e*')] == ['red', 'green'] and chop.chans('x*') == []
    assert (red.average(), red.min(), red.max(), red.vals, red[0]) == (0.25, 0.25, 0.25, [0.25], 0.25)
    assert red.valid and red.evalFrame(1) == 0.25
    chop.par.value0 = 0.5
    assert red == 0.5 and chop['red'].eval() == 0.5
    null = parent().create(nullCHOP, 'through')
    null.setInputs([chop])
    assert null['green'] == 2
    chop.par.value1 = 3
    assert null['green'] == 3 and null.numChans == 2
    op('text1').par.customext.expr = "op('through')['green'] * 2"
    assert float(op('text1').par.customext.eval()) == 6
    op('text1').par.customext.reset()
    null.destroy()
    chop.destroy()


def test_a_table_seen_through_others():
    null = parent().create(nullDAT, 'through')
    null.setInputs([op('table1')])
    assert null.numRows == 4 and null['b', 'value'] == '2.5' and not null.isEditable
    raises(td.Error, lambda: null.appendRow(['x']))
    select = parent().create(selectDAT, 'some')
    select.par.dat = 'table1'
    assert select.numRows == 4
    op('table1')['b', 'value'] = 'changed'
    assert null['b', 'value'] == 'changed' and select['b', 'value'] == 'changed'
    op('table1')['b', 'value'] = '2.5'
    select.par.extractrows = 'bynames'
    select.par.rownames = 'a c'
    assert [c.val for c in select.col(0)] == ['a', 'c'], [c.val for c in select.col(0)]
    null.setInputs([])
    assert null.numRows == 0
    null.destroy()
    select.destroy()


def test_fifo():
    fifo = parent().create(fifoDAT, 'lines')
    fifo.par.clamp, fifo.par.maxlines = True, 3
    for number in range(6):
        fifo.appendRow([number])
    kept = [row[0].val for row in fifo.rows()]
    assert kept[-3:] == ['3', '4', '5'] and '2' not in kept
    fifo.destroy()


def test_json():
    source = parent().create(textDAT, 'doc')
    source.text = '{"cues": [{"n": 1}, {"n": 2}]}'
    dat = parent().create(jsonDAT, 'filtered')
    dat.setInputs([source])
    dat.par.filter = '$.cues[*].n'
    assert '1' in dat.text and '2' in dat.text and 'cues' not in dat.text, dat.text
    source.text = '{"cues": [{"n": 7}]}'
    assert '7' in dat.text and '2' not in dat.text
    dat.destroy()
    source.destroy()


def test_timer():
    timer = parent().create(timerCHOP, 'clock')
    timer.par.length, timer.par.lengthunits = 3, 'frames'
    timer.par.start.pulse()
    assert 0 <= timer['timer_fraction'] <= 1
    me.store('timer', timer.path)


def later_the_timer_is_done():
    timer = op(me.fetch('timer'))
    assert timer['timer_fraction'] == 1, timer['timer_fraction']
    timer.destroy()


def test_internal_shortcuts():
    comp = parent().create(baseCOMP, 'house')
    data = comp.create(tableDAT, 'data')
    data.appendRow(['found'])
    names = [p.name for p in comp.pars('iop*', 'int*')]
    assert names, 'a component has parameters for internal operators'
    shortcut = next(n for n in names if 'shortcut' in n)
    target = next(n for n in names if n != shortcut and n.startswith(shortcut.replace('shortcut', '')[:4]))
    setattr(comp.par, shortcut, 'Data')
    setattr(comp.par, target, './data')
    inner = comp.create(textDAT, 'inner')
    inner.text = 'def f():\n    return iop.Data[0, 0].val\n'
    assert inner.module.f() == 'found' and comp.iop.Data == data
    comp.destroy()
