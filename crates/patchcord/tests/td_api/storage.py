"""Storage, and errors that scripts add."""


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f'{kind.__name__} was not raised')


def test_store_and_fetch():
    o = op('base1/deep')
    value = [1, {'a': object()}]
    assert o.store('k', value) is value
    assert o.fetch('k') is value
    assert o.fetch('missing', 5) == 5 and o.fetch('missing', None) is None
    assert o.fetch('missing', default='d') == 'd'
    raises(KeyError, lambda: o.fetch('missing'), 'missing')
    raises(TypeError, lambda: o.fetch('k', colour=1), 'colour')
    o.store('k', 2)
    assert o.fetch('k') == 2
    assert o.fetch('new', [], storeDefault=True) == [] and o.fetch('new') == []


def test_fetch_searches_upward():
    op('base1').store('above', 'from base1')
    inner = op('base1/deep/text2')
    assert inner.fetch('above') == 'from base1'
    assert inner.fetch('above', 'no', search=False) == 'no' and inner.fetch('above', 'no', False) == 'no'
    assert inner.fetchOwner('above') == op('base1') and inner.fetchOwner('nobody') is None


def test_unstore():
    o = op('text1')
    for key in ('a1', 'a2', 'b*', 'c'):
        o.store(key, key)
    o.unstore('a*')
    assert sorted(o.storage) == ['b*', 'c']
    o.unstore()
    assert len(o.storage) == 2
    o.unstore('*')
    assert not o.storage


def test_storage_is_a_dictionary():
    s = op('text1').storage
    s['x'] = 1
    assert op('text1').fetch('x') == 1 and s['x'] == 1 and 'x' in s and dict(s) == {'x': 1}
    assert s.get('y', 2) == 2 and s.setdefault('z', 3) == 3
    del s['x']
    assert 'x' not in s
    raises(KeyError, lambda: s['x'])
    s.clear()
    assert len(op('text1').storage) == 0


def test_what_goes_may_run_code():
    seen = []

    class Noisy:
        def __del__(self):
            seen.append(op('text1').name)
            op('text1').store('again', 1)

    op('base1').store('noisy', Noisy())
    op('base1').store('noisy', Noisy())
    assert seen == ['text1']
    op('base1').unstore('noisy')
    assert seen == ['text1', 'text1']
    op('text1').unstore('*')


def test_errors_of_scripts():
    o = op('base1/text1')
    assert o.errors() == '' and o.warnings() == '' and o.scriptErrors() == ''
    o.addScriptError('something is wrong')
    assert 'something is wrong' in o.scriptErrors() and 'something is wrong' in o.errors()
    assert '/project1/base1/text1' in o.errors()
    assert op('base1').errors() == '' and 'something is wrong' in op('base1').errors(recurse=True)
    o.addWarning('careful')
    assert 'careful' in o.warnings() and 'careful' not in o.errors()
    o.clearScriptErrors(error='other*')
    assert o.scriptErrors()
    op('base1').clearScriptErrors(recurse=True)
    assert o.scriptErrors() == '' and 'careful' in o.warnings()
    o.addError('worse')
    assert 'worse' in o.errors()


def test_values_for_the_start():
    o = op('text1')
    o.storeStartupValue('a', [1])
    o.storeStartupValue('b', 2)
    assert 'a' not in o.storage
    o.unstoreStartupValue('a', 'b')


def test_errors_that_scripts_add_stand_side_by_side():
    place = op('text1')
    for text in ('one', 'two words', 'one'):
        place.addScriptError(text)
    assert place.scriptErrors().splitlines() == [f'one ({place.path})', f'two words ({place.path})']
    place.clearScriptErrors(error='one*')
    assert place.scriptErrors() == f'two words ({place.path})'
    place.clearScriptErrors(error='two words')
    assert place.scriptErrors() == ''
    for number in range(150):
        place.addScriptError(f'number {number}')
    left = place.scriptErrors().splitlines()
    assert len(left) == 100 and left[0].startswith('number 50 ') and left[-1].startswith('number 149 ')
    place.clearScriptErrors()
    assert place.scriptErrors() == ''
