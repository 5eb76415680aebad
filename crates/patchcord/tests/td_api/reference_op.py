"""Members of OP, from the reference: kinds, wires, paths between operators, cooking, parameters as a whole."""


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def test_ids_and_truth():
    o = op('text1')
    assert op(o.id) == o and isinstance(o.id, int)
    assert op(str(o)) == o and (o or None) is o
    assert op('/project1') == parent() and op('/project1').name == 'project1'
    assert [type(x) for x in (o, op('table1'))] == [textDAT, tableDAT]
    assert op('nothing', 'nobody') is None and (op('nothing') or 'other') == 'other'
