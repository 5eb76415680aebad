"""Members of DAT, CHOP and Channel that are no affair of speed: files, arrays, locals."""
import os

import _patchcord_native as native
from _patchcord_native import CHOP, DAT, Channel

_locals = {}


def _dat_locals(self):
    """A dictionary that belongs to the DAT while it exists; nobody else looks at it."""
    number = self.id
    if number not in _locals:
        for known in [known for known, (dat, _) in _locals.items() if not dat.valid]:
            del _locals[known]
        _locals[number] = (self, {})
    return _locals[number][1]


def _numpy(what):
    try:
        import numpy
    except ImportError:
        raise native.Error(f"{what} needs numpy, which this Python does not have: `pip install numpy`") from None
    return numpy


def chop_array(self):
    """The samples as numpy array, a row for each channel."""
    return _numpy("CHOP.numpyArray").array([channel.vals for channel in self.chans()], dtype="float32", ndmin=2)


def channel_array(self):
    """The samples as numpy array."""
    return _numpy("Channel.numpyArray").array(self.vals, dtype="float32")


def save_chop(self, filepath=None, createFolders=False):
    """Writes the channels to a table file (.csv, else with tabs) with their names in the first row, and returns its path."""
    import csv

    path = os.path.join(native.project()[1], str(filepath) if filepath is not None else f"{self.name}.csv")
    ending = os.path.splitext(path)[1].lower()
    if ending not in (".csv", ".tsv", ".txt", ".dat"):
        raise native.Error(f"{self.path}: channels can be saved as .csv, .tsv, .txt or .dat, not as {ending or 'a file without ending'}")
    channels = self.chans()
    try:
        if createFolders:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter="," if ending == ".csv" else "\t", lineterminator="\n")
            writer.writerow([channel.name for channel in channels])
            writer.writerows(zip(*(channel.vals for channel in channels)))
    except OSError as error:
        raise native.Error(f"{path} cannot be written: {error}") from None
    return path


def eval_seconds(self, seconds):
    """The value at a time in seconds of the CHOP, whose first sample is at `start`."""
    vals, owner = self.vals, self.owner
    at = round(float(seconds) * (owner.rate or 60.0) - owner.start)
    return vals[max(0, min(at, len(vals) - 1))] if vals else 0.0


def eval_frame(self, frame):
    """The value at a frame of the timeline; frame 1 is the time 0."""
    return eval_seconds(self, (float(frame) - 1) / native.frame()[1])


def install(td):
    DAT.locals = property(_dat_locals)
    DAT.editingFile = property(lambda self: (self.path, "")[1], doc="The file in which an editor has the text: always empty.")
    CHOP.numpyArray, Channel.numpyArray = chop_array, channel_array
    CHOP.save = save_chop
    Channel.evalSeconds, Channel.evalFrame = eval_seconds, eval_frame
    Channel.exports = property(lambda self: [], doc="Parameters that the channel sets: none, as exports are not here.")
