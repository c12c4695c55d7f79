"""JSON objects that cannot be changed, and that can be keys: the custom claims of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import orjson

from watchword.formats.exact_json import Unwritable, writable

# Levels of lists and objects in one another. Freezing calls itself for each.
DEEPEST = 8


class FrozenObject(Mapping[str, Any]):
    """A JSON object with members that cannot change. Its lists are tuples, and its objects are frozen too.

    Two are equal if their JSON is: true is not 1. Raises `Unwritable` for what JSON cannot represent exactly, and
    for more than eight levels.
    """

    __slots__ = ("_hash", "_members", "_text")

    _hash: int
    _members: dict[str, Any]
    _text: bytes

    def __init__(self, members: Mapping[str, Any] | None = None) -> None:
        plain = _plain(members or {}, DEEPEST)
        text = orjson.dumps(writable(plain), option=orjson.OPT_SORT_KEYS)
        object.__setattr__(self, "_members", {name: _frozen(each) for name, each in plain.items()})
        object.__setattr__(self, "_text", text)
        object.__setattr__(self, "_hash", hash(text))

    @property
    def text(self) -> bytes:
        """Its JSON, with its members in the order of their names."""
        return self._text

    @property
    def size(self) -> int:
        """The length of its JSON in bytes."""
        return len(self._text)

    def only(self, names: frozenset[str]) -> FrozenObject:
        """Return an object of these members, as far as this one has them."""
        found = {name: self[name] for name in names if name in self._members}
        return FrozenObject(found) if found else EMPTY

    def __getitem__(self, name: str) -> Any:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FrozenObject):
            return self.text == other.text
        return NotImplemented if not isinstance(other, Mapping) else _is_same(self, other)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"FrozenObject({self._text.decode()})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("A frozen object cannot be changed.")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("A frozen object cannot be changed.")

    def __reduce__(self) -> tuple[type[FrozenObject], tuple[dict[str, Any]]]:
        return FrozenObject, (orjson.loads(self._text),)


def _is_same(frozen: FrozenObject, other: Mapping[Any, Any]) -> bool:
    try:
        return frozen == FrozenObject(other)
    except Unwritable:
        return False


def _plain(value: Any, levels: int) -> Any:
    """Return a copy of a value in which every object is a dict, and every list a list."""
    if not isinstance(value, Mapping | list | tuple):
        return value
    if levels == 0:
        raise Unwritable(f"It has more than {DEEPEST} levels.")
    if isinstance(value, Mapping):
        return {name: _plain(each, levels - 1) for name, each in value.items()}
    return [_plain(each, levels - 1) for each in value]


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return FrozenObject(value)
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return value


EMPTY = FrozenObject()
