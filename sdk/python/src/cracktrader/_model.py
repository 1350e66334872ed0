"""What the typed models share: made from JSON, and forgiving towards newer servers.

A field this version does not know stays in `raw`; a word an enum does not list
is that word; a field that is missing is None.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, ClassVar, Generic, Self, TypeVar

T = TypeVar("T")
Converter = Callable[[Any], Any]
MOST_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One JSON object of the API.  `raw`: as it came, with what this version does not know."""

    WIRE_NAMES: ClassVar[Mapping[str, str]] = {}
    """Names in JSON of the fields that have another in Python."""

    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Raises TypeError where `data` is no object."""
        if not isinstance(data, Mapping):
            raise TypeError(f"{cls.__name__} is made of an object, not of {type(data).__name__}")
        known: Any = cls
        values = {name: convert(data.get(wire)) for name, wire, convert in _converters(known)}
        return cls(**values, raw=data)

    def __repr__(self) -> str:
        """Long lists and objects are counted, not shown."""
        shown = (
            f"{f.name}={_brief(getattr(self, f.name))}" for f in fields(self) if f.name != "raw"
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    def to_dict(self) -> dict[str, Any]:
        """The JSON it was made of, unknown fields included; a copy."""
        return deepcopy(dict(self.raw))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Listing(Model, Generic[T]):
    """A model that is mainly one list: it can be iterated, counted and indexed itself."""

    ROWS: ClassVar[str] = ""

    @property
    def _rows(self) -> list[T]:
        return getattr(self, self.ROWS) or []

    def __iter__(self) -> Iterator[T]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> T:
        return self._rows[index]

    def __bool__(self) -> bool:
        return True


@cache
def _converters(cls: Any) -> tuple[tuple[str, str, Converter], ...]:
    """(field, name in JSON, converter) of each field."""
    hints = typing.get_type_hints(cls)
    return tuple(
        (f.name, cls.WIRE_NAMES.get(f.name, f.name), _converter(hints[f.name]))
        for f in fields(cls)
        if f.name != "raw"
    )


def _converter(hint: Any) -> Converter:
    """Turns JSON of a type into Python; what is not of that type stays as it is."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        several = [_converter(arg) for arg in args if arg is not NoneType]
        telling = [converter for converter in several if converter is not _as_it_is]
        return telling[0] if len(telling) == 1 else _as_it_is
    if origin is list:
        return _list_of(_converter(args[0]))
    if origin is dict:
        return _dict_of(_converter(args[1]))
    if hint is datetime:
        return _moment
    if isinstance(hint, type) and issubclass(hint, Model):
        return _model(hint)
    return _as_it_is


def _brief(value: Any) -> str:
    if isinstance(value, list) and len(value) > MOST_SHOWN:
        return f"<{len(value)} of {type(value[0]).__name__}>"
    if isinstance(value, Mapping) and len(value) > MOST_SHOWN:
        return f"<{len(value)} entries>"
    if isinstance(value, str) and len(value) > 200:
        return f"<{len(value)} characters>"
    return repr(value)


def _as_it_is(value: Any) -> Any:
    return value


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return value


def _model(cls: type[Model]) -> Converter:
    return lambda value: cls.from_dict(value) if isinstance(value, Mapping) else value


def _list_of(one: Converter) -> Converter:
    if one is _as_it_is:
        return one
    return lambda value: [one(item) for item in value] if isinstance(value, list) else value


def _dict_of(one: Converter) -> Converter:
    if one is _as_it_is:
        return one

    def convert(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: one(item) for name, item in value.items()}

    return convert
