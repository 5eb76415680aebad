"""Stand-ins: operators of types that are not here, in a patch that has `stand_ins = true`."""


def annotated(top: noiseTOP, dat: oscinDAT, comp: buttonCOMP) -> moviefileinTOP:
    pass


def asked(name):
    """Rows of what was asked, without the heading."""
    op('asked').par.op = name
    return [[cell.val for cell in row] for row in op('asked').rows()[1:]]


def test_types_are_seen_as_they_are_named():
    noise = op('noise1')
    assert (noise.OPType, noise.type, noise.family, noise.label) == ('noiseTOP', 'noise', 'TOP', 'noise')
    assert noise.isTOP and not noise.isDAT and not noise.isCHOP and not noise.isCOMP
    assert type(noise).__name__ == 'noiseTOP'
    assert isinstance(noise, noiseTOP) and not isinstance(op('button1'), noiseTOP)
    assert op('button1').isCOMP and op('button1').OPType == 'buttonCOMP'
    assert op('lfo1').isCHOP


def test_any_parameter_is_there():
    par = op('noise1').par
    assert par.seed == 0
    par.seed += 1
    assert par.seed == 1 and par.seed.eval() == 1
    par.seed += 0.5
    assert par.seed == 1.5
    par.type = 'sparse'
    assert par.type == 'sparse'
    par['period'] = 3
    assert par['period'] == 3
    par.period = 'wide'
    assert par.period.eval() == 'wide'
    assert par.rough == 0.25, 'as the patch file says'
    assert par.mode == 'hermite'
    assert hasattr(par, 'whatever')
    par.gain.expr = '2 * 3'
    assert par.gain.eval() == 6 and par.gain.mode == ParMode.EXPRESSION
    assert par.optype == 'noiseTOP'


def test_methods_give_something_neutral():
    noise = op('noise1')
    assert noise.saveByteArray('.png') == b''
    assert noise.save('picture.png') == 'picture.png'
    assert noise.sample(x=1, y=2) == (0.0, 0.0, 0.0, 0.0)
    assert noise.width == 256
    noise.par.resolutionw = 4
    noise.par.resolutionh = 2
    assert (noise.width, noise.height) == (4, 2)
    try:
        import numpy
    except ImportError:
        return
    pixels = noise.numpyArray(delayed=True)
    assert pixels.shape == (2, 4, 4) and not pixels.any()


def test_panels_have_values_and_are_clicked():
    button = op('button1')
    assert button.panel.x == 0 and button.panel.state.val == 0
    button.panel.x = 0.5
    assert button.panel.x == 0.5 and op('button1').panel.x.name == 'x'
    button.click(0.1, 0.2)
    button.click()
    button.par.resetpulse.pulse()


def test_channels_are_those_of_the_parameter():
    lfo = op('lfo1')
    assert lfo['chan1'].eval() == 0.5 and float(lfo['speed']) == 2
    assert lfo['nothing'] is None and lfo.numChans == 2
    op('lfo1').par.channels = 'chan1=3'
    assert lfo['chan1'] == 3
    assert op('nullchop')['chan1'] == 3


def test_create_makes_stand_ins():
    for kind in (moviefileinTOP, 'moviefileinTOP'):
        made = parent().create(kind)
        assert made.OPType == 'moviefileinTOP' and made.name.startswith('moviefilein')
        made.par.file = 'clip.mov'
        assert made.par.file == 'clip.mov'
        copied = parent().copy(made)
        assert copied.OPType == 'moviefileinTOP' and copied.par.file == 'clip.mov'
        made.destroy()
        copied.destroy()
    osc = parent().create(oscinDAT, 'osc')
    assert osc.isDAT and osc.name == 'osc'
    try:
        parent().create('nosuchTOP')
    except td.Error as error:
        assert 'nosuchTOP' in str(error)
    else:
        assert False


def test_they_are_found_by_type():
    assert op('noise1') in parent().findChildren(type=noiseTOP)
    assert [found.name for found in parent().findChildren(type='buttonCOMP')] == ['button1']
    assert op('button1/inside').text == 'in a panel'


def later_what_was_asked_is_a_table():
    rows = {(what, name): (value, count) for what, name, value, count in asked('noise1')}
    assert rows['par', 'seed'][0] == '1.5' and rows['par', 'type'] == ('sparse', '1')
    assert rows['call', 'sample'] == ('x=1, y=2', '1')
    assert op('noise1')[0, 0] == 'what', 'one that is no CHOP and no COMP is a table itself'
    rows = {(what, name): (value, count) for what, name, value, count in asked('button1')}
    assert rows['call', 'click'] == ('', '2') and rows['panel', 'x'] == ('0.5', '1')
    assert rows['pulse', 'resetpulse'][1] == '1'
    op('noise1').par.clear.pulse()
