"""Cursors: signed, opaque places in a stream. Only the server can make them. Pure."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from watchword.errors import BadUserInput, CursorExpired
from watchword.events.event import Place

# A stream's name has at most 100 characters and a key 200; UTF-8 and base64 make at most 1,600 of them.
LONGEST = 2_000
MAC_BYTES = 16
# The largest number that a column of positions can hold, and a driver takes.
LAST_POSITION = 2**63 - 1
# The most cursors that are kept after they were written.
MOST_CACHED = 256
# The members of a request that hold cursors.
RESUME, AFTER = ["extensions", "resume"], ["extensions", "after"]


class Named(NamedTuple):
    """A cursor that was read without knowing what it is for: its stream, its key in it, and its place."""

    stream: str
    key: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Cursors:
    """Writes and reads the cursors of one event log.

    `epoch` identifies the log, so that a cursor from another database is refused and not misread. `secret`
    signs the cursors, so that clients cannot forge them. A cursor is valid for one stream, or one key in it.
    """

    epoch: str
    secret: bytes = field(repr=False)

    def write(self, stream: str, key: str | None, place: Place, answers: int | None = None) -> str:
        """Return the cursor of a client that has every answer up to a place.

        `answers` is the number of answers that the client has to the event at that place, if more may
        follow; None if it has them all.
        """
        return _write(self.epoch, self.secret, stream, key, place, answers)

    def read(self, cursor: str, stream: str, key: str | None) -> tuple[Place, int | None]:
        """Return a cursor's place, and its number of answers as given to `write`.

        Raises `CursorExpired` for a cursor of another log or of a version of the server that wrote no marks, and
        `BadUserInput` for one of another subscription, or one that is malformed.
        """
        payload, signature = _parts(cursor, RESUME)
        rest = self._of_this_log(payload)
        if not hmac.compare_digest(signature, self.sign(payload, stream, key)):
            raise BadUserInput("The cursor is not one that this subscription was given.", RESUME)
        # Cursors of the last release do not name their stream and key.
        match rest:
            case [position, mark, answers] | [position, mark, answers, _]:
                return _place(position, mark), int(answers) if answers else None
        # Cursors of older versions have no mark, so nothing shows whether their event still exists.
        raise CursorExpired("The cursor is from an older version of the server. Fetch anew.")

    def read_named(self, cursor: str) -> Named:
        """Return the stream, the key and the place of a cursor.

        Raises `CursorExpired` for a cursor of another log or of a version of the server whose cursors did not
        name their stream, and `BadUserInput` for one that is malformed or not signed by this server.
        """
        payload, signature = _parts(cursor, AFTER)
        match self._of_this_log(payload):
            case [position, mark, _, name]:
                stream, key = _read_name(name)
                if not hmac.compare_digest(signature, self.sign(payload, stream, key)):
                    raise BadUserInput("The cursor is not one that this server gave.", AFTER)
                return Named(stream, key, _place(position, mark))
        raise CursorExpired("The cursor is from an older version of the server. Fetch anew.")

    def _of_this_log(self, payload: str) -> list[str]:
        # The name of the stream and the key comes last, because it may contain colons.
        epoch, *rest = payload.split(":", 4)
        if epoch != self.epoch:
            raise CursorExpired("The cursor is from another database. Fetch anew.")
        return rest

    def sign(self, payload: str, stream: str, key: str | None) -> bytes:
        """Return the signature of a payload for a stream and a key."""
        return _sign(self.secret, payload, stream, key)


def _place(position: str, mark: str) -> Place:
    if (number := int(position)) > LAST_POSITION:
        raise CursorExpired("The cursor is of an event that the log does not have. Fetch anew.")
    return Place(number, mark)


def _sign(secret: bytes, payload: str, stream: str, key: str | None) -> bytes:
    # The separator and "=" make this unambiguous: no other payload, stream and key give the same message.
    message = "\0".join((payload, stream, "" if key is None else f"={key}")).encode()
    return hmac.digest(secret, message, "sha256")[:MAC_BYTES]


def _name(stream: str, key: str | None) -> str:
    return f"{len(stream)}:{stream}" if key is None else f"{len(stream)}:{stream}={key}"


def _read_name(name: str) -> tuple[str, str | None]:
    digits, _, both = name.partition(":")
    length = int(digits) if digits.isdecimal() else 0
    stream, key = both[:length], both[length:]
    return stream, key[1:] if key else None


def _parts(cursor: str, path: Sequence[str | int]) -> tuple[str, bytes]:
    try:
        if len(cursor) > LONGEST:
            raise ValueError("too long")
        payload, signature = cursor.split(".")
        return _decode(payload).decode(), _decode(signature)
    except ValueError:
        raise BadUserInput("This is no cursor.", path) from None


# All subscribers that have an execution of their own get the same cursor with an event. The key consists of strings
# and bytes, which keep their hashes, so a lookup costs less than the hash of a `Cursors` would.
@lru_cache(MOST_CACHED)
def _write(
    epoch: str, secret: bytes, stream: str, key: str | None, place: Place, answers: int | None
) -> str:
    count = "" if answers is None else answers
    payload = f"{epoch}:{place.position}:{place.mark}:{count}:{_name(stream, key)}"
    return f"{_encode(payload.encode())}.{_encode(_sign(secret, payload, stream, key))}"


def _encode(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    decoded = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if _encode(decoded) != text:
        raise ValueError("not canonical")
    return decoded
