"""Named principals, and the means to run operations of the incident room as each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from incident_room import domain, schema
from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword.auth.accounts.accounts import add_account
from watchword.config.settings import Settings
from watchword.connections.directory import Directory
from watchword.context import Context, Services
from watchword.errors import WatchwordError
from watchword.events.bus.memory import MemoryBus
from watchword.events.event import Event
from watchword.events.hub import Hub
from watchword.events.known import Known
from watchword.events.log.event_log import EventLog
from watchword.principal import ANONYMOUS, FIRST_PARTY, Grants, Principal
from watchword.process.background import Background
from watchword.storage.database import Database
from watchword.throttling.attempts import Attempts
from watchword.throttling.budgets import Budgets, Rates

ROLES = ("viewer", "responder", "commander", "admin")
# In addition to the roles: anonymous, a machine that only reads, and a responder with fewer scopes.
NAMES = ("anonymous", *ROLES, "machine", "narrow")
SEES_INTERNAL = {"responder", "commander", "admin"}
RESPONDS = {"responder", "commander", "admin", "narrow"}


@dataclass
class Room:
    """The incident room on a database, with an account for each role."""

    services: Services
    principals: dict[str, Principal]
    events: list[Event]

    def context(self, name: str) -> Context:
        return Context(self.services, self.principals[name])

    async def ask(self, name: str, query: str, **variables: Any) -> Any:
        """Run an operation as a named principal; return its result."""
        return await schema.execute(query, variables, self.context(name))

    async def data(self, name: str, query: str, **variables: Any) -> Any:
        """Return the data of an operation that must not fail."""
        result = await self.ask(name, query, **variables)
        assert result.errors is None, result.errors
        return result.data

    async def code(self, name: str, query: str, **variables: Any) -> str:
        """Return the code of the one error of an operation."""
        return str((await self.refusal(name, query, **variables)).extensions["code"])

    async def refusal(self, name: str, query: str, **variables: Any) -> WatchwordError:
        """Return the one error of an operation."""
        result = await self.ask(name, query, **variables)
        assert result.errors is not None, result.data
        [error] = result.errors
        cause = error.original_error
        assert isinstance(cause, WatchwordError), error
        return cause


async def open_room(database: Database, clock: MovedClock) -> Room:
    """Fill a database with an account for each role."""
    services, events = await open_services(database, clock)
    principals = {"anonymous": ANONYMOUS}
    async with unit_of(database, clock.now()) as unit:
        for role in ROLES:
            account = await add_account(
                unit,
                email=f"{role}@example.com",
                name=role.title(),
                roles=[role],
                hash="of a password",
            )
            principals[role] = _principal(account.id, role, clock.now())
    read = frozenset({"incidents:read"})
    principals["machine"] = Principal("machine", Grants(scopes=read))
    scopes = frozenset({"incidents:read", "incidents:write"})
    responder = principals["responder"].subject
    principals["narrow"] = Principal(responder, Grants(frozenset({"responder"}), scopes))
    return Room(services, principals, events)


async def open_services(
    database: Database, clock: MovedClock, mailbox_limit: int = 100
) -> tuple[Services, list[Event]]:
    """Make services around a database; return them with a list that receives the bus's events."""
    event_log, bus = EventLog(database, Known(clock.now, look_seconds=1)), MemoryBus()
    events: list[Event] = []
    background = Background(clock)
    database.publishing = domain.publishing(is_enforced=True)
    hub = Hub(event_log, bus, background, mailbox_limit, look_seconds=1)

    def receive(event: Event) -> None:
        events.append(event)
        hub.receive(event)

    await event_log.open()
    await bus.open(receive)
    settings = Settings(_env_file=None, encryption_keys=(ENCRYPTION_KEY,))
    attempts = Attempts(settings.bus_url)
    directory = Directory(database, bus, hub, clock, background, look_seconds=1)
    services = Services(
        database,
        event_log,
        bus,
        hub,
        clock,
        background,
        domain,
        settings,
        VAULT,
        attempts,
        directory,
        Budgets(Rates(), attempts, clock, background),
    )
    return services, events


def _principal(subject: str, role: str, now: float) -> Principal:
    roles = frozenset({role})
    grants = Grants(roles, domain.scopes(roles))
    return Principal(subject, grants, client=FIRST_PARTY, session="s", authenticated_at=now)
