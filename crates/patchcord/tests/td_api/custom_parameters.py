"""Custom parameters: pages, every style, groups, attributes, and the idioms of scripts that push a schema."""
import json


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f'{kind.__name__} was not raised')


made = [0]


def component():
    made[0] += 1
    return parent().create(baseCOMP, f'custom{made[0]}')


def page(name='Agent'):
    comp = component()
    return comp, comp.appendCustomPage(name)


def test_each_style_makes_its_parameters():
    comp, custom = page()
    single = 'Int Float Str StrMenu Menu Toggle Pulse Momentary File FileSave Folder OP COMP Object DAT CHOP TOP SOP ' \
        'MAT PanelCOMP Python Header Sequence Par'.split()
    for style in single:
        group = getattr(custom, 'append' + style)('P' + style.lower(), label=f'My {style}')
        par = getattr(comp.par, 'P' + style.lower())
        assert group.isParGroup(par.parGroup) and group.size == len(group) == 1, style
        assert group[0].isPar(par) and group.style == par.style == style, style
        assert par.label == f'My {style}' and par.isCustom and par.page == 'Agent' and par.owner == comp, style
    suffixes = {'XY': 'xy', 'XYZ': 'xyz', 'XYZW': 'xyzw', 'WH': 'wh', 'UV': 'uv', 'UVW': 'uvw', 'RGB': 'rgb',
                'RGBA': 'rgba'}
    for style, letters in suffixes.items():
        group = getattr(custom, 'append' + style)('G' + style.lower())
        assert [par.name for par in group] == ['G' + style.lower() + letter for letter in letters], style
        assert group.name == 'G' + style.lower() and group.style == style and group[0].isFloat, style
        assert [par.vecIndex for par in group.pars] == list(range(len(letters)))
    assert [par.name for par in custom.appendFloat('Val', size=3)] == ['Val1', 'Val2', 'Val3']
    assert [par.name for par in custom.appendInt('Num', size=2)] == ['Num1', 'Num2']
    assert len(comp.customPars) == len(single) + sum(map(len, suffixes.values())) + 5
    assert len(comp.customParGroups) == len(single) + len(suffixes) + 2
    assert [p.name for p in custom.pars] == [p.name for p in comp.customPars]
    assert len(comp.par) == len(comp.builtinPars) + len(comp.customPars) == len(comp.pars())
    assert comp.pars('Val*') == comp.parGroup.Val.pars or [p.name for p in comp.pars('Val*')] == ['Val1', 'Val2', 'Val3']


def test_what_kind_a_parameter_is():
    comp, custom = page()
    for style, member in [('Int', 'isInt'), ('Int', 'isNumber'), ('Float', 'isFloat'), ('Str', 'isString'),
                          ('Menu', 'isMenu'), ('StrMenu', 'isMenu'), ('Toggle', 'isToggle'), ('Pulse', 'isPulse'),
                          ('Momentary', 'isMomentary'), ('OP', 'isOP'), ('DAT', 'isOP'), ('Python', 'isPython')]:
        par = getattr(custom, 'append' + style)('Kind')[0]
        assert getattr(par, member) is True, (style, member)
        assert not par.isPulse or style == 'Pulse'


def test_names_have_one_form():
    comp, custom = page()
    for wrong, right in [('seat', 'Seat'), ('My_Name', 'Myname'), ('maxSpeed', 'Maxspeed')]:
        raises(td.Error, lambda: custom.appendInt(wrong), wrong, right)
    raises(td.Error, lambda: custom.appendFloat('Val', size=5), '1 to 4')
    raises(td.Error, lambda: comp.appendCustomPage(''), 'name')
    raises(td.Error, lambda: custom.appendInt('Seat', replace=False) and custom.appendInt('Seat', replace=False), 'Seat')
    assert [p.name for p in comp.customPars] == ['Seat']


