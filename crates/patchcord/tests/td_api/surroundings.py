"""Operators around the network ones: In and Out, Null, Select, Constant, and what `create` makes with them."""


def test_a_component_passes_on_what_is_wired_to_it():
    assert op('null1').text == 'hello\nworld'
    assert [x.name for x in op('filter').inputs] == ['text1'] and [x.name for x in op('filter').outputs] == ['null1']
    assert op('null1').inputs == [op('filter')] and op('filter/in1').inputs == []
    op('text1').text = 'changed'
    assert op('null1').text == 'changed' and op('filter/in1').text == 'changed'
    op('text1').text = 'hello\nworld'


def test_copies_of_components_keep_their_inner_wires():
    outer = parent().create(baseCOMP, 'outer')
    inner = outer.copy(op('filter'), name='inner')
    assert inner.inputs == [] and inner.op('out1').inputs == [inner.op('in1')]
    again = parent().copy(outer, name='again')
    assert again.op('inner/out1').inputs == [again.op('inner/in1')]
    outer.destroy()
    again.destroy()


def test_constant_and_null():
    constant = parent().create(constantCHOP, 'c')
    constant.par.value0 = 0.25
    constant.par.const1name = 'speed'
    constant.par.const1value = 3
    assert constant['chan1'] == 0.25 and constant['speed'] == 3 and constant.numChans == 2
    constant.destroy()


def test_select_and_conversions():
    select = parent().create(selectDAT)
    select.par.dat = 'table1'
    select.par.extractrows = 'bynames'
    select.par.rownames = 'a c'
    assert [cell.val for cell in select.col(0)] == ['a', 'c']
    select.par.firstrow = True
    assert select['a', 'value'] == '1' and select.numRows == 3
    chop = parent().create(dattoCHOP)
    chop.par.dat = 'table1'
    chop.par.extractcols = 'bynames'
    chop.par.colnames = 'name value'
    assert chop['value'].vals == [1.0, 2.5, 0.0]
    select.destroy()
    chop.destroy()


def test_new_operators_have_their_callbacks_written_down():
    server = parent().create(webserverDAT, 'server')
    text = op('server_callbacks').text
    assert 'def onHTTPRequest(' in text and 'return response' in text and 'Web Server DAT' in text
    compile(text, 'callbacks', 'exec')
    bare = parent().create(webserverDAT, 'bare', initialize=False)
    assert op('bare_callbacks') is None and bare.par.callbacks.eval() is None
    server.destroy()
    bare.destroy()


def test_what_is_not_here_says_so():
    try:
        parent().create(noiseTOP)
    except td.Error as error:
        assert 'noiseTOP' in str(error) and 'stand_ins = true' in str(error), error
    else:
        assert False


heard = []


def test_a_fifo_keeps_the_newest():
    fifo = op('fifo1')
    for row in range(5):
        at = fifo.appendRow([row, row * row])
    assert at == 2 and [cell.val for cell in fifo.col(0)] == ['2', '3', '4']


def test_a_merge_puts_tables_together():
    merge = op('merge1')
    assert merge.numRows == op('table1').numRows + 2 and merge[-1, 0] == 'world'


def test_a_watchdog_timer_is_started():
    op('timer1').par.start.pulse()


def later_the_watchdog_was_called():
    assert op('timer_callbacks').module.heard == ['start', 'done 0 False'], op('timer_callbacks').module.heard
    assert op('timer1')['timer_fraction'] == 1 and op('timer1')['done'] == 1
