"""Threads of scripts: they run, they cannot reach the patch, and they have a way back."""
import threading
import time

seen = []


def test_a_thread_cannot_reach_the_patch():
    def work(dat):
        for attempt in (lambda: op('text1'), lambda: dat.text, lambda: dat.par, lambda: dat.name,
                        lambda: dat.store('x', 1), lambda: absTime.frame):
            try:
                attempt()
                seen.append('reached it')
            except td.Error as error:
                seen.append('main thread' in str(error))
        seen.append(isMainThread())

    thread = threading.Thread(target=work, args=(op('text1'),))
    thread.start()
    thread.join()
    assert seen == [True] * 6 + [False], seen


def test_run_is_the_way_back():
    def work():
        print('printed by a thread')
        run(lambda value: me.store('from thread', (value, isMainThread())), 5)
        run("me.store('delayed', args)", 6, delayFrames=2)

    threading.Thread(target=work, name='worker').start()


def test_the_interpreter_is_free_while_the_patch_waits():
    def work():
        for _ in range(5):
            time.sleep(0.01)
            seen.append('tick')
    threading.Thread(target=work).start()


def later_what_threads_asked_for_has_happened():
    assert me.fetch('from thread') == (5, True)
    assert me.fetch('delayed') == (6,)
    assert seen.count('tick') == 5
