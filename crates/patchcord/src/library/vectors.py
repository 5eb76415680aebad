"""The arithmetic of tdu: Position, Vector, Matrix, Quaternion and Color.

Angles are degrees. Matrices hold columns one after the other and multiply vectors from the left, so `b * a` is a, then b.
"""
import math


def _numbers(value, count=3):
    """The numbers of a vector, a sequence or a single number for all."""
    if isinstance(value, (int, float)):
        return [float(value)] * count
    numbers = [float(number) for number in value]
    if len(numbers) < count:
        raise TypeError(f"{count} numbers are needed, {len(numbers)} were given")
    return numbers[:count]


def _arguments(given, count=3):
    """Numbers that were given one by one or as one sequence; none are zeros."""
    if not given:
        return [0.0] * count
    return _numbers(given[0] if len(given) == 1 else given, count)


class _Numbers:
    """A few named numbers with the arithmetic of their positions."""

    __slots__ = ()
    _names = ()
    _default = 0.0

    def __init__(self, *values):
        if not values:
            values = [self._default] * len(self._names)
        for name, value in zip(self._names, _arguments(tuple(values), len(self._names))):
            setattr(self, name, value)

    def __len__(self):
        return len(self._names)

    def __iter__(self):
        return (getattr(self, name) for name in self._names)

    def __getitem__(self, at):
        return list(self)[at]

    def __setitem__(self, at, value):
        setattr(self, self._names[at], float(value))

    def __eq__(self, other):
        return type(other) is type(self) and list(self) == list(other)

    __hash__ = None

    def __repr__(self):
        return f"tdu.{type(self).__name__}({', '.join(f'{number:g}' for number in self)})"

    def copy(self):
        return type(self)(*self)

    def _with(self, other, function, kind=None):
        try:
            others = _numbers(other, len(self._names))
        except TypeError:
            return NotImplemented
        return (kind or type(self))(*map(function, self, others))


class _Place(_Numbers):
    __slots__ = ("x", "y", "z")
    _names = ("x", "y", "z")

    def __add__(self, other):
        kind = Position if isinstance(other, Position) else None
        return self._with(other, lambda a, b: a + b, kind)

    __radd__ = __add__

    def __mul__(self, other):
        return self._with(other, lambda a, b: a * b)

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self._with(other, lambda a, b: a / b)

    def __neg__(self):
        return self * -1

    def __abs__(self):
        return type(self)(*map(abs, self))

    def scale(self, *by):
        """Multiplies each number."""
        self.x, self.y, self.z = (a * b for a, b in zip(self, _arguments(by)))


class Position(_Place):
    """A point. The difference of two is a Vector."""

    __slots__ = ()

    def translate(self, *by):
        """Moves it."""
        self.x, self.y, self.z = map(sum, zip(self, _arguments(by)))

    def __sub__(self, other):
        return self._with(other, lambda a, b: a - b, Vector if isinstance(other, Position) else None)


class Vector(_Place):
    """A direction with a length. A Matrix turns and scales it and does not move it."""

    __slots__ = ()

    def __sub__(self, other):
        return self._with(other, lambda a, b: a - b)

    def length(self):
        return math.sqrt(self.lengthSquared())

    def lengthSquared(self):
        return self.dot(self)

    def normalize(self):
        """Gives it the length 1; one without a length stays."""
        length = self.length()
        if length:
            self.x, self.y, self.z = self.x / length, self.y / length, self.z / length

    def dot(self, other):
        return sum(a * b for a, b in zip(self, _numbers(other)))

    def cross(self, other):
        x, y, z = _numbers(other)
        return Vector(self.y * z - self.z * y, self.z * x - self.x * z, self.x * y - self.y * x)

    def angle(self, other):
        """Degrees between the two; 0 where one has no length."""
        lengths = self.length() * Vector(other).length()
        return math.degrees(math.acos(max(-1.0, min(1.0, self.dot(other) / lengths)))) if lengths else 0.0

    def distance(self, other):
        return Vector(*(a - b for a, b in zip(self, _numbers(other)))).length()

    def lerp(self, other, t):
        """The vector between the two, at 0 this one."""
        return Vector(*(a + (b - a) * t for a, b in zip(self, _numbers(other))))

    def slerp(self, other, t):
        """As lerp, on an arc."""
        angle = math.radians(self.angle(other))
        if math.sin(angle) < 1e-9:
            return self.lerp(other, t)
        first, second = math.sin((1 - t) * angle) / math.sin(angle), math.sin(t * angle) / math.sin(angle)
        return Vector(*(a * first + b * second for a, b in zip(self, _numbers(other))))

    def project(self, first, second):
        """Lays it into the plane of two vectors."""
        normal = Vector(first).cross(second)
        normal.normalize()
        self.x, self.y, self.z = self - normal * self.dot(normal)

    def reflect(self, normal):
        """Mirrors it at the plane with this normal."""
        normal = Vector(normal)
        normal.normalize()
        self.x, self.y, self.z = self - normal * (2 * self.dot(normal))


