"""Members of DAT, Cell, CHOP and Channel besides the tables themselves; virtual files."""
import os


def raises(kind, function, *words):
    try:
        function()
    except kind as error:
        for word in words:
            assert word in str(error), str(error)
        return error
    raise AssertionError(f'{kind.__name__} was not raised')


def test_locals_and_editing_file():
    d = op('text1')
    d.locals['x'] = 1
    assert d.locals == {'x': 1} and op('table1').locals == {} and d.editingFile == ''
    d.locals.clear()
    assert d.scroll(0, 0) is None and d.export is False


def test_json():
    d = parent().create(textDAT)
    d.text = '{"a": [1, null]}'
    assert d.jsonObject == {'a': [1, None]}
    d.text = '{'
    raises(ValueError, lambda: d.jsonObject)
    d.destroy()


def test_channels_over_time():
    c = op('info1')
    channel = c['num_rows']
    assert channel.evalFrame(1) == channel.evalSeconds(10) == channel.eval() and channel.exports == []
    assert c.isTimeSlice is False and c.export is False


def test_channels_as_arrays():
    try:
        import numpy
    except ImportError:
        raises(td.Error, lambda: op('info1').numpyArray(), 'numpy')
        raises(td.Error, lambda: op('info1')[0].numpyArray(), 'numpy')
        return
    array = op('info1').numpyArray()
    assert array.shape == (op('info1').numChans, 1) and array.dtype == 'float32'
    assert op('info1')[0].numpyArray().shape == (1,)


def test_channels_are_saved():
    path = op('info1').save('sub/channels.csv', createFolders=True)
    lines = open(path).read().splitlines()
    assert path == os.path.join(project.folder, 'sub/channels.csv') and len(lines) == 2
    assert lines[0].split(',')[0] == 'num_rows' and lines[1].split(',')[0] == '4.0'
    assert '\t' in open(op('info1').save('channels.txt')).read()
    raises(td.Error, lambda: op('info1').save('channels.bclip'), '.bclip')
    raises(td.Error, lambda: op('info1').save('nowhere/channels.csv'), 'cannot be written')


def test_virtual_files():
    vfs = op('base1').vfs
    assert len(vfs) == 0 and vfs['page.html'] is None and list(vfs) == [] and vfs.owner == op('base1')
    file = vfs.addByteArray(bytearray(b'<p>'), 'page.html')
    assert vfs['page.html'] == file and 'page.html' in vfs and file in vfs and len(vfs) == 1
    assert file.name == 'page.html' and file.size == 3 and file.byteArray == b'<p>' and file.owner == op('base1')
    assert file.originalFilePath == '' and file.virtualPath == 'vfs:/project1/base1:page.html' and file.date.year > 2000
    file.byteArray = b'other'
    assert vfs['page.html'].byteArray == b'other' and isinstance(file.byteArray, bytearray)
    with open(project.folder + '/asset.bin', 'wb') as f:
        f.write(b'\0\1')
    added = vfs.addFile('asset.bin')
    assert added.byteArray == b'\0\1' and added.originalFilePath.endswith('asset.bin')
    assert vfs.addFile('asset.bin', overrideName='b.bin').name == 'b.bin'
    assert [f.name for f in vfs] == ['asset.bin', 'b.bin', 'page.html']
    assert [f.name for f in vfs.find('*.bin')] == ['asset.bin', 'b.bin'] and len(vfs.find()) == 3
    os.makedirs(project.folder + '/out')
    assert file.export('out') == project.folder + '/out/page.html'
    assert open(project.folder + '/out/page.html').read() == 'other'
    assert len(vfs.export('out')) == 2 and len(vfs.export('out', pattern='*.bin', overwrite=True)) == 2
    copied = parent().copy(op('base1'))
    assert len(copied.vfs) == 3
    copied.destroy()
    assert added.valid
    added.destroy()
    assert vfs['asset.bin'] is None and not added.valid
    raises(td.Error, lambda: added.size, 'asset.bin')
    raises(td.Error, lambda: vfs.addByteArray(b'', 'a/b'), 'a/b')
    raises(td.Error, lambda: vfs.addFile('missing.txt'), 'missing.txt')
    raises(td.Error, lambda: file.export('missing'), 'cannot be written')
    vfs['b.bin'].destroy()
    vfs['page.html'].destroy()
