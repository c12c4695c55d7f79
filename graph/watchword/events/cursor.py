"""Cursors: signed, opaque places in a stream. Only the server can make them. Pure."""

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
        count = "" if answers is None else answers
        payload = f"{self.epoch}:{place.position}:{place.mark}:{count}"
        return f"{_encode(payload.encode())}.{_encode(self._sign(payload, stream, key))}"

    def read(self, cursor: str, stream: str, key: str | None) -> tuple[Place, int | None]:
        """Return a cursor's place, and its number of answers as given to `write`.

        Raises `CursorExpired` for a cursor of another log or of an older version of the server, and
        `BadUserInput` for one of another subscription, or one that is malformed.
        """
        payload, signature = _parts(cursor)
        epoch, *rest = payload.split(":")
        if epoch != self.epoch:
            raise CursorExpired("The cursor is from another database. Fetch anew.")
        if not hmac.compare_digest(signature, self._sign(payload, stream, key)):
            raise BadUserInput(
                "The cursor is not one that this subscription was given.", ["extensions", "resume"]
            )
        match rest:
            case [position, mark, answers]:
                return Place(int(position), mark), int(answers) if answers else None
        # Cursors of older versions have no mark, so nothing shows whether their event still exists.
        raise CursorExpired("The cursor is from an older version of the server. Fetch anew.")

    def _sign(self, payload: str, stream: str, key: str | None) -> bytes:
        # The separator and "=" make this unambiguous: no other payload, stream and key give the same message.
        message = "\0".join((payload, stream, "" if key is None else f"={key}")).encode()
        return hmac.digest(self.secret, message, "sha256")[:MAC_BYTES]


def _parts(cursor: str) -> tuple[str, bytes]:
    try:
        if len(cursor) > LONGEST:
            raise ValueError("too long")
        payload, signature = cursor.split(".")
        return _decode(payload).decode(), _decode(signature)
    except ValueError:
        raise BadUserInput("This is no cursor.", ["extensions", "resume"]) from None


def _encode(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    decoded = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if _encode(decoded) != text:
        raise ValueError("not canonical")
    return decoded
