"""A live connection as the server lists it: a WebSocket or a streamed response. Pure values and one protocol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, Self

from watchword.errors import Ending
from watchword.principal import Principal


class Transport(StrEnum):
    """How a connection carries its answers."""

    WEBSOCKET = "WEBSOCKET"
    EVENT_STREAM = "EVENT_STREAM"
    MULTIPART = "MULTIPART"


class Subscribed(NamedTuple):
    """An open subscription: the name of its operation, if it has one, and how many events it is behind."""

    operation: str | None
    behind: int


class LiveConnection(Protocol):
    """A WebSocket or a streamed response."""

    @property
    def principal(self) -> Principal | None:
        """The principal that uses it; None before it has authenticated."""

    @property
    def session(self) -> str | None:
        """The session of its principal; None for an anonymous one, and before it has one."""

    @property
    def address(self) -> str:
        """The network address of its client."""

    @property
    def transport(self) -> Transport: ...

    @property
    def opened_at(self) -> float:
        """When it was opened, in Unix seconds."""

    @property
    def ends_at(self) -> float:
        """When it ends unless it is renewed, in Unix seconds; infinite if nothing ends it."""

    @property
    def subscriptions(self) -> Iterable[Subscribed]: ...

    @property
    def unsent_bytes(self) -> int:
        """How many bytes were written and wait for the client to read."""

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is being answered or sent: each subscription waits for an event that has not happened."""

    @property
    def is_sent(self) -> bool:
        """Whether the client has been sent everything that was written."""

    def end(self, ending: Ending) -> None:
        """End it, and tell the client why."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What is known of a live connection at one moment. `subject` is empty for an anonymous one.

    `places` are those at which it is present. A process of an earlier release does not tell them.
    """

    id: str
    subject: str
    session: str | None
    client: str | None
    address: str
    transport: Transport
    opened_at: float
    ends_at: float | None
    subscriptions: tuple[Subscribed, ...]
    unsent_bytes: int
    places: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[float, str]:
        """Its place in lists, which are ordered by age."""
        return self.opened_at, self.id

    @classmethod
    def read(cls, values: dict[str, Any]) -> Self:
        """Return what another process has written as JSON. A process of another release may have written more or less."""
        known = {each.name: values[each.name] for each in fields(cls) if each.name in values}
        known["places"] = tuple(known.get("places", ()))
        known["subscriptions"] = tuple(Subscribed(*each[:2]) for each in known["subscriptions"])
        known["transport"] = Transport(known["transport"])
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which connections are asked for: at most `first`, the newest first, that are older than the one `before`.

    `subject` restricts them to one account or client, and `id` to one connection.
    """

    first: int
    before: tuple[float, str] | None = None
    subject: str | None = None
    id: str | None = None

    @classmethod
    def read(cls, values: dict[str, Any]) -> Self:
        """Return what another process has written as JSON. A process of a later release may have written more."""
        known = {each.name: values[each.name] for each in fields(cls)}
        if (before := known["before"]) is not None:
            known["before"] = (before[0], before[1])
        return cls(**known)


class Page(NamedTuple):
    """The first connections that are wanted, the newest first, and how many there are without regard to `before`."""

    found: list[Listed]
    total: int
