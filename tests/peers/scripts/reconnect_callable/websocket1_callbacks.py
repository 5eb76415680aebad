import td
from td import op as find


def onConnect(dat):
    print('connected')
    mod('watch').cancel()
    td.run('print("end of frame", me.name)', endFrame=True, fromOP=dat)
    run(greet, dat, 'hello', delayFrames=1, fromOP=me)


def greet(dat, word):
    dat.sendText(word + ' from ' + dat.name)


def onDisconnect(dat):
    if dat.par.active.eval():
        first = mod.watch.later(dat, 100, 'lost')
        # asking twice makes one attempt
        second = mod.watch.later(dat, 100, 'lost again')
        print('waits', first == second, first.remainingMilliseconds > 0)


def onReceiveText(dat, rowIndex, message):
    if message == 'report':
        run("op('watch').module.report()", delayMilliSeconds=20, fromOP=find('watch'), delayRef=op.TDResources)
    elif message == 'stop':
        dat.par.active = 0
        mod('watch').later(dat, 50, 'never')
        mod('watch').cancel()
        run(lambda: print('attempts', len(mod('watch').attempts)), delayMilliSeconds=150)
