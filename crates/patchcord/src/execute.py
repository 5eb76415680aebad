"""What Execute DATs tell scripts: values with names, and tables as they were before they changed.

The classes have the names under which scripts annotate their arguments.
"""

from collections import namedtuple


class ParChange(namedtuple("ParChange", "par prev")):
    """A parameter that has changed, and its value before."""

    __slots__ = ()


class ChangedDATInfo(dict):
    """What differs in a table, read as attributes or by key."""

    def __dir__(self):
        return list(self)

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no `{name}` here, but {', '.join(self)}") from None


def named(fields):
    """Named values as the object that scripts get."""
    return ParChange(**fields) if fields.keys() == {"par", "prev"} else ChangedDATInfo(fields)


class PreviousCell(str):
    """A cell of a table as it was: its text, which also knows its place."""

    __slots__ = ("row", "col")
    valid = True

    @property
    def val(self):
        return str(self)


def _previous_cell(text, row, col):
    cell = PreviousCell(text)
    cell.row, cell.col = row, col
    return cell


class PreviousTable:
    """A table as it was before it changed: read like a DAT, and no operator."""

    def __init__(self, rows):
        self._rows = [[_previous_cell(text, *place) for text, *place in row] for row in _placed(rows)]
        self.numRows = len(rows)
        self.numCols = len(rows[0]) if rows else 0
        self.isTable = True

    @property
    def text(self):
        if self.numRows == self.numCols == 1:
            return str(self._rows[0][0])
        return "".join("\t".join(row) + "\n" for row in self._rows)

    def _row(self, index):
        return _position(index, [cells[0] for cells in self._rows])

    def _col(self, index):
        return _position(index, self._rows[0] if self._rows else [])

    def __getitem__(self, key):
        row, col = key if isinstance(key, tuple) else (key, 0)
        row, col = self._row(row), self._col(col)
        return None if row is None or col is None else self._rows[row][col]

    def cell(self, row, col):
        return self[row, col]

    def cells(self, row, col):
        found = self[row, col]
        return [] if found is None else [found]

    def row(self, index):
        at = self._row(index)
        return None if at is None else list(self._rows[at])

    def col(self, index):
        at = self._col(index)
        return None if at is None else [cells[at] for cells in self._rows]

    def rows(self):
        return [list(row) for row in self._rows]

    def cols(self):
        return [[row[col] for row in self._rows] for col in range(self.numCols)]


def _placed(rows):
    return [[(text, at, col) for col, text in enumerate(row)] for at, row in enumerate(rows)]


def _position(index, names):
    """Where a row or column stands that is named by number or by name; None when there is none."""
    if isinstance(index, int):
        return index if -len(names) <= index < len(names) else None
    name = str(index)
    return names.index(name) if name in names else None
