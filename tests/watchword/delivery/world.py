"""A model of many subscribers, which says what each of them must have received.

A subscriber must receive every answer to every event that was committed while its lease was valid and its
grants allowed it, and then the end of its resolver. Anything that can happen to a subscriber can be made to
happen at any moment of an execution: clients disconnect and come back with their cursor, do not read, and get
other grants; resolvers answer more than once, pause, end and fail. The clock is moved by hand.
"""

from __future__ import annotations

import asyncio
import random
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

from tests.support.clock import MovedClock
from tests.support.outlet import Reading
from tests.support.toy_schema import ONCE, SCRIPTS, STREAM, Script, unset, whisper
from tests.support.toy_server import until
from watchword.asgi.backlog import BacklogLimits
from watchword.delivery.lease import Lease, narrowed
from watchword.delivery.run import Operation
from watchword.delivery.states import Grouped
from watchword.delivery.subscription import Subscription
from watchword.errors import Ending
from watchword.events.event import PRESENT, Event
from watchword.principal import Grants, Principal
from watchword.transaction import transaction
from watchword.transports.pipeline import Pipeline

KEEPER = Grants(frozenset({"keeper"}), frozenset({"toys:price"}))
CHILD = Grants(frozenset({"child"}))
QUERY = "subscription { since }"
GUARDED = "subscription { guarded { id price } }"
PERSONAL = 'subscription { mine(ask: "some") { key owner } }'
SCRIPTED = "subscription { scripted }"
NOW = "subscription { scripted(present: true) }"
WHISPERED = "subscription { whispered }"
QUERIES = (QUERY, GUARDED, PERSONAL, SCRIPTED, SCRIPTED, NOW, WHISPERED)
KINDS = {"plain": 60, "secret": 10, "never": 3, "thrice": 10, "slowly": 10} | dict.fromkeys(
    ("ends", "leaves", "fails", "crashes"), 1
)
PRESENT_LINES = [f"now/{number}" for number in range(SCRIPTS[PRESENT].answers)]
LIFE = 100.0
LIMITS = BacklogLimits(writes=10, size=10_000, seconds=LIFE / 2)


@dataclass(eq=False)
class Subscriber:
    """A subscriber, and the answers that the model expects it to receive.

    `end` is how its resolver has ended: None while it has not, else the code of its error, or "". `is_refused`
    says that its grants do not allow the subscription any more, and `is_away` that its client is disconnected.
    """

    name: str
    query: str
    lease: Lease = field(init=False)
    outlet: Reading = field(init=False)
    subscription: Subscription = field(init=False)
    expected: list[str] = field(default_factory=list)
    is_refused: bool = False
    is_away: bool = False
    end: str | None = None

    def ended(self, ending: Ending) -> None:
        self.subscription.stop()

    def reminded(self) -> None:
        pass

    def regranted(self) -> None:
        self.subscription.regrant()

    @property
    def has_begun(self) -> bool:
        """Tell whether it receives events that happen from now on, by itself or in a group."""
        subscription = self.subscription
        has_answers = self.query == NOW and self.outlet.seen
        is_grouped = isinstance(subscription.state, Grouped)
        is_idle = subscription.idle_at is not None
        return bool(has_answers or self.outlet.is_complete or is_grouped or is_idle)

    @property
    def values(self) -> list[Any]:
        """The value of the one field of each answer that it received."""
        return [next(iter((answer["data"] or {"": None}).values())) for answer in self.outlet.seen]

    @property
    def seen(self) -> list[str]:
        """What it received about events, without the present state."""
        match self.query:
            case "subscription { since }":
                return [str(value).removeprefix("made ") for value in self.values]
            case "subscription { whispered }":
                return [value.split()[0] for value in self.values]
            case "subscription { scripted }" | "subscription { scripted(present: true) }":
                return [value for value in self.values if value not in PRESENT_LINES]
        return [value.get("id") or value.get("key") for value in self.values]

    @property
    def present(self) -> list[str]:
        """What it received before the first event."""
        values = self.values
        first = next((at for at, line in enumerate(values) if line not in PRESENT_LINES), None)
        return values[:first]

    @property
    def cursor(self) -> str | None:
        """The cursor of the last answer that it received."""
        return self.outlet.seen[-1]["extensions"]["cursor"] if self.outlet.seen else None

    @property
    def codes(self) -> list[str]:
        """The codes of the errors that ended it."""
        return [error["extensions"]["code"] for error in self.outlet.errors]

    @property
    def is_allowed(self) -> bool:
        is_guarded = self.query == GUARDED
        return not is_guarded or "keeper" in self.lease.principal.grants.roles

    @property
    def is_live(self) -> bool:
        """Tell whether it must receive everything: only its resolver may have ended it."""
        return self.lease.ending is None and not self.is_refused

    @property
    def lacks_answers(self) -> bool:
        """Tell whether it has not received everything yet that it must receive."""
        lacks = len(self.seen) < len(self.expected)
        is_open = self.end is not None and not self.outlet.is_complete
        lacks_present = self.query == NOW and self.present[-3:] != PRESENT_LINES
        return self.is_live and (lacks or is_open or lacks_present)

    def expect(self, key: str) -> None:
        """Expect the answers to an event."""
        if self.end is not None or self.is_refused:
            return
        if self.query not in (SCRIPTED, NOW):
            self.expected.append(key)
            return
        script = script_of(key)
        self.expected += [f"{key}/{number}" for number in range(script.answers)]
        if script.ends or script.error is not None:
            self.end = getattr(script.error, "code", "INTERNAL") if script.error else ""


