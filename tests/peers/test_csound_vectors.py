"""What Csound's variables are on the wire, byte for byte, out and in: raw 64-bit floats, little endian, no header, one
unfragmented binary frame per value.
"""

import struct

import pytest

from csound_runs import count_up, doubles, expect_message, packed, received, silent, watch
from raw import BINARY, TEXT
from running import eventually

# a[m] holds 1000·(m + 1) + j in sample j.
RAMPS = """
aramp[] init 4
km = 0
while km < 4 do
kj = 0
while kj < ksmps do
asample = aramp[km]
vaset 1000 * (km + 1) + kj, kj, asample
aramp[km] = asample
kj += 1
od
km += 1
od
"""
TWO_BY_THREE = "ktable[][] init 2, 3\n" + "".join(
    f"ktable[{row}][{column}] = {3 * row + column + 1}\n" for row in range(2) for column in range(3)
)
ONE = bytes.fromhex("000000000000f03f")


def one_frame(csound, name, code, count=3, **options):
    """The payloads of the next frames of a variable, each of which has to be one unfragmented binary frame."""
    client = csound(f"instr 1\n{code}\nkunused websocket $PORT, {name}\nendin", **options).raw(name)
    frames = [client.frame() for _ in range(count)]
    assert {(opcode, final) for opcode, _, final in frames} == {(BINARY, True)}
    return [payload for _, payload, _ in frames]


# ---------------------------------------- out


def test_a_control_value_is_eight_bytes(csound):
    assert one_frame(csound, "kone", "kone = 1") == [ONE] * 3


@pytest.mark.parametrize("original", [False, True])
def test_an_array_goes_row_by_row(csound, original):
    frames = one_frame(csound, "ktable", TWO_BY_THREE, original=original)
    assert frames == [packed(1, 2, 3, 4, 5, 6)] * 3


@pytest.mark.parametrize("original", [False, True])
def test_an_audio_array_goes_member_by_member(csound, original):
    frames = one_frame(csound, "aramp", RAMPS, original=original)
    for frame in frames:
        assert len(frame) == 2048
        for member, sample in [(0, 0), (0, 63), (1, 0), (2, 17), (3, 63)]:
            [value] = struct.unpack_from("<d", frame, 8 * (64 * member + sample))
            assert value == 1000 * (member + 1) + sample


@pytest.mark.parametrize("ksmps", [1, 10, 64, 513])
def test_audio_is_a_block_of_ksmps_samples(csound, ksmps):
    code = "kj = 0\nasig = 0\nwhile kj < ksmps do\nvaset kj + 0.5, kj, asig\nkj += 1\nod"
    frames = one_frame(csound, "asig", code, ksmps=ksmps, sr=ksmps * 200)
    assert frames == [packed(*(j + 0.5 for j in range(ksmps)))] * 3


def test_what_is_larger_than_a_service_buffer_is_one_frame_too(csound):
    code = "kbig[] init 513\nkbig[512] = 7"
    assert one_frame(csound, "kbig", code) == [packed(*[0] * 512, 7)] * 3
    code = "khuge[] init 20000\nkhuge[19999] = 8"
    assert one_frame(csound, "khuge", code, ksmps=4800) == [packed(*[0] * 19_999, 8)] * 3


