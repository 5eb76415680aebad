"""tdu and the other helpers."""
import tdu as imported


def test_numbers():
    assert tdu.clamp(5, 0, 3) == 3 and tdu.clamp(-1.5, 0, 3) == 0
    assert tdu.remap(0.5, 0, 1, 0, 10) == 5
    assert 0 <= tdu.rand(1) < 1 and tdu.rand(1) == tdu.rand(1) != tdu.rand(2)
    assert tdu.rand('a') != tdu.rand('b') and tdu.rand(op('text1')) == tdu.rand('/project1/text1')
    assert imported is tdu


def test_names():
    assert tdu.base('arm123') == 'arm' and tdu.digits('arm123') == 123 and tdu.digits('arm') is None
    assert tdu.validName('a b!') == 'a_b_' and tdu.validPath('/a b/c') == '/a_b/c'
    assert tdu.expand('A[1-3]') == ['A1', 'A2', 'A3']
    assert tdu.match('a*', ['ab', 'b', 'ac']) == ['ab', 'ac']
    assert tdu.match('A*', ['ab'], caseSensitive=False) == ['ab'] and tdu.match('A*', ['ab']) == []
    assert tdu.split('1 two "three four"') == ['1', 'two', 'three four']
    assert tdu.split('1 two [1,2]', eval=True) == [1, 'two', [1, 2]]
    assert tdu.expandPath('x.txt').startswith(project.folder)
    assert tdu.collapsePath(tdu.expandPath('x.txt')) == 'x.txt'
    assert tdu.tryExcept(lambda: 1 / 0, 'fallback') == 'fallback' and tdu.tryExcept(lambda: 1, 2) == 1


def test_expand_is_bounded():
    try:
        tdu.expand('[1-99999][1-99999]')
    except td.Error as error:
        assert 'more than' in str(error)
    else:
        raise AssertionError('it was expanded')


def test_dependency():
    told = []
    value = tdu.Dependency(1)
    value.callbacks.append(lambda info: told.append(info['prevVal']))
    value.val = 2
    value.val = 2
    value.modified()
    assert value.val == 2 and told == [1, 2]


def test_debug_names_the_place():
    debug('here', 5)


def test_status_is_a_plain_attribute():
    ui.status = 'busy'
    assert ui.status == 'busy'
