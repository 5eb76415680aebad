"""What is known of a name, and what is not."""
import td
import tdu as helpers
from td import op as find

shared = op('log')
twice = op('log')
twice = {'nodeX': 1}
later = None


def app():
    return 1


def use(op):
    op('log').nodeX  # the argument is not TouchDesigner's op


def known():
    global later
    later = op('log')
    find('log').nodeX  # -> OP.nodeX
    td.op('log').nodeX  # -> OP.nodeX
    td.monitors  # -> td.monitors
    td.run('pass', delayFrames=1)
    helpers.clam(1, 2, 3)  # -> tdu has no `clam` | did you mean `clamp`?
    helpers.rand(1)
    shared.viewer = True  # -> OP.viewer
    later.viewer = True  # -> OP.viewer
    twice.nodeX
    app.versions
    (a := op('log')).openViewer()  # -> OP.openViewer
    a.closeViewer()  # -> OP.closeViewer
    first, second = op('log'), 3
    first.icon  # -> OP.icon
    either = op('log') if a else op('own')
    either.nodeX  # -> OP.nodeX
    either.appendRow([1])
    unsure = op('log') or find
    unsure.nodeX
    for child in parent().children:
        child.display = True  # -> OP.display
        child.text
        child.Promoted
        child.par.anything
        child.par.anything.valu  # -> Par has no `valu`
    for par in op('log').pars():
        par.colour  # -> Par has no `colour`
    [o.render for o in ops('*')]  # -> OP.render
    lambda: op('log').lock_  # -> a Table DAT has no `lock_`
    op('/project1/log').numRow  # -> did you mean `numRows`?
    op('../project1/log').numRow  # -> did you mean `numRows`?
    op('base1/inside').numRow  # -> a Text DAT has no `numRow`
    op('base1').op('inside').numRow  # -> a Text DAT has no `numRow`
    op('base1/inside').parent().numRow  # -> a Base COMP has no `numRow`
    op('base1/inside').parent(2).op('log').numRow  # -> a Table DAT has no `numRow`
    op('nowhere').numRows
    op('nowhere').numRow  # -> an operator has no `numRow`
    op('nowhere').click()  # -> PanelCOMP.click
    op(some_path()).width  # -> TOP.width
    op('no*').appendRow([])
    op.Shortcut.Method()
    op.Shortcut.loadTox('x')  # -> COMP.loadTox
    parent.Shortcut.par.Custom
    root.saveByteArray()  # -> COMP.saveByteArray
    me.nodeX  # -> OP.nodeX
    me.parent().nodeX  # -> OP.nodeX
    runs[0].kill()
    run('x', delayFrames=1).stop()  # -> Run has no `stop`
    project.save()  # -> project.save exists
    op('info')['num_rows'].valu  # -> Channel has no `valu`
    return monitors[0]  # -> monitors exists in TouchDesigner but not in Patchcord


def some_path():
    return me.fetch('path')


class Agent:
    def __init__(self, ownerComp, other):
        self.ownerComp = ownerComp
        self.table = ownerComp.op('log')
        self.other = other
        self.table2 = None

    def Go(self):
        self.ownerComp.loadTox('x')  # -> COMP.loadTox
        self.ownerComp.Promoted()
        self.table.appendrow([1])  # -> did you mean `appendRow`?
        self.other.nodeX
        self.missing.nodeX
        self.Go()

    @staticmethod
    def Of(first):
        first.nodeX
