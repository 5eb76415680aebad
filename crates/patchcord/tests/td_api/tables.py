"""Tables and cells."""


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f'{kind.__name__} was not raised')


def fresh(rows=(('name', 'value'), ('a', 1), ('b', 2))):
    table = op('empty')
    table.clear()
    table.appendRows(rows)
    return table


def vals(table):
    return [[cell.val for cell in row] for row in table.rows()]


def test_reading():
    t = op('table1')
    assert t.isTable and not t.isText and t.isEditable and (t.numRows, t.numCols) == (4, 3)
    assert t[0, 0] == 'name' and t['a', 'value'] == '1' and t[-1, -1] == 'x' and t['b', 1].val == '2.5'
    assert t[9, 0] is None and t['nothing', 0] is None and t[0, 'nothing'] is None
    assert t[1] == 'a' and t['a'] == 'a'
    assert t[True, 0] == 'a' and t[t[1, 0], 'kind'] == 'x'
    raises(TypeError, lambda: t[1, 2, 3])
    assert t.text == 'name\tvalue\tkind\na\t1\tx\nb\t2.5\ty\nc\tthree\tx\n' or t.text.startswith('name\tvalue\tkind\na')


def test_writing():
    t = fresh()
    t[1, 1] = 10
    t['b', 'value'] = True
    t[0, 0] = None if False else 'key'
    assert vals(t) == [['key', 'value'], ['a', '10'], ['b', 'True']]
    t[1, 1] = 1.0
    assert t[1, 1] == '1.0'
    raises(td.Error, lambda: t.__setitem__((7, 0), 'x'), 'row')
    raises(td.Error, lambda: t.__setitem__(('nobody', 0), 'x'), 'nobody')
    assert t[1, 1] == '1.0'


def test_rows_are_appended_inserted_replaced_deleted():
    t = fresh()
    assert t.appendRow(['c', 3]) == 3
    assert t.appendRow(['a2'], 'a') == 2
    assert t.insertRow(['first'], 1) == 1
    assert t.insertRow(['top']) == 0
    assert [r[0].val for r in t.rows()] == ['top', 'name', 'first', 'a', 'a2', 'b', 'c']
    assert t.replaceRow('a', ['A']) == 3 and t['A', 1] == ''
    t.replaceRow('b', ['B'], entireRow=False)
    assert t['B', 1] == '2'
    t.deleteRow('top')
    t.deleteRows(['first', 'a2'])
    t.deleteRow(-1)
    assert [r[0].val for r in t.rows()] == ['name', 'A', 'B']
    raises(td.Error, lambda: t.deleteRow('nobody'), 'nobody')
    raises(td.Error, lambda: t.appendRow(['x'], 'nobody'), 'nobody')
    assert t.appendRow() == 3 and t[3, 0] == ''
    assert t.appendRows(2) == 5
    assert t.appendRow(cell.val for cell in t.row(0)) == 6
    assert t.appendRow('single') == 7 and t[7, 0] == 'single'
    assert t.appendRow(['wide', 1, 2, 3]) == 8 and t.numCols == 4 and t[0, 3] == ''


def test_columns():
    t = fresh()
    assert t.appendCol(['kind', 'x', 'y']) == 2
    assert t.insertCol(['id'], 'value') == 1
    assert [c.val for c in t.row(0)] == ['name', 'id', 'value', 'kind']
    t.replaceCol('id', ['ID', 7])
    assert [c.val for c in t.col('ID')] == ['ID', '7', '']
    t.deleteCol('ID')
    t.deleteCols(['kind'])
    assert vals(t) == [['name', 'value'], ['a', '1'], ['b', '2']]
    assert t.appendCols([['x'], ['y']]) == 3


def test_sorted_append():
    t = fresh((('name', 'value'), ('a', 1), ('c', 30)))
    assert t.appendRow(['b', 4], sort='value') == 2
    assert [r[1].val for r in t.rows()][1:] == ['1', '4', '30']


def test_selecting():
    t = op('table1')
    assert [c.val for c in t.row('a')] == ['a', '1', 'x'] and t.row('nobody') is None
    assert [c.val for c in t.col('kind')] == ['kind', 'x', 'y', 'x']
    assert [r[0].val for r in t.rows('[ab]')] == ['a', 'b']
    assert t.rows('A') == [] and len(t.rows('A', caseSensitive=False)) == 1
    assert t.row(1, val=True) == ['a', '1', 'x']
    assert t.cols(val=True)[0] == ['name', 'a', 'b', 'c']
    assert t.cell('[bc]', 'v*') == '2.5' and t.cell('b', 'value', val=True) == '2.5'
    assert [c.val for c in t.cells('*', 'kind')] == ['kind', 'x', 'y', 'x']


