"""JSON into records, by the types that the records say. Does no I/O, and knows no record by name.

What a record has no field for is kept in its ``extra``, so that a newer server is no error. What it needs and does not get, or gets
as something else, is an ``AnswerError`` that names the field.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import sys
import typing
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import AnswerError

T = TypeVar("T")

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform

    @dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
    def record(cls: type[T]) -> type[T]: ...

else:
    # Python 3.9 has frozen classes, but none with slots.
    _slots = {"slots": True} if sys.version_info >= (3, 10) else {}
    record = dataclasses.dataclass(frozen=True, **_slots)


def read(kind: type[T], value: object, where: str = "the answer") -> T:
    """A record out of a JSON object."""
    if not isinstance(value, dict):
        raise AnswerError(f"{where} is {_name(value)}, not an object")
    hints = _hints(typing.cast(Any, kind))
    taken: dict[str, Any] = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name == "extra":
            continue
        if field.name in value:
            taken[field.name] = _value(hints[field.name], value[field.name], f"`{field.name}` of {where}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise AnswerError(f"{where} has no `{field.name}`")
    if "extra" in hints:
        taken["extra"] = {name: one for name, one in value.items() if name not in hints}
    return kind(**taken)


def read_list(kind: type[T], value: object, where: str = "the answer") -> list[T]:
    """Records out of a JSON array."""
    if not isinstance(value, list):
        raise AnswerError(f"{where} is {_name(value)}, not a list")
    return [read(kind, one, f"a part of {where}") for one in value]


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union:
        if value is None and type(None) in args:
            return None
        inner = [one for one in args if one is not type(None)]
        if len(inner) == 1:
            return _value(inner[0], value, where)
        return _leaf(tuple(inner), value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise AnswerError(f"{where} is {_name(value)}, not a list")
        if args[-1] is Ellipsis:
            return tuple(_value(args[0], one, where) for one in value)
        if len(value) != len(args):
            raise AnswerError(f"{where} has {len(value)} parts, not {len(args)}")
        return tuple(_value(one, part, where) for one, part in zip(args, value))
    if origin is collections.abc.Mapping:
        if not isinstance(value, dict):
            raise AnswerError(f"{where} is {_name(value)}, not an object")
        return {key: _value(args[1], one, where) for key, one in value.items()}
    if dataclasses.is_dataclass(hint):
        return read(typing.cast(type, hint), value, where)
    return value if hint is Any else _leaf((hint,), value, where)


def _leaf(kinds: tuple[type, ...], value: Any, where: str) -> Any:
    # To Python True is a number; to JSON it is none. And 1 is as good as 1.0 there.
    if isinstance(value, bool) and bool not in kinds:
        raise AnswerError(f"{where} is a boolean, not {_expected(kinds)}")
    if isinstance(value, kinds):
        return value
    if float in kinds and isinstance(value, int):
        return float(value)
    raise AnswerError(f"{where} is {_name(value)}, not {_expected(kinds)}")


def _expected(kinds: tuple[type, ...]) -> str:
    return " or ".join(kind.__name__ for kind in kinds)


def _name(value: object) -> str:
    return "null" if value is None else f"of type {type(value).__name__}"
