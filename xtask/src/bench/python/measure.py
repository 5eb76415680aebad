# The script of the measured patch: does every step SAMPLES times in turns, and writes the least time of each to the file
# `result`, as lines of a name and nanoseconds. What the steps are, `patchcord/src/measure.rs` says.
import os
import time

import _patchcord

# Many short ones: what takes longer than the scheduler lets it run has others' time in it, where there are others.
SAMPLES = 300
TIMES = 1000
TEXT = 'a message of thirty-two bytes ..'
RESPONSE = {'statusCode': 200, 'statusReason': 'OK', 'data': 'hello', 'Content-Type': 'text/plain'}


def nothing():
    pass


def onText(dat, rowIndex, message):
    pass


# ---- what a script does itself, in loops with a clock around them ----

def loop():
    times = range(TIMES)
    begin = time.perf_counter_ns()
    for _ in times:
        pass
    return time.perf_counter_ns() - begin


def find():
    times = range(TIMES)
    begin = time.perf_counter_ns()
    for _ in times:
        op('table7')
    return time.perf_counter_ns() - begin


def findPar():
    times = range(TIMES)
    begin = time.perf_counter_ns()
    for _ in times:
        op('table7').par.language
    return time.perf_counter_ns() - begin


LOOPS = {'loop': loop, 'op': find, 'par': findPar}

# ---- what the program does when something arrives ----

STEPS = {
    'call': ('call', op('quiet'), nothing),
    'arguments': ('arguments', op('quiet'), onText),
    'told': ('tell', op('quiet'), TEXT),
    'told-empty': ('tell', op('empty'), TEXT),
    'told-1k': ('tell', op('quiet'), 'x' * 1024),
    'turns': ('turns', op('quiet'), TEXT),
    'append': ('tell', op('appending'), TEXT),
    'request': ('request', op('web'), None),
    'response': ('response', op('web'), RESPONSE),
    'answer': ('answer', op('web'), None),
}

least = {}


def note(name, nanoseconds):
    least[name] = min(nanoseconds, least.get(name, nanoseconds))


def sample(left):
    if left == 0:
        return finish()
    for name, measured in LOOPS.items():
        note(name, measured() / TIMES)

    def done(times):
        for name, nanoseconds in zip(STEPS, times):
            note(name, nanoseconds)
        op('rows').clear()
        run(sample, left - 1, delayFrames=1)

    _patchcord.measure([(*step, TIMES) for step in STEPS.values()], done)


def finish():
    result = os.path.join(project.folder, 'result')
    with open(result + '.new', 'w') as file:
        file.writelines(f'{name} {nanoseconds}\n' for name, nanoseconds in least.items())
    os.replace(result + '.new', result)


def onStart():
    # When the program runs and is not only about to.
    run(sample, SAMPLES, delayFrames=10)