def test_finding():
    t = op('table1')
    cell = t.findCell('x')
    assert (cell.row, cell.col) == (1, 2)
    assert t.findCell('X', caseSensitive=True) is None and t.findCell('X') == 'x'
    assert [c.row for c in t.findCells('x')] == [1, 3]
    assert t.findCell('b', cols=[0]).row == 2 and t.findCell('b', cols=['kind']) is None
    assert t.findCell('t*').val == 'three' and t.findCell('t*', valuePattern=False) is None
    assert t.findCell('x', rows=['c']).row == 3 and t.findCells('x', val=True) == ['x', 'x']
    raises(TypeError, lambda: t.findCell('x', colour=1), 'colour')


def test_clear_and_size():
    t = fresh()
    t.clear(keepFirstRow=True)
    assert vals(t) == [['name', 'value']]
    t = fresh()
    t.clear(keepSize=True)
    assert (t.numRows, t.numCols) == (3, 2) and t[0, 0] == ''
    t.setSize(2, 5)
    assert (t.numRows, t.numCols) == (2, 5)
    t.clear()
    assert (t.numRows, t.numCols) == (0, 0) and t.rows() == []
    t.copy(op('table1'))
    assert vals(t) == vals(op('table1'))
    t.scroll(0, 0)
    raises(td.Error, lambda: t.setSize(10**6, 10**6), 'cells')
    raises(td.Error, lambda: t.appendRows(10**9))


def test_a_cell_acts_like_its_text():
    t = op('table1')
    one, half, three = t['a', 'value'], t['b', 'value'], t['c', 'value']
    assert one == '1' and one == 1 and half == 2.5 and three == 'three' and three != 3
    assert str(one) == '1' and int(one) == 1 and float(half) == 2.5 and f'{half}' == '2.5' and f'{half:.2f}' == '2.50'
    assert one + 1 == 2 and half * 2 == 5.0 and 1 + one == 2 and 'n' + one == 'n1' and one + 'x' == '1x'
    assert 'hre' in three and len(three) == 5 and three > 'a' and half > 2
    assert bool(three) and {'1': 'found'}[one] == 'found' and list(three) == list('three')
    assert int(t[1, 1]) + 1 == 2
    assert (one.row, one.col, one.owner) == (1, 1, t)
    assert one.offset(1, 0) == '2.5' and one.offset(-5, 0) is None and one.valid
    raises(ValueError, lambda: int(three))
    raises(TypeError, lambda: three + 1)
    import json
    raises(TypeError, lambda: json.dumps(one))


def test_a_cell_is_a_place():
    t = fresh()
    cell = t['a', 'value']
    cell.val = 5
    assert t[1, 1] == '5'
    t[1, 1] = 6
    assert cell == '6'
    moves = t['a', 'value']
    moves.val = int(moves) + 1
    assert cell.val == '7'
    t.clear()
    assert not cell.valid and raises(td.Error, lambda: cell.val)


def test_the_text_of_a_table():
    t = fresh()
    t.text = 'x\ty\n1\t2'
    assert vals(t) == [['x', 'y'], ['1', '2']]


def test_a_text_has_no_cells():
    t = op('text1')
    assert t[0, 0] is None and not t.isTable
    raises(td.Error, lambda: t.appendRow(['x']), 'table')


def test_a_table_that_an_operator_fills_cannot_be_edited():
    t = op('webserver1')
    assert not t.isEditable
    raises(td.Error, lambda: t.appendRow(['x']), 'cannot be edited')
    raises(td.Error, lambda: setattr(t, 'text', 'x'), 'cannot be edited')


def test_values_that_run_code_while_they_are_converted():
    t = fresh()

    class Meddler:
        def __str__(self):
            t.appendRow(['by the way'])
            return 'meddled'

    t.appendRow([Meddler(), Meddler()])
    assert [r[0].val for r in t.rows()] == ['name', 'a', 'b', 'by the way', 'by the way', 'meddled']


def test_many_rows():
    t = fresh()
    t.clear()
    for number in range(5000):
        t.appendRow([number, number * 2])
    assert t.numRows == 5000 and t['4321', 1] == '8642'
    t.clear()