def test_values_convert_and_the_attribute_idioms_hold():
    comp, custom = page()
    seat = custom.appendInt('Seat', label='Seat Number')[0]
    assert comp.par.Seat == 0 and comp.par.Seat is comp.par.Seat and comp.par['Seat'] == 0
    assert hasattr(comp.par, 'Seat') and not hasattr(comp.par, 'Seal') and comp.par['Seal'] is None
    assert getattr(comp.par, 'Seal', None) is None and 'Seat' in comp.par
    raises(AttributeError, lambda: comp.par.Seal, 'Seat')
    comp.par.Seat = '3'
    assert comp.par.Seat.eval() == 3 and not seat.isDefault
    raises(td.Error, lambda: setattr(comp.par, 'Seat', 'three'), 'Seat')
    comp.par.Seat.expr = "len('four')"
    assert comp.par.Seat == 4 and seat.mode == ParMode.EXPRESSION and seat.prevMode == ParMode.CONSTANT
    assert seat.evalExpression() == 4 and seat.reset() and comp.par.Seat == 0 and not seat.reset()
    seat.expr = '9'
    assert seat == 9
    seat.max, seat.clampMax = 5, True
    assert seat == 5, 'what an expression gives follows the definition'
    seat.clampMax, seat.style = False, 'Str'
    assert seat == '9' and seat.mode == ParMode.EXPRESSION
    seat.style = 'Int'
    seat.reset()
    other = custom.appendInt('Other')[0]
    other.bindExpr = 'me.par.Seat'
    other.val = 7
    assert comp.par.Seat == 7 and other.bindMaster.isPar(seat) and [p.name for p in seat.bindReferences] == ['Other']
    assert seat.exportOP is None and seat.exportSource is None and seat.sequence is None


def test_ranges():
    comp, custom = page()
    level = custom.appendFloat('Level')[0]
    assert (level.min, level.max, level.normMin, level.normMax) == (0, 1, 0, 1)
    assert not level.clampMin and not level.clampMax
    level.val = 5
    assert comp.par.Level == 5
    level.min, level.max, level.clampMin, level.clampMax = -2, 2, True, True
    assert comp.par.Level == 2 and level.clampMin is True
    level.val = -9
    assert level == -2
    level.normMin, level.normMax = 0, 4
    level.max = 4
    level.normVal = 0.5
    assert level == 2 and level.evalNorm() == level.normVal == 0.5
    level.default = 1.5
    assert level.default == 1.5 and level.reset() and level == 1.5 and level.isDefault
    whole = custom.appendInt('Whole')[0]
    whole.min = 1.0
    assert whole.min == 1 and isinstance(whole.min, int)
    raises(td.Error, lambda: setattr(custom.appendStr('Text')[0], 'min', 1), 'Text')


def test_menus():
    comp, custom = page()
    mode = custom.appendMenu('Mode')[0]
    mode.menuNames = ['one', 'two']
    mode.menuLabels = ['The First', 'The Second']
    assert comp.par.Mode == 'one' and mode.menuIndex == 0 and mode.default == 'one'
    comp.par.Mode = 'two'
    assert mode.menuIndex == 1
    raises(td.Error, lambda: setattr(comp.par, 'Mode', 'three'), 'one, two')
    mode.menuIndex = 0
    assert comp.par.Mode == 'one'
    mode.val = 'two'
    mode.menuNames = ['zero', 'two', 'three']
    assert comp.par.Mode == 'two' and mode.menuLabels == ['The First', 'The Second', 'three']
    mode.menuNames = ['four']
    assert comp.par.Mode == 'four'
    labels_first = custom.appendMenu('Late')[0]
    labels_first.menuLabels = ['Red', 'Blue']
    labels_first.menuNames = ['r', 'b']
    assert labels_first.menuLabels == ['Red', 'Blue'] and labels_first == 'r'
    free = custom.appendStrMenu('Free')[0]
    free.menuNames = ['a', 'b']
    comp.par.Free = 'anything'
    assert comp.par.Free == 'anything' and free.menuIndex is None and free.menuNames == ['a', 'b']
    source = custom.appendStrMenu('Source')[0]
    source.menuSource = 'me.par.Free'
    assert source.menuNames == ['a', 'b'] and source.menuSource == 'me.par.Free'
    free.menuNames = ['c']
    assert source.menuNames == ['c']
    raises(td.Error, lambda: setattr(source, 'menuSource', '1 + 1'), 'menuNames')
    assert source.menuSource == 'me.par.Free'


def test_what_only_custom_ones_take():
    comp, custom = page()
    port = op('webserver1').par.port
    for name, value in [('label', 'x'), ('default', 1), ('min', 1), ('max', 2), ('clampMin', False), ('name', 'Port'),
                        ('help', 'x'), ('style', 'Float'), ('order', 3)]:
        raises(td.Error, lambda: setattr(port, name, value), 'port')
    raises(td.Error, port.destroy, 'port')
    assert port.enable and not port.readOnly and not port.hidden and port.page.name == 'Web Server'
    port.enable, port.readOnly, port.startSection, port.enableExpr = False, True, True, 'me.par.active'
    assert not port.enable and port.readOnly and port.startSection and port.enableExpr == 'me.par.active'
    port.enable, port.readOnly, port.startSection, port.enableExpr = True, False, False, ''
    seat = custom.appendInt('Seat')[0]
    seat.label, seat.help = 'The Seat', 'where one sits'
    assert seat.label == 'The Seat' and seat.help == 'where one sits' and seat.parGroup.label == 'The Seat'
    seat.name = 'Place'
    assert comp.par.Place.isPar(seat) and not hasattr(comp.par, 'Seat')
    raises(td.Error, lambda: setattr(seat, 'name', 'place'), 'Place')
    seat.val = 4
    seat.style = 'Float'
    assert seat.isFloat and seat == 4 and seat.style == 'Float'
    seat.defaultExpr = '2 + 3'
    assert seat.defaultMode == ParMode.EXPRESSION and seat.reset() and seat == 5 and seat.mode == ParMode.EXPRESSION


