"""Connectors: the inputs and outputs of operators as objects, and what changes several wires at once."""
import _patchcord_native as native
from _patchcord_native import OP


class Connector:
    """An input or output of an operator. It is a place and keeps no state: what it says is so now."""

    __slots__ = ("_owner", "_index", "_is_input")

    def __init__(self, owner, index, is_input):
        self._owner, self._index, self._is_input = owner, index, is_input

    owner = property(lambda self: self._owner, doc="The operator.")
    index = property(lambda self: self._index, doc="Which input or output it is, from 0.")
    isInput = property(lambda self: self._is_input)
    isOutput = property(lambda self: not self._is_input)

    @property
    def inOP(self):
        """The operator inside a component that this input leads to; None for what is no component."""
        return _inside(self._owner, self._index, True) if self._is_input else None

    @property
    def outOP(self):
        """The operator inside a component that this output comes from; None for what is no component."""
        return None if self._is_input else _inside(self._owner, self._index, False)

    @property
    def description(self):
        """What the input is for; empty where nothing is said."""
        names = native.input_names(self._owner) if self._is_input else []
        return names[self._index] if self._index < len(names) else ""

    @property
    def connections(self):
        """The connectors at the other ends of its wires."""
        if not self._is_input:
            return [Connector(target, at, True) for target, at, output in native.fed(self._owner) if output == self._index]
        wires = native.wires(self._owner)
        wire = wires[self._index] if self._index < len(wires) else None
        return [] if wire is None else [Connector(*wire, False)]

    def connect(self, target):
        """Wires it to a connector of the other kind; an operator stands for its first one. What an input was wired to
        before, it is not any more. To None it is disconnected."""
        if target is None:
            self.disconnect()
            return
        if isinstance(target, Connector):
            if target._is_input == self._is_input:
                both = "inputs" if self._is_input else "outputs"
                raise native.Error(f"two {both} cannot be connected with one another")
            other = target
        else:
            other = Connector(native.find(target), 0, not self._is_input)
        source, sink = (other, self) if self._is_input else (self, other)
        native.wire(sink._owner, sink._index, source._owner, source._index)

    def disconnect(self):
        """Takes its wires away."""
        if self._is_input:
            native.wire(self._owner, self._index, None, 0)
            return
        for other in self.connections:
            other.disconnect()

    def __eq__(self, other):
        return isinstance(other, Connector) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def _key(self):
        return self._owner.id, self._index, self._is_input

    def __repr__(self):
        kind = "input" if self._is_input else "output"
        return f"type:Connector owner:{self._owner.path} {kind}:{self._index}"


def _inside(owner, index, is_input):
    inner = native.connectors(owner, is_input) if owner.isCOMP else []
    return inner[index] if index < len(inner) else None


def _input_connectors(op):
    """One for each input that the operator has; of one with any number, one more than are wired."""
    wired = len(native.wires(op))
    return [Connector(op, index, True) for index in range(max(op.maxInputs, wired))]


def _output_connectors(op):
    """One for each output. An operator that is no component has one; a component has one for each Out operator inside."""
    count = len(native.connectors(op, False)) if op.isCOMP else 1
    return [Connector(op, index, False) for index in range(count)]


def set_inputs(self, operators):
    """Wires the inputs to these operators, in their order; None leaves one open, and so are those that follow."""
    sources = list(operators)
    for index in range(max(len(sources), len(native.wires(self)))):
        source = sources[index] if index < len(sources) else None
        Connector(self, index, True).connect(source)


def install(td):
    OP.inputConnectors = property(_input_connectors, doc=_input_connectors.__doc__)
    OP.outputConnectors = property(_output_connectors, doc=_output_connectors.__doc__)
    OP.setInputs = set_inputs
    td.Connector = Connector
