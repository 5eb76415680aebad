"""The declaration of the API beside the objects: each row is what it says, and nothing public is without a row.

`declared.json` is the declaration: [class, kind, base, absent, [[member, method, state, text]]].
"""
import json
import keyword
import operator

DECLARED = json.load(open(project.folder + '/declared.json'))
CLASSES = {row[0]: row for row in DECLARED['classes']}
PAGE = '(docs/td-api.md)'


def changed_info():
    names = 'rowsChanged rowsAdded rowsRemoved colsChanged colsAdded colsRemoved cellsChanged sizeChanged'
    return td.ChangedDATInfo((name, []) for name in names.split())


# An object of each class, made when the test runs. A class that is not here has none.
OBJECTS = {
    'td': lambda: td,
    'tdu': lambda: tdu,
    'OP': lambda: op('text1'),
    'COMP': lambda: op('base1'),
    'DAT': lambda: op('text1'),
    'ChangedDATInfo': changed_info,
    'ParChange': lambda: td.ParChange(op('text1').par.file, ''),
    'Cell': lambda: op('table1')[0, 0],
    'CHOP': lambda: op('info1'),
    'Channel': lambda: op('info1')[0],
    'Par': lambda: op('text1').par.file,
    'ParCollection': lambda: op('text1').par,
    'ParGroup': lambda: op('text1').parGroup.file,
    'ParGroupCollection': lambda: op('text1').parGroup,
    'Page': lambda: op('text1').pages[0],
    'Run': lambda: run('pass', delayFrames=1000),
    'runs': lambda: runs,
    'socketioDAT': lambda: op('socketio1'),
    'websocketDAT': lambda: op('websocket1'),
    'webserverDAT': lambda: op('webserver1'),
    'logicCOMP': lambda: op('logic1'),
    'absTime': lambda: absTime,
    'app': lambda: app,
    'project': lambda: project,
    'ui': lambda: ui,
    'tdu.Dependency': lambda: tdu.Dependency(1),
    'sysinfo': lambda: sysinfo,
    'monitors': lambda: monitors,
    'licenses': lambda: licenses,
    'timeCOMP': lambda: me.time,
    'Connector': lambda: op('text1').outputConnectors[0],
    'VFS': lambda: op('base1').vfs,
    'VFSFile': lambda: op('base1').vfs.addByteArray(b'x', 'x'),
    'tdu.FileInfo': lambda: tdu.FileInfo('a.txt'),
    'tdu.Timecode': lambda: tdu.Timecode(1),
    'tdu.ParMenu': lambda: tdu.ParMenu(['a']),
    'tdu.Position': lambda: tdu.Position(),
    'tdu.Vector': lambda: tdu.Vector(),
    'tdu.Quaternion': lambda: tdu.Quaternion(),
    'tdu.Matrix': lambda: tdu.Matrix(),
    'tdu.Color': lambda: tdu.Color(),
    'TDFunctions': lambda: mod.TDFunctions,
    'TDJSON': lambda: mod.TDJSON,
    'TDStoreTools': lambda: mod.TDStoreTools,
    'TDStoreTools.StorageManager': lambda: mod.TDStoreTools.StorageManager(object(), op('base1'), []),
}


def present():
    """Classes that are here, with an object of each."""
    for name, kind, base, absent, members in DECLARED['classes']:
        if not absent:
            assert name in OBJECTS, f'{name} is declared as present: add an object of it to OBJECTS in declared.py'
            yield name, OBJECTS[name](), members


def public(thing):
    """Names of the members that are there: no private ones, and none that only say that they are missing."""
    for name in dir(thing):
        owner = getattr(type(thing), name, None)
        if not name.startswith('_') and type(owner).__name__ != 'Missing':
            yield name


def rows_of(name):
    """Members of a class with those of its bases, the own ones first."""
    rows = {}
    while name:
        _, _, base, _, members = CLASSES[name]
        for row in members:
            rows.setdefault(row[0], row)
        name = base
    return rows


def test_what_works_is_there():
    for name, thing, members in present():
        there = set(dir(thing)) | ({'me'} if thing is td else set())
        for member, method, state, text in members:
            if state != 'raises':
                assert member in there, f'{name}.{member} is declared as {state} and is not there'
                kind = getattr(type(thing), member, None)
                assert type(kind).__name__ != 'Missing', f'{name}.{member} is declared as {state} and raises'


