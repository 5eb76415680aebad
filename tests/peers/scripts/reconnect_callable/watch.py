"""Decides when to dial again. One attempt waits at a time."""

import time

waiting = None
attempts = []


def dial(dat, reason='asked'):
    global waiting
    waiting = None
    attempts.append((reason, round(time.time(), 3)))
    print('dial', len(attempts), reason)
    dat.par.active = False
    dat.par.active = True


def later(dat, milliseconds, reason):
    global waiting
    if waiting is not None and waiting.active:
        return waiting
    waiting = run(dial, dat, reason, delayMilliSeconds=milliseconds, delayRef=op.TDResources, group='dial')
    return waiting


def cancel():
    for r in runs:
        if r.group == 'dial':
            r.kill()


def report():
    # a string sees `me` of the operator that it is run from
    print('report from', me.path)