class Color(_Numbers):
    """Red, green, blue and alpha."""

    __slots__ = ("r", "g", "b", "a")
    _names = ("r", "g", "b", "a")

    def __init__(self, *values):
        if len(values) == 1 and not isinstance(values[0], (int, float)):
            values = tuple(values[0])
        if len(values) == 3:
            values = (*values, 1.0)
        super().__init__(*(values or (0.0, 0.0, 0.0, 1.0)))

    def __add__(self, other):
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other):
        return self._with(other, lambda a, b: a - b)

    def __mul__(self, other):
        return self._with(other, lambda a, b: a * b)

    def __truediv__(self, other):
        return self._with(other, lambda a, b: a / b)

    __radd__, __rmul__ = __add__, __mul__
    vals = property(lambda self: list(self))


class Matrix:
    """Four times four numbers."""

    __slots__ = ("_columns",)

    def __init__(self, *values):
        if len(values) == 1 and isinstance(values[0], Matrix):
            values = values[0].vals
        elif len(values) == 1:
            values = list(values[0])
        if len(values) == 4:
            values = [number for column in values for number in column]
        if not values:
            values = [float(row == column) for column in range(4) for row in range(4)]
        numbers = _numbers(values, 16)
        self._columns = [numbers[at : at + 4] for at in range(0, 16, 4)]

    vals = property(lambda self: [number for column in self._columns for number in column], doc="Column after column.")
    cols = property(lambda self: [list(column) for column in self._columns])
    rows = property(lambda self: [list(row) for row in zip(*self._columns)])

    def __getitem__(self, place):
        row, column = place
        return self._columns[column][row]

    def __setitem__(self, place, value):
        row, column = place
        self._columns[column][row] = float(value)

    def __eq__(self, other):
        return isinstance(other, Matrix) and self._columns == other._columns

    __hash__ = None

    def __repr__(self):
        return "tdu.Matrix(" + ", ".join(f"{number:g}" for number in self.vals) + ")"

    def __iter__(self):
        return iter(self._columns)

    def copy(self):
        return Matrix(self)

    def identity(self):
        self._columns = Matrix()._columns

    def __mul__(self, other):
        if isinstance(other, Matrix):
            product = [[sum(self[row, at] * column[at] for at in range(4)) for row in range(4)] for column in other._columns]
            return Matrix(product)
        if isinstance(other, (int, float)):
            return Matrix([number * other for number in self.vals])
        if isinstance(other, (Position, Vector)):
            last = 1.0 if isinstance(other, Position) else 0.0
            parts = [*other, last]
            moved = [sum(self[row, at] * parts[at] for at in range(4)) for row in range(4)]
            if last and moved[3] not in (0.0, 1.0):
                moved = [number / moved[3] for number in moved]
            return type(other)(*moved[:3])
        return NotImplemented

    def __add__(self, other):
        return Matrix([a + b for a, b in zip(self.vals, other.vals)])

    def __sub__(self, other):
        return Matrix([a - b for a, b in zip(self.vals, other.vals)])

    def _then(self, other):
        self._columns = (other * self)._columns

    def _around(self, pivot, other):
        """Does `other` as seen from a pivot."""
        if pivot is not None:
            x, y, z = _numbers(pivot)
            other = _translation(x, y, z) * other * _translation(-x, -y, -z)
        self._then(other)

    def translate(self, *by):
        """Moves what it makes."""
        self._then(_translation(*_arguments(by)))

    def scale(self, *by, pivot=None):
        """Scales what it makes."""
        by, pivot = _with_pivot(by, pivot)
        scaled = Matrix()
        for at, number in enumerate(_arguments(by)):
            scaled[at, at] = number
        self._around(pivot, scaled)

    def rotate(self, *by, pivot=None):
        """Turns what it makes, around x, then y, then z."""
        by, pivot = _with_pivot(by, pivot)
        x, y, z = _arguments(by)
        axes = ((0, 0, 1), z), ((0, 1, 0), y), ((1, 0, 0), x)
        turned = Matrix()
        for axis, angle in axes:
            turned = turned * Quaternion(angle, Vector(axis)).createMatrix()
        self._around(pivot, turned)

    def rotateOnAxis(self, axis, angle, pivot=None):
        """Turns what it makes around an axis."""
        self._around(pivot, Quaternion(float(angle), Vector(axis)).createMatrix())

    def transpose(self):
        """Changes rows and columns."""
        self._columns = self.rows

    def determinant(self):
        rows, sign, product = self.rows, 1.0, 1.0
        for at in range(4):
            pivot = max(range(at, 4), key=lambda row: abs(rows[row][at]))
            if rows[pivot][at] == 0:
                return 0.0
            if pivot != at:
                rows[at], rows[pivot], sign = rows[pivot], rows[at], -sign
            product *= rows[at][at]
            for row in range(at + 1, 4):
                factor = rows[row][at] / rows[at][at]
                rows[row] = [a - factor * b for a, b in zip(rows[row], rows[at])]
        return sign * product

    def invert(self):
        """Makes it the one that undoes it. One that loses a dimension cannot be undone: ValueError."""
        rows = [row + [float(at == column) for column in range(4)] for at, row in enumerate(self.rows)]
        for at in range(4):
            pivot = max(range(at, 4), key=lambda row: abs(rows[row][at]))
            if abs(rows[pivot][at]) < 1e-300:
                raise ValueError("this matrix cannot be inverted")
            rows[at], rows[pivot] = rows[pivot], rows[at]
            rows[at] = [number / rows[at][at] for number in rows[at]]
            for row in range(4):
                if row != at:
                    factor = rows[row][at]
                    rows[row] = [a - factor * b for a, b in zip(rows[row], rows[at])]
        self._columns = [list(column) for column in zip(*(row[4:] for row in rows))]

    def inverse(self):
        """The one that undoes it."""
        inverse = self.copy()
        inverse.invert()
        return inverse

    def lookat(self, eye, target, up):
        """Makes it the place of a camera at `eye` that looks at `target`."""
        back = Vector(*(a - b for a, b in zip(_numbers(eye), _numbers(target))))
        back.normalize()
        right = Vector(up).cross(back)
        right.normalize()
        above = back.cross(right)
        self._columns = [[*right, 0.0], [*above, 0.0], [*back, 0.0], [*_numbers(eye), 1.0]]

    def decompose(self):
        """Scale, rotation and translation of which it is made, each a tuple."""
        columns = [Vector(column[:3]) for column in self._columns[:3]]
        scale = [column.length() for column in columns]
        if columns[0].cross(columns[1]).dot(columns[2]) < 0:
            scale[0] = -scale[0]
        turned = Matrix()
        for at, (column, size) in enumerate(zip(columns, scale)):
            for row in range(3):
                turned[row, at] = column[row] / size if size else float(row == at)
        return tuple(scale), Quaternion(turned).eulerAngles(), tuple(self._columns[3][:3])

    def getRotateVector(self):
        """Its rotation as degrees around x, y and z."""
        return Vector(*self.decompose()[1])

    def rotateToVector(self, vector, forward=(0, 0, 1)):
        """Turns what it makes so that the direction `forward` shows along a vector."""
        self._then(Quaternion(Vector(forward), Vector(vector)).createMatrix())

    def projectionFovX(self, fov, width, height, near, far):
        """Makes it the projection of a camera with this horizontal angle of view."""
        slope = 1 / math.tan(math.radians(fov) / 2)
        self._project(slope, slope * width / height, near, far)

    def projectionFovY(self, fov, width, height, near, far):
        """Makes it the projection of a camera with this vertical angle of view."""
        slope = 1 / math.tan(math.radians(fov) / 2)
        self._project(slope * height / width, slope, near, far)

    def _project(self, x, y, near, far):
        depth = [0, 0, (far + near) / (near - far), -1]
        self._columns = [[x, 0, 0, 0], [0, y, 0, 0], depth, [0, 0, 2 * far * near / (near - far), 0]]

    def numpyArray(self):
        """Its rows as numpy array."""
        import numpy

        return numpy.array(self.rows, dtype="float32")

    def mapOver(self, values):
        """Multiplies it with each vector or position of a sequence; the results in a list."""
        return [self * value for value in values]

    def fillTable(self, table):
        """Writes its rows to a table."""
        table.clear()
        table.appendRows(self.rows)


