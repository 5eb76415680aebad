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
