"""Global ids (Relay, "Global Object Identification"): opaque, with the name of the type inside."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Sequence
from functools import lru_cache

import strawberry

from watchword.errors import BadUserInput

LONGEST = 200
# The ids that were made last are kept, if their keys are not longer than an id may be: lists show the same objects
# again and again.
MOST_KEPT = 4_096
_URLSAFE = bytes.maketrans(b"+/", b"-_")


def encode_id(type_name: str, key: str) -> strawberry.ID:
    """Return the global id of an object."""
    is_usual = type(key) is str and len(key) <= LONGEST
    return (_kept if is_usual else _encoded)(type_name, key)


def _encoded(type_name: str, key: str) -> strawberry.ID:
    encoded = b2a_base64(f"{type_name}:{key}".encode(), newline=False)
    return strawberry.ID(encoded.translate(_URLSAFE).decode())


_kept = lru_cache(MOST_KEPT)(_encoded)


def parse_id(id: str, path: Sequence[str | int] = ("id",)) -> tuple[str, str]:
    """Return the name of the type and the key. Raises `BadUserInput` unless `encode_id` made the id."""
    try:
        if len(id) > LONGEST:
            raise ValueError
        type_name, separator, key = urlsafe_b64decode(id).decode().partition(":")
        if not separator or not key or "\x00" in key or _encoded(type_name, key) != id:
            raise ValueError
    except ValueError:
        raise BadUserInput("This is no id of ours: pass ids on as they came.", path) from None
    return type_name, key


def decode_id(id: str, type_name: str, path: Sequence[str | int] = ("id",)) -> str:
    """Return the key in an id of this type. Raises `BadUserInput` when the id is of another type."""
    found, key = parse_id(id, path)
    if found != type_name:
        raise BadUserInput(f"This is the id of something else, not of {type_name}.", path)
    return key