def _with_pivot(by, pivot):
    """A pivot may follow three numbers."""
    return (by[:3], by[3]) if len(by) == 4 else (by, pivot)


def _translation(x, y, z):
    moved = Matrix()
    moved[0, 3], moved[1, 3], moved[2, 3] = x, y, z
    return moved


class Quaternion(_Numbers):
    """A rotation: of x, y, z and w; of three angles; of an angle and an axis; from one vector to another; of a matrix."""

    __slots__ = ("x", "y", "z", "w")
    _names = ("x", "y", "z", "w")

    def __init__(self, *given):
        if not given:
            numbers = (0.0, 0.0, 0.0, 1.0)
        elif len(given) == 1 and isinstance(given[0], Matrix):
            numbers = _of_matrix(given[0])
        elif len(given) == 2 and isinstance(given[0], (int, float)):
            axis, half = Vector(given[1]), math.radians(given[0]) / 2
            axis.normalize()
            numbers = (*(axis * math.sin(half)), math.cos(half))
        elif len(given) == 2:
            numbers = _between(Vector(given[0]), Vector(given[1]))
        else:
            values = list(given[0]) if len(given) == 1 else list(given)
            numbers = values if len(values) == 4 else _of_angles(*values)
        super().__init__(*numbers)

    def eulerAngles(self, order="xyz"):
        """Degrees around x, y and z."""
        if order != "xyz":
            raise ValueError("only the order xyz is here")
        m = self.createMatrix()
        sine = max(-1.0, min(1.0, -m[2, 0]))
        if abs(sine) > 1 - 1e-12:
            return math.degrees(math.atan2(-m[1, 2], m[1, 1])), math.degrees(math.asin(sine)), 0.0
        x, z = math.atan2(m[2, 1], m[2, 2]), math.atan2(m[1, 0], m[0, 0])
        return math.degrees(x), math.degrees(math.asin(sine)), math.degrees(z)

    def fromEuler(self, *angles, order="xyz"):
        """Makes it the rotation of three angles."""
        if order != "xyz":
            raise ValueError("only the order xyz is here")
        self.x, self.y, self.z, self.w = _of_angles(*_arguments(angles))

    def createMatrix(self):
        """Its rotation as a matrix."""
        length = self.length() or 1.0
        x, y, z, w = (number / length for number in self)
        return Matrix(
            [1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w), 0],
            [2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w), 0],
            [2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y), 0],
            [0, 0, 0, 1],
        )

    def __mul__(self, other):
        if isinstance(other, (Vector, Position)):
            return self.createMatrix() * other
        if isinstance(other, (int, float)):
            return Quaternion(*(number * other for number in self))
        if not isinstance(other, Quaternion):
            return NotImplemented
        a, b = self, other
        return Quaternion(
            a.w * b.x + a.x * b.w + a.y * b.z - a.z * b.y,
            a.w * b.y - a.x * b.z + a.y * b.w + a.z * b.x,
            a.w * b.z + a.x * b.y - a.y * b.x + a.z * b.w,
            a.w * b.w - a.x * b.x - a.y * b.y - a.z * b.z,
        )

    def __add__(self, other):
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other):
        return self._with(other, lambda a, b: a - b)

    def rotate(self, vector):
        """The vector, turned."""
        return self.createMatrix() * vector

    def length(self):
        return math.sqrt(sum(number * number for number in self))

    def _normalize(self):
        length = self.length()
        if length:
            self.x, self.y, self.z, self.w = (number / length for number in self)

    def dot(self, other):
        return sum(a * b for a, b in zip(self, other))

    def cross(self, other):
        """The product of the two rotations."""
        return self * other

    def inverse(self):
        """The rotation that undoes it."""
        square = self.dot(self) or 1.0
        return Quaternion(-self.x / square, -self.y / square, -self.z / square, self.w / square)

    def axis(self):
        axis = Vector(self.x, self.y, self.z)
        axis.normalize()
        return axis

    def angle(self):
        """Degrees around its axis."""
        return math.degrees(2 * math.acos(max(-1.0, min(1.0, self.w / (self.length() or 1.0)))))

    def exp(self):
        axis, scale = Vector(self.x, self.y, self.z), math.exp(self.w)
        angle = axis.length()
        part = scale * (math.sin(angle) / angle if angle else 1.0)
        return Quaternion(self.x * part, self.y * part, self.z * part, scale * math.cos(angle))

    def log(self):
        axis, length = Vector(self.x, self.y, self.z), self.length()
        sine = axis.length()
        part = math.atan2(sine, self.w) / sine if sine else 0.0
        return Quaternion(self.x * part, self.y * part, self.z * part, math.log(length) if length else 0.0)

    def lerp(self, other, t):
        """Between the two on a line; at 0 this one."""
        return Quaternion(*(a + (b - a) * t for a, b in zip(self, other)))

    def slerp(self, other, t):
        """Between the two rotations at an even pace."""
        cosine = self.dot(other)
        if cosine < 0:
            other, cosine = other * -1, -cosine
        if cosine > 1 - 1e-9:
            return self.lerp(other, t)
        angle = math.acos(cosine)
        first, second = math.sin((1 - t) * angle) / math.sin(angle), math.sin(t * angle) / math.sin(angle)
        return Quaternion(*(a * first + b * second for a, b in zip(self, other)))