def test_what_is_called_can_be_called():
    for name, thing, members in present():
        if name in ('ParCollection', 'runs'):
            continue
        for member, method, state, text in members:
            if state == 'raises' or member == 'parent':
                continue
            # Properties may need something that the object does not have now; then the class tells.
            value = getattr(type(thing), member, None) if not isinstance(thing, type(td)) else getattr(td, member, None)
            if value is None or isinstance(value, type(td)) or isinstance(value, type):
                continue
            if type(value).__name__ in ('getset_descriptor', 'property', 'member_descriptor', 'mappingproxy'):
                assert not method, f'{name}.{member} is an attribute, declared as a method'


def test_what_is_missing_says_why():
    for name, thing, members in present():
        for member, method, state, text in members:
            if state != 'raises':
                continue
            try:
                getattr(thing, member)
            except AttributeError as error:
                said = str(error)
            else:
                raise AssertionError(f'{name}.{member} is declared as missing and is there: change its row')
            assert said == f'{name}.{member} exists in TouchDesigner but not in Patchcord: {text} {PAGE}', said
            assert not hasattr(thing, member) and getattr(thing, member, 'none') == 'none'
            if isinstance(thing, type(td)):
                continue
            try:
                setattr(thing, member, 1)
            except AttributeError as error:
                assert PAGE in str(error) or name == 'ParCollection', str(error)
            else:
                raise AssertionError(f'{name}.{member} can be set')


def test_nothing_public_is_without_a_row():
    undeclared = []
    for name, thing, members in present():
        rows = rows_of(name)
        if name == 'ParCollection':
            continue  # its attributes are the parameters
        # What they have as a list, a text and a dictionary.
        of_list = {'runs': dir(list), 'tdu.FileInfo': dir(str), 'ParChange': dir(tuple), 'TDStoreTools.StorageManager': dir(dict)}.get(name, ())
        # The object given for OP is one of a type with more members.
        for member in public(OP if name == 'OP' else thing):
            if isinstance(thing, type(td)) and thing not in (td, tdu) and isinstance(getattr(thing, member), type(td)):
                continue  # a module that it imports
            if member in rows or member in of_list or name == 'td' and is_class_or_type(member):
                continue
            undeclared.append(f'{name}.{member}')
    assert not undeclared, 'without a row in td_api: ' + ' '.join(undeclared)


def is_class_or_type(name):
    return name in CLASSES or name in DECLARED['types_here']


def test_operator_types_have_no_members_without_a_row():
    for kind in DECLARED['types_here']:
        if kind in CLASSES:
            continue
        made = op('base1').create(kind)
        base = 'COMP' if made.isCOMP else 'DAT' if made.isDAT else 'CHOP'
        more = [member for member in public(made) if member not in rows_of(base)]
        made.destroy()
        assert not more, f'{kind} has members without a row: {more}'


def test_classes_are_globals_as_declared():
    for name, kind, base, absent, members in DECLARED['classes']:
        if kind != 'Class' or '.' in name:
            continue
        thing = eval(name)
        assert isinstance(thing, type) == (not absent), name
        if absent:
            raises_text(lambda: thing(), name, absent)
            assert not isinstance(op('text1'), thing)


def test_operator_types_that_are_not_here_can_stand_in_annotations():
    assert 'noiseTOP' in DECLARED['types_absent']

    def onPaint(top: noiseTOP, other: 'TOP', either: noiseTOP | None = None) -> renderTOP:
        return isinstance(top, (noiseTOP, textDAT))

    assert onPaint(op('text1'), None) is True and onPaint(op('base1'), None) is False
    for name in DECLARED['types_absent']:
        assert str(eval(name)) == name, name
    raises_text(lambda: noiseTOP.par, 'noiseTOP', 'exists in TouchDesigner but not in Patchcord')


def test_imports_of_what_is_missing_say_so():
    for statement, name in [('from td import fetchStamp', 'td.fetchStamp'), ('from tdu import Camera', 'tdu.Camera')]:
        try:
            exec(statement)
        except ImportError as error:
            assert name in str(error) and PAGE in str(error), str(error)
        else:
            raise AssertionError(statement)
    for name, kind, base, absent, members in DECLARED['classes']:
        if kind == 'Module' and absent:
            try:
                __import__(name)
            except ImportError as error:
                assert absent in str(error), str(error)
            else:
                raise AssertionError(name)


def test_globals_that_are_missing_say_so():
    assert not fetchStamp and not noiseTOP
    raises_text(lambda: fetchStamp('copy', 1), 'fetchStamp exists in TouchDesigner')
    raises_text(lambda: noiseTOP[0], 'noiseTOP')
    assert not hasattr(td, 'fetchStamp')


def raises_text(function, *words):
    try:
        function()
    except AttributeError as error:
        for word in words:
            assert word in str(error), str(error)
    else:
        raise AssertionError(f'nothing was raised; {words} was expected')
