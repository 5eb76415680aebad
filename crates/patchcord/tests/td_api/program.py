"""app, project, ui and their relatives; the classes of tdu."""
import os


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f'{kind.__name__} was not raised')


def near(a, b):
    return all(abs(x - y) < 1e-6 for x, y in zip(list(a), list(b), strict=True))


def test_app():
    assert app.version == '099' and app.build >= '2023' and float(app.build) > 2022 and app.product == 'Patchcord'
    assert app.patchcordVersion.count('.') == 2 and app.osName == 'Linux' and app.osVersion and app.architecture
    assert app.launchTime > 0 and app.power is True and app.processId == os.getpid() and app.experimental is False
    assert os.path.isdir(app.binFolder) and app.binFolder == app.installFolder == app.systemFolder
    assert os.path.isdir(app.desktopFolder) and app.samplesFolder == '' and app.recentFiles == []
    assert app.configFolder == app.preferencesFolder and app.configFolder.endswith('patchcord')
    assert app.userPaletteFolder == app.paletteFolder and app.buildOS == app.osName


def test_project():
    assert project.name == 'checks' and os.path.isfile(project.folder + '/patch.toml')
    project.cookRate = 30
    assert project.cookRate == 30 and me.time.rate == 30
    project.cookRate = 60
    raises(td.Error, lambda: setattr(project, 'cookRate', -1))
    assert project.realTime is True
    raises(td.Error, lambda: setattr(project, 'realTime', False), 'skipped')
    project.paths['assets'] = '/srv'
    assert project.paths == {'assets': '/srv'}
    assert project.saveVersion == '099' and project.saveBuild == app.build and project.saveOSName == project.saveOsName
    assert project.saveTime and project.saveOSVersion
    assert 'test_project' in project.pythonStack() and 'test_project' in project.stack()
    project.performOnStart = True
    assert project.performOnStart is True and project.applyWindowSettings() is None and not project.isPrivate
    raises(AttributeError, lambda: project.save(), 'project.save')
    raises(AttributeError, lambda: project.load('x.toe'), 'project.load')
    raises(AttributeError, lambda: setattr(project, 'misspelled', 1))


def test_ui():
    ui.status = 'busy'
    assert ui.status == 'busy' and ui.clipboard == ''
    ui.clipboard = 'text'
    assert ui.clipboard == 'text'
    ui.undo.startBlock('name')
    ui.undo.addCallback(print, None)
    ui.undo.endBlock()
    ui.undo.clear()
    assert ui.undo.undoStack == [] and not ui.undo.globalState
    ui.colors['comp.bg'] = (1, 0, 0)
    assert ui.colors['comp.bg'] == (1, 0, 0) and len(ui.colors['other']) == 3
    ui.options['a'] = 1
    assert ui.options['a'] == 1 and ui.options['b'] is None and ui.performMode and ui.masterVolume == 1
    assert list(ui.panes) == [] and ui.panes.current is None and ui.panes['pane1'] is None
    assert ui.openTextport() is None and ui.refresh() is None and ui.rolloverOp is None
    raises(AttributeError, lambda: ui.messageBox('a', 'b'), 'no windows')
    raises(AttributeError, lambda: ui.chooseFile(), 'no windows')


def test_the_machine():
    assert sysinfo.numCPUs >= 1 and sysinfo.ram > 0 and sysinfo.numMonitors == 0 and sysinfo.MIDIInputs == []
    assert len(monitors) == 0 and list(monitors) == [] and monitors.primary is None and monitors.width == 0
    assert len(licenses) == 0 and licenses.type == 'Free' and not licenses.isNonCommercial
    raises(IndexError, lambda: monitors[0])


def test_debug_can_be_told_what_to_say():
    debug.setStyle(showArgs=True, showScriptName=False)
    debug('with style')
    debug.setStyle(showArgs=False, showScriptName=True)
    raises(TypeError, lambda: debug.setStyle(colour=True), 'colour')


def test_vectors():
    v, p = tdu.Vector(1, 2, 2), tdu.Position(1, 0, 0)
    assert v.length() == 3 and v.lengthSquared() == 9 and v.dot((1, 1, 1)) == 5 and v.distance((1, 2, 0)) == 2
    v.normalize()
    assert near([v.length()], [1])
    assert tdu.Vector(1, 0, 0).cross((0, 1, 0)) == tdu.Vector(0, 0, 1)
    assert near([tdu.Vector(1, 0, 0).angle((0, 2, 0))], [90])
    assert near(tdu.Vector(0, 0, 0).lerp((2, 4, 6), 0.5), (1, 2, 3))
    assert near(tdu.Vector(1, 0, 0).slerp((0, 1, 0), 0.5), (0.5 ** 0.5, 0.5 ** 0.5, 0))
    w = tdu.Vector(1, -1, 0)
    w.reflect((0, 1, 0))
    assert near(w, (1, 1, 0))
    w.project((1, 0, 0), (0, 0, 1))
    assert near(w, (1, 0, 0))
    w.scale(2, 3, 4)
    assert w == tdu.Vector(2, 0, 0) and w.copy() == w and w[0] == 2 and list(-w) == [-2, 0, 0]
    assert p + tdu.Vector(0, 1, 0) == tdu.Position(1, 1, 0) and isinstance(p - tdu.Position(0, 0, 0), tdu.Vector)
    p.translate(1, 1, 1)
    p.scale(2, 2, 2)
    assert p == tdu.Position(4, 2, 2) and p * 2 == 2 * p and p / 2 == tdu.Position(2, 1, 1) and p.x == 4