def test_an_instrument_with_short_blocks_of_its_own_sends_whole_ones(csound):
    """setksmps 16 in a csound of 64: four of its blocks make a message."""
    code = f"setksmps 16\n{count_up()}asig upsamp kcount"
    for frame in one_frame(csound, "asig", code):
        samples = doubles(frame)
        assert len(samples) == 64
        first = samples[0]
        assert samples == [first + j // 16 for j in range(64)]


@pytest.mark.parametrize(
    "code, payload",
    [
        ("iinit = 2.5", packed(2.5)),
        ("iinit[] fillarray 1, 2, 3", packed(1, 2, 3)),
    ],
    ids=["i", "i[]"],
)
def test_an_init_value_is_sent_once(csound, code, payload):
    one = csound(f"instr 1\n{code}\nkunused websocket $PORT, iinit\nendin")
    for _ in range(3):
        client = one.connect("iinit")
        assert client.recv(timeout=8) == payload
        assert silent(client, 0.1)


# ---------------------------------------- in


def test_a_control_value_comes_in(csound):
    one = csound(f"instr 1\nkin websocket $PORT\n{watch('kin')}endin")
    client = one.raw("kin")
    client.send_frame(BINARY, ONE)
    one.expect_value("kin", 1)
    client.send_frame(BINARY, struct.pack("<d", -1e300))
    one.expect_value("kin", -1e300)


def test_an_array_comes_in_row_by_row(csound):
    names = [f"k{row}{column}" for row in range(2) for column in range(3)]
    members = "".join(f"{name} = kin[{name[1]}][{name[2]}]\n" for name in names)
    one = csound(f"instr 1\nkin[][] init 2, 3\nkin websocket $PORT\n{members}{watch(*names)}endin")
    one.connect("kin").send(packed(1, 2, 3, 4, 5, 6))
    for number, name in enumerate(names, 1):
        one.expect_value(name, number)


@pytest.mark.parametrize("members", [1, 4])
def test_audio_comes_in_sample_by_sample(csound, members):
    """What is sent is played once and whole, in a file of doubles that csound writes."""
    code = "ain[] init 4\nain websocket $PORT\na1 = ain[0]\na2 = ain[1]\na3 = ain[2]\na4 = ain[3]\n"
    if members == 1:
        code = "a1 websocket $PORT\na2 = 0\na3 = 0\na4 = 0\n"
    one = csound(f'instr 1\n{code}fout "played.raw", 0, a1, a2, a3, a4\nendin')
    name = "ain" if members == 4 else "a1"
    client = one.connect(name)
    sent = [[[64 * block + j + m * 65_536 + 1 for j in range(64)] for m in range(members)] for block in range(30)]
    for block in sent:
        client.send(packed(*(value for member in block for value in member)))
    path = one.file.with_name("played.raw")
    eventually(lambda: path.exists() and max(floats(path), default=0) >= sent[-1][-1][0], what="the last block")
    one.stop()
    frames = list(zip(*[iter(floats(path))] * 4, strict=True))
    for member in range(members):
        played = [frame[member] for frame in frames if frame[member]]
        assert played == [value for block in sent for value in block[member]]


def floats(path):
    data = path.read_bytes()
    return struct.unpack(f"<{len(data) // 4}f", data[: len(data) // 4 * 4])


def test_an_init_value_comes_in_as_soon_as_it_arrives(csound):
    code = "iin init 5\niarr[] init 2\niin, iarr websocket $PORT\nkin = iin\n"
    code += "knumber = 0\nkfirst = iarr[knumber]\nknumber = 1\nksecond = iarr[knumber]\n"
    one = csound(f"instr 1\n{code}{watch('kin', 'kfirst', 'ksecond')}endin")
    one.expect_value("kin", 5)
    one.connect("iin").send(packed(2.5))
    one.expect_value("kin", 2.5)
    one.connect("iarr").send(packed(-1, 7))
    one.expect_value("kfirst", -1)
    one.expect_value("ksecond", 7)


# ---------------------------------------- through


def test_every_bit_of_a_number_goes_through(csound):
    """Infinities, -0, the smallest and the largest number, and a NaN with a payload come back as they were."""
    one = csound("instr 1\nkback init 0\nkin websocket $PORT, kback\nkback = kin\nendin")
    back, client = one.connect("kback"), one.connect("kin")
    for bits in ("8000000000000000", "7ff0000000000000", "fff0000000000000", "0000000000000001",
                 "7fefffffffffffff", "7ff8000012345678", "400921fb54442d18"):  # fmt: skip
        message = bytes.fromhex(bits)[::-1]
        client.send(message)
        expect_message(back, message)


def test_all_kinds_in_one_opcode(csound):
    """Every kind out and in, at once, under its name; what came in goes out again."""
    one = csound(
        """
instr 1
aback init 0
kback init 0
Sback = ""
aarrback[] init 2
karrback[] init 3
iout = 4.5
iarrout[][] init 2, 2
iarrout[1][0] = 6
Sarrback[] init 2
kin, ain, karrin, aarrin, Sin, Sarrin websocket $PORT, kback, aback, karrback, aarrback, Sback, Sarrback, iout, iarrout
kback = kin
aback = ain
karrback = karrin
aarrback[0] = aarrin[0]
aarrback[1] = aarrin[1]
Sback strcpyk Sin
knumber = 0
while knumber < 2 do
Sarrback[knumber] strcpyk Sarrin[knumber]
knumber += 1
od
endin
""".replace("kin, ain", "karrin[] init 3\naarrin[] init 2\nSarrin[] init 2\nkin, ain")
    )
    assert one.connect("iout").recv(timeout=8) == packed(4.5)
    assert one.connect("iarrout").recv(timeout=8) == packed(0, 0, 6, 0)
    block = packed(*range(1, 65))
    for name, message in [
        ("k", packed(3.25)),
        ("a", block),
        ("karr", packed(1, 2, 3)),
        ("aarr", block + block[::-1]),
        ("S", "größer 🎛"),
        ("Sarr", '["one","zwei é"]'),
    ]:
        back = one.connect(f"{name}back")
        one.connect(f"{name}in").send(message)
        expect_message(back, message)


# ---------------------------------------- compatible kinds of frames


@pytest.mark.parametrize("original", [False, True])
def test_a_number_may_come_as_text(csound, original):
    """Bytes count, whatever the frame calls them."""
    one = csound(f"instr 1\nkback init 0\nkin websocket $PORT, kback\n{watch('kin')}endin", original=original)
    one.raw("kin").send_frame(TEXT, b"8 bytes!")
    one.expect_value("kin", doubles(b"8 bytes!")[0])


def test_values_stay_until_the_next_ones_come(csound):
    one = csound("instr 1\nkback init 0\nkin init 9\nkin websocket $PORT, kback\nkback = kin\nendin")
    back = one.connect("kback")
    expect_message(back, [9])
    client = one.connect("kin")
    client.send(packed(3))
    expect_message(back, packed(3))
    client.close()
    assert received(back, 100) == [[3]] * 100
