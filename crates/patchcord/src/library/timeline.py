"""The timeline: what scripts reach as `me.time`. There is one, it belongs to the root, and it always plays."""
import _patchcord_native as native


class Timeline:
    """Time as a loop over a range of frames, 10 seconds by default, as in a new TouchDesigner project."""

    def __init__(self):
        self._offset = 0
        self._start, self._end = 1.0, 600.0
        self._range_start, self._range_end = 1.0, 600.0
        self._tempo = 120.0
        self._signature = [4, 4]
        self._loop = True

    def _frame_of(self, number):
        """The frame of the timeline at a frame of the program."""
        low, high = self._range_start, self._range_end
        at = number - 1 + self._offset
        if self._loop:
            return low + at % max(high - low + 1, 1)
        return max(low, min(low + at, high))

    @property
    def frame(self):
        """The frame, from rangeStart to rangeEnd."""
        return self._frame_of(native.frame()[0])

    @frame.setter
    def frame(self, frame):
        self._offset += float(frame) - self.frame

    @property
    def seconds(self):
        """Seconds of the timeline at the frame."""
        return (self.frame - 1) / self.rate

    @seconds.setter
    def seconds(self, seconds):
        self.frame = float(seconds) * self.rate + 1

    @property
    def rate(self):
        """Frames per second: those of the program."""
        return native.frame()[1]

    @rate.setter
    def rate(self, rate):
        native.set_rate(float(rate))

    @property
    def play(self):
        """Whether it plays, which it always does."""
        return True

    @play.setter
    def play(self, on):
        if not on:
            raise native.Error("the timeline cannot be stopped; it always plays")

    def _number(name):
        def write(self, value):
            setattr(self, name, float(value))

        return property(lambda self: getattr(self, name), write)

    start, end = _number("_start"), _number("_end")
    rangeStart, rangeEnd = _number("_range_start"), _number("_range_end")
    tempo = _number("_tempo")

    @property
    def loop(self):
        """Whether it begins anew after rangeEnd; else it stays there."""
        return self._loop

    @loop.setter
    def loop(self, on):
        self._loop = bool(on)

    def _part(at):
        def write(self, value):
            self._signature[at] = int(value)

        return property(lambda self: self._signature[at], write)

    signature1, signature2 = _part(0), _part(1)
    independent = property(lambda self: False)

    @property
    def timecode(self):
        """The time as hours, minutes, seconds and frames."""
        return str(self.timecodeObj)

    @property
    def timecodeObj(self):
        """The time as tdu.Timecode."""
        import tdu

        return tdu.Timecode(self.frame - 1, fps=self.rate)

    def __repr__(self):
        return f"type:timeCOMP frame:{self.frame:g}"

    del _number, _part


TIME = Timeline()


def install(td):
    td.timeCOMP = Timeline
