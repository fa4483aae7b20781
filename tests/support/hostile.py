"""Values whose methods raise or lie, for tests of what must never fail."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
import types
import typing
import uuid

from hypothesis import strategies as st


class BoomError(Exception):
    """What the methods of hostile objects raise."""


def boom(*_, **__):
    raise BoomError


class Repr:
    __repr__ = boom


class Str:
    __str__ = __repr__ = boom


class Everything:
    """Every method that may be called implicitly raises."""

    __bool__ = __len__ = __iter__ = __repr__ = __str__ = __getattr__ = __fspath__ = boom
    __index__ = __int__ = __float__ = __getitem__ = __contains__ = __format__ = __lt__ = boom
    __eq__ = __ne__ = boom

    def __hash__(self):
        raise BoomError


class NotEqual:
    def __eq__(self, other):
        raise BoomError

    def __hash__(self):
        return 1


class ClassRaises:
    @property
    def __class__(self):
        raise BoomError


class Liar:
    """Claims to be of another type."""

    def __init__(self, kind):
        self.__dict__["kind"] = kind

    @property
    def __class__(self):
        return self.__dict__["kind"]


class Meta(type):
    @property
    def __name__(cls):
        raise BoomError


class NoName(metaclass=Meta):
    __repr__ = boom


class Text(str):
    __slots__ = ()
    __str__ = __repr__ = __eq__ = __ne__ = __len__ = __iter__ = lower = strip = encode = boom
    __bool__ = __getitem__ = boom
    __hash__ = str.__hash__


class Int(int):
    __str__ = __repr__ = __eq__ = __index__ = __int__ = __bool__ = bit_length = boom
    __hash__ = int.__hash__


class Float(float):
    __str__ = __repr__ = __eq__ = __float__ = __bool__ = boom
    __hash__ = float.__hash__


class List(list):
    __iter__ = __len__ = __getitem__ = __repr__ = __eq__ = __bool__ = copy = boom
    __hash__ = None


class EndlessList(list):
    __hash__ = None

    def __iter__(self):
        while True:
            yield 1


class Dict(dict):
    __iter__ = __len__ = __getitem__ = items = keys = values = get = __contains__ = boom
    __repr__ = __eq__ = __bool__ = copy = boom
    __hash__ = None


class Tuple(tuple):
    __slots__ = ()
    __iter__ = __len__ = __getitem__ = __repr__ = __bool__ = boom


class Set(set):
    __iter__ = __len__ = __repr__ = __bool__ = copy = boom


class EndlessMapping(collections.abc.Mapping):
    def __getitem__(self, key):
        return key

    def __iter__(self):
        number = 0
        while True:
            number += 1
            yield str(number)

    def __len__(self):
        return 1


class BrokenMapping(collections.abc.Mapping):
    __getitem__ = __iter__ = __len__ = __repr__ = boom


class Clearing:
    """Empties its container while the container is read."""

    def __init__(self, owner):
        self.owner = owner

    def __repr__(self):
        self.owner.clear()
        return "cleared"


def clearing_list():
    owner = []
    owner.extend([Clearing(owner), *(f"item {number}" for number in range(1000))])
    return owner


def clearing_dict():
    owner = {}
    owner["first"] = Clearing(owner)
    owner.update({f"key {number}": f"value {number}" for number in range(1000)})
    return owner


class Structured:
    """Becomes ever new objects."""

    def __structlog__(self):
        return {"left": Structured(), "right": Structured()}


class BrokenEnum(enum.Enum):
    ONE = 1

    @property
    def value(self):
        raise BoomError


@dataclasses.dataclass
class BrokenField:
    name: str = "x"
    bad: int = 0

    def __getattribute__(self, name):
        if name == "bad":
            raise BoomError
        return super().__getattribute__(name)

    __repr__ = boom


class BrokenZone(dt.tzinfo):
    utcoffset = tzname = dst = boom


def cycle(kind=list):
    if kind is list:
        value = []
        value += [value, value]
    else:
        value = {}
        value.update(left=value, right=value)
    return value


def shared(levels=60, kind=list):
    """A few objects that stand for 2**levels values."""
    value = [1]
    for _ in range(levels):
        value = [value, value] if kind is list else {"left": value, "right": value}
    return value


def deep(levels, kind=list):
    value = 1
    for _ in range(levels):
        value = [value] if kind is list else {"k": value}
    return value


def partial_uuid():
    return uuid.UUID.__new__(uuid.UUID)


def released_view():
    view = memoryview(b"abc")
    view.release()
    return view


#: Name -> a function that makes another such value.
VALUES = {
    "repr raises": Repr,
    "str raises": Str,
    "everything raises": Everything,
    "comparison raises": NotEqual,
    "class raises": ClassRaises,
    **{
        f"lies to be {kind.__name__}": lambda kind=kind: Liar(kind)
        for kind in (str, int, float, bool, dict, list, tuple, set, bytes, uuid.UUID, enum.Enum)
    },
    "lies to be a path": lambda: Liar(pathlib.Path),
    "lies to be a mapping": lambda: Liar(collections.abc.Mapping),
    "class without a name": NoName,
    "str subclass": lambda: Text("x"),
    "int subclass": lambda: Int(1),
    "float subclass": lambda: Float(1.5),
    "list subclass": lambda: List([1]),
    "endless list": lambda: EndlessList([1]),
    "dict subclass": lambda: Dict(a=1),
    "tuple subclass": lambda: Tuple((1, 2)),
    "set subclass": lambda: Set({1}),
    "endless mapping": EndlessMapping,
    "broken mapping": BrokenMapping,
    "list that empties itself": clearing_list,
    "dict that empties itself": clearing_dict,
    "ever new objects": Structured,
    "enum without value": lambda: BrokenEnum.ONE,
    "dataclass with a broken field": BrokenField,
    "cyclic list": cycle,
    "cyclic dict": lambda: cycle(dict),
    "shared lists": shared,
    "shared dicts": lambda: shared(kind=dict),
    "deep list": lambda: deep(100_000),
    "deep dict": lambda: deep(5_000, dict),
    "unfinished UUID": partial_uuid,
    "released view": released_view,
    "huge integer": lambda: 10**10000,
    "huge negative integer": lambda: -(10**10000),
    "signalling NaN": lambda: decimal.Decimal("sNaN"),
    "lone surrogate": lambda: "\ud800",
    "broken tuple names": lambda: type("Odd", (tuple,), {"_fields": 5})((1, 2)),
    "namespace": lambda: types.SimpleNamespace(a=Repr()),
}


class Named(typing.NamedTuple):
    """Stands for one of `VALUES` where hypothesis must not touch it."""

    name: str


def made(value):
    """*value* with the hostile objects that `Named` stands for."""
    if type(value) is Named:
        return VALUES[value.name]()
    if type(value) is dict:
        return {key: made(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(made, value))
    return value


#: Any value that a log call could be given.
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.binary(max_size=10)
    | st.decimals()
    | st.datetimes()
    | st.sampled_from(sorted(VALUES)).map(Named),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.dictionaries(
            st.text(st.characters(), max_size=5) | st.integers() | st.none() | st.binary(),
            inner,
            max_size=5,
        )
    ),
    max_leaves=10,
)
