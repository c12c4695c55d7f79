"""Decides whether a caller is beyond a limit of the table (`config/limits.py`), and what it is told then.

Every transport asks here; none reads the setting of a limit. A number that a timer, a buffer or the server itself
enforces is asked for with `most`. What documents ask for is measured in `execution/limits.py`, which asks here too.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from watchword.config.limits import BAD, COMPLEX, LIMITED, TABLE, TOO_LARGE
from watchword.config.settings import Settings
from watchword.errors import BadUserInput, RateLimited, TooComplex, TooLarge, WatchwordError
from watchword.throttling.admission import RETRY_AFTER, Bounds, DocumentQuota, Pace, Quota

_LIMITS = {limit.name: limit for limit in TABLE}
# What a caller is told that is beyond a limit, if the limit's kind does not say enough.
_SENTENCES = {
    "cost": "The {subject} costs {found}; {most} is allowed. Ask for fewer items at once, or split it.",
    "batch": "Too many operations: a batch may have {most}. Split it.",
    "upload_files": "The request has {found} files; {most} are allowed.",
    "kept_bytes": "{subject} may take {most} bytes.",
    "operations": "{most} operations are open on this connection, and no more may be.",
    "connections_per_principal": "Too many connections are open for this principal. End some, or come back later.",
}
_OF_A_KIND = {
    COMPLEX: "The {subject} has {found} {counted}; {most} are allowed. Split it.",
    TOO_LARGE: "{subject} is larger than {most} bytes.",
}
# Seconds after which to try again, where other operations of the same connection end sooner than connections.
_RETRY_AFTER = {"operations": 1}


def refusal(name: str, found: float, most: float, subject: str = "") -> WatchwordError:
    """Return what a caller is told that has `found` of what a limit allows at most.

    `subject` names what is too large: "The body", "operation".
    """
    limit = _LIMITS[name]
    sentence = _SENTENCES.get(name) or _OF_A_KIND[limit.answer]
    number = ceil(found)
    said = sentence.format(subject=subject, found=number, counted=limit.counted, most=most)
    match limit.answer:
        case answer if answer == COMPLEX:
            return TooComplex(said, number, int(most))
        case answer if answer == LIMITED:
            return RateLimited(said, _RETRY_AFTER.get(name, RETRY_AFTER))
        case answer if answer == BAD:
            return BadUserInput(said)
    return TooLarge(said)


def most(settings: Settings, name: str) -> Any:
    """Return the most that a limit allows with these settings, in what it counts: bytes, seconds, messages."""
    return _LIMITS[name].value(settings)


class Ceiling:
    """The limits that are set."""

    __slots__ = ("_settings",)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def most(self, name: str) -> int:
        """Return the most that a limit allows, in what it counts: bytes, seconds, messages."""
        return most(self._settings, name)  # type: ignore[no-any-return]

    def check(self, name: str, found: float, subject: str = "", most: int | None = None) -> None:
        """Raise what `refusal` returns if there is more than a limit allows. `most` is for a schema that allows more."""
        most = self.most(name) if most is None else most
        if found > most:
            raise refusal(name, found, most, subject)

    def refusal(self, name: str, subject: str) -> WatchwordError:
        """Return what to tell a caller whose body is too large to be read to its end."""
        most = self.most(name)
        return refusal(name, most + 1, most, subject)

    def connections(self) -> Quota:
        """Make the quota of connections, which all transports share."""
        return Quota("connections", Bounds(self.most("connections_per_address")))

    def operations(self) -> Quota:
        """Make the quota of operations, which all transports share."""
        names = ("operations_per_address", "operations_per_principal", "operations_per_process")
        return Quota("operations", Bounds(*map(self.most, names)))

    def subscribed(self) -> DocumentQuota:
        """Make the quota of the documents of open subscriptions, which all transports share."""
        names = ("subscribed_per_address", "subscribed_per_process")
        address, process = map(self.most, names)
        return DocumentQuota(Bounds(address, process=process))

    def uploads(self) -> Quota:
        """Make the quota of requests with files."""
        most = Bounds(self.most("uploads_per_address"), process=self.most("uploads_per_process"))
        return Quota("requests with files", most)

    def pace(self) -> Pace:
        """Make what limits the messages of one connection."""
        return Pace(self.most("messages_per_second"))