def _of_angles(x, y, z):
    turned = Quaternion(z, (0, 0, 1)) * Quaternion(y, (0, 1, 0)) * Quaternion(x, (1, 0, 0))
    return tuple(turned)


def _between(first, second):
    first.normalize()
    second.normalize()
    cosine = first.dot(second)
    if cosine < -1 + 1e-9:
        axis = first.cross((1, 0, 0) if abs(first.x) < 0.9 else (0, 1, 0))
        axis.normalize()
        return (*axis, 0.0)
    turned = Quaternion(*first.cross(second), 1 + cosine)
    turned._normalize()
    return tuple(turned)


def _of_matrix(m):
    trace = m[0, 0] + m[1, 1] + m[2, 2]
    if trace > 0:
        s = 2 * math.sqrt(trace + 1)
        return (m[2, 1] - m[1, 2]) / s, (m[0, 2] - m[2, 0]) / s, (m[1, 0] - m[0, 1]) / s, s / 4
    i = max(range(3), key=lambda at: m[at, at])
    j, k = (i + 1) % 3, (i + 2) % 3
    s = 2 * math.sqrt(max(1 + m[i, i] - m[j, j] - m[k, k], 1e-30))
    numbers = [0.0] * 4
    numbers[i] = s / 4
    numbers[j] = (m[j, i] + m[i, j]) / s
    numbers[k] = (m[k, i] + m[i, k]) / s
    numbers[3] = (m[k, j] - m[j, k]) / s
    return tuple(numbers)


def install(td):
    for kind in (Position, Vector, Color, Matrix, Quaternion):
        kind.__module__ = "tdu"
        setattr(td.tdu, kind.__name__, kind)