def test_groups():
    comp, custom = page()
    pos = custom.appendXYZ('Pos', label='Position')
    comp.par.Pos = (1, 2, 3)
    assert pos.eval() == (1, 2, 3) == pos.val and comp.par.Posy == 2
    comp.parGroup.Pos = 4, 5, 6
    assert comp.parGroup.Pos.eval() == (4, 5, 6) and comp.parGroup['Pos'] == (4, 5, 6)
    raises(td.Error, lambda: setattr(comp.par, 'Pos', (1, 2)), '3 values')
    raises(AttributeError, lambda: comp.parGroup.Poss, 'Poss')
    assert comp.parGroup['Poss'] is None and 'Pos' in comp.parGroup
    pos.default = (7, 8, 9)
    pos.min = -1
    pos.max = (10, 20, 30)
    assert pos.default == (7, 8, 9) and pos.min == (-1, -1, -1) and pos.max == (10, 20, 30)
    assert pos.reset() and comp.par.Posz == 9 and pos.isDefault == (True, True, True)
    pos.expr = ('1', '2', '3')
    assert pos.mode == (ParMode.EXPRESSION,) * 3 and pos.eval() == (1, 2, 3)
    pos.label, pos.enable = 'Place', False
    assert [par.label for par in pos] == ['Place'] * 3 and pos.label == 'Place' and not pos[2].enable
    pos.name = 'Where'
    assert hasattr(comp.par, 'Wherex') and not hasattr(comp.par, 'Posx') and pos.name == 'Where'
    assert pos[0].parGroup.isParGroup(pos) and pos[1] in pos and pos.page == custom and pos.owner == comp
    port = op('webserver1').parGroup.port
    assert port.size == 1 and port.eval() == (op('webserver1').par.port.eval(),)
    pos[1].destroy()
    assert comp.customPars == [] and not pos.valid
    assert [name for name in comp.par.__dict__ if name.startswith('Where')] == []


def test_pages():
    comp = component()
    first, second = comp.appendCustomPage('First'), comp.appendCustomPage('Second')
    assert [p.name for p in comp.customPages] == ['First', 'Second'] and first.isCustom and second.index == 1
    assert comp.appendCustomPage('First') == first
    for name in ('Aa', 'Bb', 'Cc'):
        first.appendInt(name)
    first.sort('Cc', 'Aa')
    assert [p.name for p in first.pars] == ['Cc', 'Aa', 'Bb']
    comp.par.Bb.order = -1
    assert [p.name for p in first.pars] == ['Bb', 'Cc', 'Aa']
    comp.par.Cc.page = second
    assert [p.name for p in second.pars] == ['Cc'] and comp.par.Cc.page == second
    comp.par.Aa.page = 'Second'
    assert [p.name for p in second.pars] == ['Cc', 'Aa']
    comp.sortCustomPages('Second', 'First')
    assert [p.name for p in comp.customPages] == ['Second', 'First'] and second.index == 0
    first.name = 'Renamed'
    assert first.name == 'Renamed' and comp.par.Bb.page.name == 'Renamed'
    raises(td.Error, lambda: setattr(first, 'name', 'Second'), 'Second')
    held = comp.par.Cc
    second.destroy()
    assert [p.name for p in comp.customPars] == ['Bb'] and not second.valid and not held.valid
    raises(td.Error, held.eval, 'exist')
    raises(td.Error, lambda: second.appendInt('Dd'), 'exist')
    assert [p.name for p in op('webserver1').pages][:2] == ['Web Server', 'Secure'] and not op('webserver1').pages[0].isCustom
    raises(td.Error, op('webserver1').pages[0].destroy, 'type')
    assert op('webserver1').customPages == [] and op('webserver1').pages[0].pars[0].name == 'active'
    comp.destroyCustomPars()
    assert comp.customPages == [] and comp.customPars == [] and not hasattr(comp.par, 'Bb')


