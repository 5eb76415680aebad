"""Parameters: reading, setting, modes, and acting like a value."""


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f'{kind.__name__} was not raised')


server = op('webserver1')


def test_read_and_set():
    assert server.par.port == 9980 and server.par.port.eval() == 9980 and server.par.port.val == 9980
    server.par.port = 8000
    assert server.par.port == 8000
    server.par.port.val = '8001'
    assert server.par.port == 8001
    server.par['port'] = 8002.9
    assert server.par['port'] == 8002
    assert server.par['nothing'] is None
    assert server.par.port is server.par.port
    server.par.port.reset()
    assert server.par.port == 9980 and server.par.port.isDefault


def test_unknown_names():
    raises(AttributeError, lambda: server.par.prot, 'port')
    raises(AttributeError, lambda: setattr(server.par, 'prot', 1), 'port')
    assert not hasattr(server.par, 'prot') and hasattr(server.par, 'port')
    assert getattr(server.par, 'prot', None) is None
    assert 'port' in server.par and 'prot' not in server.par
    raises(AttributeError, lambda: delattr(server.par, 'port'))


def test_wrong_values_keep_what_was():
    raises(td.Error, lambda: setattr(server.par, 'port', 'eighty'), 'port')
    raises(td.Error, lambda: setattr(server.par, 'port', object()), 'object')
    assert server.par.port == 9980
    server.par.port = 99999999
    assert server.par.port == server.par.port.max
    server.par.port.reset()
    language = op('text1').par.language
    raises(td.Error, lambda: setattr(op('text1').par, 'language', 'klingon'), 'klingon', 'python')
    assert language == 'input'


def test_toggles_and_menus():
    active = server.par.active
    assert active == False and not active and active.isToggle
    language = op('text1').par.language
    language.val = 'json'
    assert language == 'json' and language.menuIndex == language.menuNames.index('json')
    language.menuIndex = 0
    assert language.eval() == language.menuNames[0]
    assert len(language.menuLabels) == len(language.menuNames)
    assert language.isMenu and not language.isNumber


def test_a_parameter_acts_like_its_value():
    port = server.par.port
    assert port + 1 == 9981 and 1 + port == 9981 and port - 80 == 9900 and 2 * port == 19960
    assert port / 2 == 4990 and port // 3 == 3326 and port % 1000 == 980 and -port == -9980
    assert port > 9000 and port <= 9980 and 1 < port and port != 1
    assert int(port) == 9980 and float(port) == 9980.0 and str(port) == '9980' and f'{port}' == '9980'
    assert f'{port:08.1f}' == '009980.0' and round(port) == 9980 and abs(port) == 9980
    assert list(range(10000))[port] == 9980 and hex(port) == '0x26fc'
    assert hash(port) == hash(9980) and {9980: 'x'}[port] == 'x'
    assert divmod(port, 1000) == (9, 980) and port ** 2 == 9980 ** 2
    assert [9980].index(port) == 0
    assert 'on ' + str(port) == 'on 9980'
    callbacks = server.par.callbacks
    assert not callbacks and callbacks.eval() is None
    server.par.callbacks = 'helper'
    assert callbacks == op('helper') and callbacks.eval() is op('helper') and bool(callbacks)
    assert callbacks.evalOPs() == [op('helper')]
    server.par.callbacks = op('text1')
    assert callbacks.eval() == op('text1')
    server.par.callbacks = ''
    file = op('text1').par.customext
    file.val = 'abc'
    assert file + 'd' == 'abcd' and 'x' + file == 'xabc' and len(file) == 3 and 'b' in file
    assert file.isString and [c for c in file] == ['a', 'b', 'c']
    raises(TypeError, lambda: port + 'text')


def test_expressions():
    par = op('text1').par.customext
    par.expr = "op('table1')[1, 0].val + me.name"
    assert par.mode == ParMode.EXPRESSION and par.expr.startswith('op(')
    assert par.eval() == 'atext1'
    op('table1')[1, 0] = 'z'
    assert par.eval() == 'ztext1'
    op('table1')[1, 0] = 'a'
    par.expr = "1 / 0"
    assert par.eval() == 'ztext1', 'the last value stands'
    assert 'customext' in op('text1').warnings() and 'division' in op('text1').warnings()
    par.val = 'fixed'
    assert par.mode == ParMode.CONSTANT and par == 'fixed' and par.expr == '1 / 0'
    par.mode = ParMode.EXPRESSION
    assert par.mode.name == 'EXPRESSION'
    par.reset()
    assert par.mode == ParMode.CONSTANT and par == ''


def test_an_expression_gives_operators_and_reads_parameters():
    server.par.callbacks.expr = "op('helper')"
    assert server.par.callbacks.eval() == op('helper')
    server.par.callbacks.reset()
    op('text1').par.customext.expr = "op('webserver1').par.port + 1"
    assert op('text1').par.customext.eval() == '9981'
    op('text1').par.customext.reset()
    assert op('text1').evalExpression('me.numRows + 1') == 3


def test_an_expression_that_reads_itself_ends():
    op('text1').par.customext.expr = "me.par.customext + 'x'"
    op('text1').par.customext.eval()
    assert op('text1').warnings()
    op('text1').par.customext.reset()


def test_binding_goes_both_ways():
    other = parent().create(webserverDAT, 'bound')
    other.par.port.bindExpr = "op('webserver1').par.port"
    assert other.par.port.mode == ParMode.BIND
    assert other.par.port == 9980
    server.par.port = 7000
    assert other.par.port == 7000
    other.par.port = 7001
    assert server.par.port == 7001 and other.par.port == 7001
    assert other.par.port.bindMaster.isPar(server.par.port)
    other.par.port.bindExpr = '5'
    other.par.port.eval()
    assert 'names no parameter' in other.warnings()
    other.destroy()
    server.par.port.reset()


def test_what_a_parameter_is():
    port = server.par.port
    assert (port.name, port.label, port.style) == ('port', port.label, 'Int')
    assert port.owner == server and port.isPar(server.par.port) and not port.isPar(server.par.active)
    assert port.default == 9980 and port.min <= 1 and port.max == 65535 and port.clampMin
    assert port.page and port.isInt and port.isNumber and not port.isFloat and not port.isOP and not port.isCustom
    assert port.help
    assert server.par.callbacks.isOP and server.par.callbacks.style == 'DAT'
    assert server.par.restart.isPulse and server.par.restart.pulse() is None
    assert repr(port) == 'par:port owner:/project1/webserver1'
    assert port.valid


def test_pars_by_pattern():
    assert [p.name for p in server.pars('po*')] == ['port']
    assert len(server.pars()) == len(server.par) == len([p for p in server.par])
    assert {p.name for p in server.pars('port', 'active')} == {'port', 'active'}


def test_copy_of_a_parameter():
    other = parent().create(webserverDAT, 'other')
    server.par.port = 4000
    other.par.port.copy(server.par.port)
    assert other.par.port == 4000
    other.par.localaddress.expr = "'127.0.0.1'"
    server.par.localaddress.copy(other.par.localaddress)
    assert server.par.localaddress.expr == "'127.0.0.1'"
    server.par.localaddress.reset()
    server.par.port.reset()
    other.destroy()


def test_pulse_of_a_value_parameter_goes_back():
    server.par.port.pulse(5000, frames=2)
    assert server.par.port == 5000


def later_pulse_has_gone_back():
    assert server.par.port == 9980, server.par.port
