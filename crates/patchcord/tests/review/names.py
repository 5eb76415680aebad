"""What is known of a name, and what is not."""
import td
import tdu as helpers
from td import op as find

shared = op('log')
twice = op('log')
twice = {'visibleLevel': 1}
later = None


def app():
    return 1


def use(op):
    op('log').visibleLevel  # the argument is not TouchDesigner's op


def known():
    global later
    later = op('log')
    find('log').visibleLevel  # -> OP.visibleLevel
    td.op('log').visibleLevel  # -> OP.visibleLevel
    td.fetchStamp  # -> td.fetchStamp
    td.run('pass', delayFrames=1)
    helpers.clam(1, 2, 3)  # -> tdu has no `clam` | did you mean `clamp`?
    helpers.rand(1)
    shared.currentPage = True  # -> OP.currentPage
    later.currentPage = True  # -> OP.currentPage
    twice.visibleLevel
    app.versions
    (a := op('log')).licenseType()  # -> OP.licenseType
    a.visibleLevel()  # -> OP.visibleLevel
    first, second = op('log'), 3
    first.currentPage  # -> OP.currentPage
    either = op('log') if a else op('own')
    either.visibleLevel  # -> OP.visibleLevel
    either.appendRow([1])
    unsure = op('log') or find
    unsure.visibleLevel
    for child in parent().children:
        child.visibleLevel = True  # -> OP.visibleLevel
        child.text
        child.Promoted
        child.par.anything
        child.par.anything.valu  # -> Par has no `valu`
    for par in op('log').pars():
        par.colour  # -> Par has no `colour`
    [o.licenseType for o in ops('*')]  # -> OP.licenseType
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
    me.visibleLevel  # -> OP.visibleLevel
    me.parent().visibleLevel  # -> OP.visibleLevel
    runs[0].kill()
    run('x', delayFrames=1).stop()  # -> Run has no `stop`
    project.save()  # -> project.save exists
    op('info')['num_rows'].valu  # -> Channel has no `valu`
    return fetchStamp()  # -> fetchStamp exists in TouchDesigner but not in Patchcord


def later_texts():
    run("op('log').visibleLevel", delayFrames=3)  # -> OP.visibleLevel
    run("shared.loadTox('x'); args[0].visibleLevel", op('log'), delayFrames=3)
    run("parent().loadTox('x')", fromOP=op('base1'))  # -> COMP.loadTox
    run("op('log'", delayFrames=3)  # -> does not compile
    run(later_texts, delayFrames=3)


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
        self.other.visibleLevel
        self.missing.visibleLevel
        self.Go()

    @staticmethod
    def Of(first):
        first.visibleLevel