def test_replacing_keeps_the_parameter():
    comp, custom = page()
    first = custom.appendInt('Seat')[0]
    first.val = 3
    again = custom.appendInt('Seat', label='Again')[0]
    assert first.isPar(again) and first.label == 'Again' and comp.par.Seat == 3 and len(comp.customPars) == 1
    text = custom.appendStr('Seat')[0]
    assert text.isPar(first) and comp.par.Seat == ''
    custom.appendXYZ('Pos')
    custom.appendXY('Pos')
    assert [p.name for p in comp.customPars] == ['Seat', 'Posx', 'Posy'] and not hasattr(comp.par, 'Posz')
    raises(td.Error, lambda: comp.appendCustomPage('Two') and custom.appendFloat('Posx') and custom.appendXYZ('Seat'))


def test_references():
    comp, custom = page()
    custom.appendOP('Target')
    custom.appendDAT('Text')
    custom.appendTOP('Image')
    comp.par.Target = op('text1')
    comp.par.Text = op('text1').path
    comp.par.Image = '/nowhere/moviefilein1'
    assert comp.par.Target.eval() == op('text1') and comp.par.Text.eval() == op('text1')
    assert comp.par.Image.eval() == '/nowhere/moviefilein1'
    held = custom.appendPython('Object')[0]
    held.expr = "{'a': [1, 2]}"
    assert held.eval() == {'a': [1, 2]}
    raises(td.Error, lambda: setattr(comp.par, 'Object', {'a': 1}), '.expr')
    raises(td.Error, lambda: setattr(comp.par, 'Object', [1]), '.expr')


def test_copies_have_parameters_of_their_own():
    comp, custom = page()
    custom.appendXY('Pos')
    comp.par.Pos = (1, 2)
    comp.par.Posx.readOnly = True
    copied = parent().copy(comp)
    assert copied.parGroup.Pos.eval() == (1, 2) and copied.par.Posx.readOnly
    copied.par.Pos = (3, 4)
    copied.customPages[0].appendInt('More')
    assert comp.parGroup.Pos.eval() == (1, 2) and not hasattr(comp.par, 'More')


def test_parameters_are_taken_over():
    comp, custom = page()
    custom.appendXY('Pos')
    comp.par.Pos = (1, 2)
    comp.par.Posy.help = 'upwards'
    other, own = page('Own')
    own.appendInt('Mine')
    other.copyParameters(comp)
    assert other.parGroup.Pos.eval() == (1, 2) and other.par.Posy.help == 'upwards' and hasattr(other.par, 'Mine')
    assert [group.name for group in other.parGroups('P*')] == ['Pos'] and other.customTuplets[1] == other.parGroup.Pos.pars
    assert other.resetPars() and other.parGroup.Pos.eval() == (0, 0) and not other.resetPars()


def test_pulses():
    comp, custom = page()
    go = custom.appendPulse('Go')[0]
    go.pulse()
    assert go == False
    held = custom.appendMomentary('Hold')[0]
    held.val = True
    assert comp.par.Hold == True


SCHEMA = json.loads('''{"Network": [
    {"name": "Address", "style": "Str", "default": "localhost"},
    {"name": "Port", "style": "Int", "default": 9000, "min": 1, "max": 65535},
    {"name": "Mode", "style": "Menu", "menuNames": ["a", "b"], "default": "b"}],
  "Look": [{"name": "Colour", "style": "RGB", "default": [1, 0.5, 0]}, {"name": "Gain", "style": "Float", "size": 2}]}''')


def push(comp, schema):
    comp.destroyCustomPars()
    for title, definitions in schema.items():
        custom = comp.appendCustomPage(title)
        for definition in definitions:
            sized = {'size': definition['size']} if 'size' in definition else {}
            group = getattr(custom, f"append{definition['style']}")(definition['name'], **sized)
            for at, par in enumerate(group):
                for fact in ('menuNames', 'min', 'max', 'default'):
                    if fact in definition:
                        value = definition[fact]
                        setattr(par, fact, value[at] if len(group) > 1 else value)
                par.val = par.default


def test_a_schema_is_pushed_again_and_again():
    comp = component()
    for _ in range(3):
        push(comp, SCHEMA)
        assert [p.name for p in comp.customPages] == ['Network', 'Look']
        assert comp.par.Address == 'localhost' and comp.par.Port == 9000 and comp.par.Mode == 'b'
        assert comp.parGroup.Colour.eval() == (1, 0.5, 0) and comp.par.Port.max == 65535
        comp.par.Port = 1234
    names = {p.name: p.eval() for p in comp.customPars}
    assert names['Port'] == 1234 and len(names) == 8
    del SCHEMA['Look']
    push(comp, SCHEMA)
    assert not hasattr(comp.par, 'Gain1') and comp.par['Colourr'] is None


def test_what_a_component_does_not_take():
    raises(AttributeError, lambda: op('text1').appendCustomPage('X'))
    assert op('text1').customPars == [] and op('text1').curPar is None