def test_matrices():
    m = tdu.Matrix()
    m.scale(2, 3, 4)
    m.rotate(10, 20, 30)
    m.translate(5, 6, 7)
    scale, rotate, translate = m.decompose()
    assert near(scale, (2, 3, 4)) and near(rotate, (10, 20, 30)) and near(translate, (5, 6, 7))
    assert near(m * tdu.Position(0, 0, 0), (5, 6, 7)) and near(m.getRotateVector(), (10, 20, 30))
    assert near((m.inverse() * m).vals, tdu.Matrix().vals) and near([m.determinant()], [24])
    n = m.copy()
    n.invert()
    assert n == m.inverse() and n != m
    n.identity()
    assert n == tdu.Matrix() and n[0, 0] == 1 and len(n.rows) == len(n.cols) == 4
    n[0, 3] = 9
    assert n.rows[0][3] == 9
    n.transpose()
    assert n.rows[3][0] == 9
    raises(ValueError, lambda: tdu.Matrix([0] * 16).invert())
    turned = tdu.Matrix()
    turned.rotateOnAxis((0, 0, 1), 90, (1, 0, 0))
    assert near(turned * tdu.Position(2, 0, 0), (1, 1, 0))
    turned = tdu.Matrix()
    turned.rotateToVector((1, 0, 0))
    assert near(turned * tdu.Vector(0, 0, 1), (1, 0, 0))
    eye = tdu.Matrix()
    eye.lookat((0, 0, 5), (0, 0, 0), (0, 1, 0))
    assert near(eye * tdu.Position(0, 0, 0), (0, 0, 5)) and near(eye.mapOver([tdu.Vector(0, 0, 1)])[0], (0, 0, 1))
    seen = tdu.Matrix()
    seen.projectionFovX(90, 2, 1, 1, 10)
    assert near([seen[0, 0], seen[1, 1]], [1, 2])
    seen.projectionFovY(90, 2, 1, 1, 10)
    assert near([seen[0, 0], seen[1, 1]], [0.5, 1])
    table = parent().create(tableDAT)
    tdu.Matrix().fillTable(table)
    assert (table.numRows, table.numCols) == (4, 4) and table[1, 1] == 1
    table.destroy()


def test_quaternions_and_colours():
    q = tdu.Quaternion(10, 20, 30)
    assert near(q.eulerAngles(), (10, 20, 30)) and near([q.length()], [1]) and near(q.inverse() * q, (0, 0, 0, 1))
    assert near(tdu.Quaternion(90, (0, 0, 1)).rotate(tdu.Vector(1, 0, 0)), (0, 1, 0))
    half = tdu.Quaternion(0, 0, 0).slerp(tdu.Quaternion(0, 0, 90), 0.5)
    assert near(half.eulerAngles(), (0, 0, 45)) and near([half.angle()], [45]) and near(half.axis(), (0, 0, 1))
    assert near(q.log().exp(), q) and near(q.createMatrix().decompose()[1], (10, 20, 30)) and q.dot(q) > 0.99
    assert near(tdu.Quaternion(q.createMatrix()), q) and near(q.cross(q), q * q) and near(q.lerp(q, 0.3), q)
    q.fromEuler(0, 0, 90)
    assert near(q.eulerAngles(), (0, 0, 90)) and q.copy() == q
    c = tdu.Color(1, 0.5, 0)
    assert c.vals == [1, 0.5, 0, 1] and (c * 2).r == 2 and list(c + c)[:2] == [2, 1] and c.copy() == c


def test_files_times_and_menus():
    f = tdu.FileInfo('patch.toml')
    assert f.ext == '.toml' and f.baseName == 'patch' and f.fileName == 'patch.toml' and f.exists and f == 'patch.toml'
    assert f.absPath == project.folder + '/patch.toml' and f.fileType == 'text' and f.dir == '' and f.path == 'patch.toml'
    assert tdu.FileInfo('.').fileType == 'dir' and 'png' in tdu.fileTypes['image'] and not tdu.FileInfo('nothing').exists
    t = tdu.Timecode('01:02:03:04', fps=30)
    assert (t.hour, t.minute, t.second, t.frame) == (1, 2, 3, 4) and str(t) == '01:02:03:04' == t.text
    assert t.totalFrames == ((62 * 60) + 3) * 30 + 4 and (t + 26).second == 4 and (t - t).totalFrames == 0
    assert str(tdu.Timecode(1800, fps=29.97, dropFrame=True)) == '00:01:00;02'
    t.setHMSF(25, 0, 0, 0)
    t.setSMPTE(True)
    assert t.hour == 1 and t.totalSeconds == 90000
    t.setTotalFrames(-30)
    assert t.negative and str(t) == '-00:00:01:00'
    t.setTotalSeconds(2)
    t.setFPS(60)
    t.setDropFrame(False)
    assert t.totalFrames == 60 and t.second == 1
    raises(ValueError, lambda: t.setText('12'))
    menu = tdu.ParMenu(['a', 'b'], ['A', 'B'])
    assert menu.menuNames == ['a', 'b'] and menu.menuLabels == ['A', 'B']
    menu = tdu.TableMenu(op('table1'), labelCol='kind')
    assert menu.menuNames == ['a', 'b', 'c'] and menu.menuLabels == ['x', 'y', 'x']
    assert tdu.pathToURL('/a b') == 'file:///a%20b' and tdu.urlToPath('file:///a%20b') == '/a b'
    assert tdu.calcNumBytes('1.5 kB') == 1536 and tdu.expandPathPattern('patch.*') == [project.folder + '/patch.toml']
