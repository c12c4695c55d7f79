"""Cursors: opaque places in a stream that only the log itself can make. Pure."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field

from watchword.errors import BadUserInput, CursorExpired
from watchword.events.event import Place

LONGEST = 200
MAC_BYTES = 16


@dataclass(frozen=True, slots=True)
class Cursors:
    """Writes and reads the cursors of one log.

    `epoch` names the log, so that a cursor from another database is refused and not misread;
    `secret` signs, so that nobody makes one up. A cursor is good for one stream, and one key in it.
    """

    epoch: str
    secret: bytes = field(repr=False)

    def write(self, stream: str, key: str | None, place: Place, answered: int | None = None) -> str:
        """Return the cursor of a subscriber that has seen everything up to a place.

        `answered` is how many answers to the event there it has seen, when more may follow; None when
        the event is done.
        """
        count = "" if answered is None else answered
        told = f"{self.epoch}:{place.position}:{place.mark}:{count}"
        return f"{_encode(told.encode())}.{_encode(self._sign(told, stream, key))}"

    def read(self, cursor: str, stream: str, key: str | None) -> tuple[Place, int | None]:
        """Return the place that a cursor names, and how many answers there have been seen.

        Raises `CursorExpired` for a cursor of another log or of an older version, and `BadUserInput`
        for one that is of another subscription, or is none.
        """
        told, signature = _parts(cursor)
        epoch, *rest = told.split(":")
        if epoch != self.epoch:
            raise CursorExpired("The cursor is from another database. Fetch anew.")
        if not hmac.compare_digest(signature, self._sign(told, stream, key)):
            raise BadUserInput(
                "The cursor is not one that this subscription was given.", ["extensions", "resume"]
            )
        match rest:
            case [position, mark, answered]:
                return Place(int(position), mark), int(answered) if answered else None
        # Without a mark nobody can tell whether it is of this log's past or of one that was lost.
        raise CursorExpired("The cursor is from an older version of the server. Fetch anew.")

    def _sign(self, told: str, stream: str, key: str | None) -> bytes:
        # What follows which stream and key cannot be told apart from another that looks alike.
        message = "\0".join((told, stream, "" if key is None else f"={key}")).encode()
        return hmac.digest(self.secret, message, "sha256")[:MAC_BYTES]


def _parts(cursor: str) -> tuple[str, bytes]:
    try:
        if len(cursor) > LONGEST:
            raise ValueError("too long")
        told, signature = cursor.split(".")
        return _decode(told).decode(), _decode(signature)
    except ValueError:
        raise BadUserInput("This is no cursor.", ["extensions", "resume"]) from None


def _encode(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    decoded = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if _encode(decoded) != text:
        raise ValueError("not canonical")
    return decoded