def script_of(key: str) -> Script:
    return SCRIPTS.get(key.rstrip("0123456789"), ONCE)


class World:
    """A pipeline, a clock, and all subscribers."""

    def __init__(self, pipeline: Pipeline, clock: MovedClock, dice: random.Random) -> None:
        self.pipeline, self.clock, self.dice = pipeline, clock, dice
        self.subscribers: list[Subscriber] = []
        self.count = 0

    async def arrive(self, query: str | None = None) -> Subscriber:
        """Add a subscriber, and wait until it receives events. Without `query`, to any of them."""
        query = query or self.dice.choice(QUERIES)
        made = Subscriber(f"p{len(self.subscribers)}", query)
        principal = Principal(
            made.name, KEEPER, session="s", expires_at=self.clock.now() + LIFE, version=1
        )
        made.lease = Lease(self.clock, principal, made)
        made.outlet = Reading(self.clock, LIMITS, lambda: made.lease.end(Ending.SLOW))
        self.subscribe(made)
        await until(lambda: made.has_begun)
        self.subscribers.append(made)
        return made

    async def arrive_together(self, count: int, query: str) -> list[Subscriber]:
        """Add subscribers to the same query, and wait until one group has them all."""
        made = [await self.arrive(query) for _ in range(count)]
        if count > 1:
            await until(lambda: self.pipeline.groups.sizes == [count])
        return made

    def subscribe(self, subscriber: Subscriber, cursor: str | None = None) -> None:
        """Subscribe in a request of its own, in which a middleware has set context variables."""
        operation = Operation(self.pipeline.engine.plan(subscriber.query, None), None)

        def request() -> None:
            whisper.set(subscriber.name)
            unset.set(subscriber.name)
            subscriber.subscription = Subscription(
                self.pipeline.groups, subscriber.lease, operation, subscriber.outlet, cursor
            )
            subscriber.subscription.start()

        copy_context().run(request)

    async def happen(self, key: str | None = None) -> None:
        """Commit an event with this key, and expect its answers. Without a key: one of any kind."""
        if key is None:
            self.count += 1
            [kind] = self.dice.choices(tuple(KINDS), tuple(KINDS.values()))
            key = f"{kind}{self.count}"
        services = self.pipeline.services
        live = [each for each in self.subscribers if each.lease.ending is None]
        async with transaction(services.database, services.bus, self.clock.now()) as unit:
            unit.publish(Event(STREAM, key, "made"))
        for each in live:
            each.is_refused = each.is_refused or not each.is_allowed
            each.expect(key)

    async def step(self) -> None:
        """Let one thing happen, and then a few turns of the event loop."""
        kinds = {
            "event": 50, "arrive": 6, "expire": 2, "revoke": 2, "narrow": 4, "renew": 8, "outdate": 2,
            "settle": 10, "disconnect": 8, "come back": 8, "stick": 4, "read": 4,
        }  # fmt: skip
        [kind] = self.dice.choices(tuple(kinds), tuple(kinds.values()))
        match kind:
            case "event":
                await self.happen()
            case "arrive":
                await self.arrive()
            case "expire":
                self.clock.move(LIFE / 4)
            case "settle":
                await self.settle()
            case "disconnect" | "come back" | "stick" | "read" if self.subscribers:
                self.disturb(kind, self.dice.choice(self.subscribers))
            case _ if self.subscribers:
                self.change(kind, self.dice.choice(self.subscribers))
        for _ in range(self.dice.randrange(4)):
            await asyncio.to_thread(lambda: None)

    def disturb(self, kind: str, subscriber: Subscriber) -> None:
        """Let a client disconnect, come back, stop reading, or read again."""
        is_open = subscriber.is_live and not subscriber.outlet.is_complete
        match kind:
            case "disconnect" if is_open and subscriber.cursor is not None:
                subscriber.is_away = True
                subscriber.subscription.stop()
            case "come back" if is_open and subscriber.is_away:
                subscriber.is_away = False
                self.subscribe(subscriber, subscriber.cursor)
            case "stick":
                subscriber.outlet.stick()
            case "read":
                subscriber.outlet.read()

    def change(self, kind: str, subscriber: Subscriber) -> None:
        """Change a lease at any moment: before, while or after an event is delivered."""
        lease = subscriber.lease
        match kind:
            case "revoke":
                lease.end(Ending.REVOKED)
            case "narrow":
                lease.narrow(narrowed(lease.principal, CHILD))
            case "outdate":
                lease.outdate(self.clock.now() + LIFE / 10)
            case "renew":
                # If a refused subscriber got its grants back before it was asked, it would not be refused.
                grants = (
                    CHILD if subscriber.is_refused else self.dice.choice((KEEPER, KEEPER, CHILD))
                )
                expires_at = self.clock.now() + LIFE
                lease.renew(
                    Principal(
                        subscriber.name, grants, session="s", expires_at=expires_at, version=1
                    )
                )
        if lease.ending is None and not subscriber.is_allowed:
            subscriber.is_refused = True

    async def settle(self) -> None:
        """Let all clients come back and read, and wait until each has what it must have."""
        for each in self.subscribers:
            self.disturb("read", each)
            self.disturb("come back", each)
        try:
            await until(lambda: not self.lacking)
        except TimeoutError:
            raise AssertionError(f"these wait in vain: {self.lacking}") from None

    @property
    def lacking(self) -> list[Subscriber]:
        return [each for each in self.subscribers if each.lacks_answers]

    def check(self) -> None:
        """Compare what each subscriber received with what it had to receive."""
        for each in self.subscribers:
            # When a lease ends, answers on their way may be lost, but none before them.
            owed = each.expected if each.is_live else each.expected[: len(each.seen)]
            assert each.seen == owed, each
            if each.end is not None and each.is_live:
                assert each.outlet.is_complete, each
                assert each.codes == ([each.end] if each.end else []), each
            self.check_identity(each)
            if each.query == NOW and each.seen:
                assert each.present[-3:] == PRESENT_LINES, each

    def check_identity(self, subscriber: Subscriber) -> None:
        """Check that nothing of another subscriber is in its answers."""
        if subscriber.query == PERSONAL:
            mine = subscriber.values
            secrets = [value["owner"] for value in mine if value["key"].startswith("secret")]
            assert set(secrets) <= {subscriber.name}
            assert {value["owner"] for value in mine} <= {subscriber.name, ""}
        if subscriber.query == WHISPERED:
            whispers = {value.partition(" ")[2] for value in subscriber.values}
            assert whispers <= {subscriber.name, ""}
