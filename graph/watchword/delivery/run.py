"""One run of a subscription's resolver: turns its events into answers, for one principal or for many."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from watchword.asgi.views import Via, address_via
from watchword.connections.live import LiveConnection
from watchword.context import Context, Services, close_context
from watchword.errors import OverBudget, TimedOut
from watchword.events.follow import Follow, OtherTopic, Progress
from watchword.execution.engine import Engine
from watchword.execution.executors import open_extras
from watchword.execution.masking import format_error, mask, to_json
from watchword.execution.plan import Plan, Refused
from watchword.execution.response import Answer
from watchword.execution.source import DatabaseUnavailable, Source
from watchword.execution.told_cost import told_cost
from watchword.extras import SetInSubscription
from watchword.extras_scope import using
from watchword.formats.packed_json import PackedObject
from watchword.permissions.guards import pass_by_grants, recheck
from watchword.principal import IdentityAsked, Principal, PrincipalHolder, SharedPrincipal
from watchword.process.background import Backoff
from watchword.process.clock import sleep
from watchword.process.deadline import Watchdog, WorkCancelled, within
from watchword.process.eager import Eager
from watchword.storage.database import is_unavailable
from watchword.throttling.budgets import LEAST
from watchword.throttling.ceiling import most

log = logging.getLogger("watchword.delivery")

# The most answers that a run makes of waiting events before other tasks get a turn. They take a few milliseconds.
MOST_AT_ONCE = 50


class _Stopped(Exception):
    """The resolver took too long for one event, and was cancelled."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A subscription that a client asked for."""

    plan: Plan
    variables: dict[str, Any] | None
    # Of one subscriber. A run that several share does not read them, and one of its own unpacks them when it begins.
    extensions: PackedObject | None = None
    via: Via | None = None
    live: LiveConnection | None = None
    # Whether each answer tells what it has cost.
    wants_cost: bool = False
    refusals: str | None = None


class Sent:
    """An answer to send: its JSON, and the cursor of a client that has it.

    A subscriber at `resume_from` lacks this answer; one that has it is at `answered_to`. `shapes` caches the answer in
    the formats of the transports, so that each is made once for all subscribers.
    """

    __slots__ = ("answered_to", "cursor", "json", "resume_from", "shapes")

    def __init__(
        self,
        answer: Answer | bytes,
        cursor: str | None = None,
        resume_from: Progress | None = None,
        answered_to: Progress | None = None,
    ) -> None:
        """`answer` may be JSON already; then it has no cursor."""
        if isinstance(answer, bytes):
            self.json = answer
        else:
            if cursor is not None:
                answer.setdefault("extensions", {})["cursor"] = cursor
            self.json = to_json(answer)
        self.cursor = cursor
        self.resume_from = resume_from
        self.answered_to = answered_to
        self.shapes: dict[str, bytes] = {}


class Batch:
    """Answers that are sent together, in their order. There is at least one."""

    __slots__ = ("_head", "_packed", "_packing", "answers")

    def __init__(self, answers: Sequence[Sent]) -> None:
        self.answers = answers
        self._head: bytes | None = None
        self._packing: Callable[[Sequence[bytes]], Any] | None = None
        self._packed: Any = None

    @property
    def answered_to(self) -> Progress:
        """The progress of a subscriber that has the answers. They are answers to events."""
        answered_to = self.answers[-1].answered_to
        assert answered_to is not None
        return answered_to

    def after(self, at: Progress) -> Batch | None:
        """Return the part that a subscriber with this progress lacks; None if it has all."""
        for number, answer in enumerate(self.answers):
            if answer.resume_from is not None and at <= answer.resume_from:
                return Batch(self.answers[number:]) if number else self
        return None

    def packed(self, head: bytes, tail: bytes, packing: Callable[[Sequence[bytes]], Any]) -> Any:
        """Return what `packing` makes of the messages, each of which is an answer's JSON between `head` and `tail`.

        The last result is kept: clients of one kind often number their operations alike.
        """
        if head != self._head or packing is not self._packing:
            self._packed = packing([head + answer.json + tail for answer in self.answers])
            self._head, self._packing = head, packing
        return self._packed


class Outlet(Protocol):
    """One operation on one connection of a transport, which sends its answers.

    Once the operation or the connection has ended, all calls are ignored.
    """

    def next(self, answer: Sent) -> None:
        """Send an answer. Never waits: if too much is unread, the connection is closed."""

    def next_batch(self, batch: Batch) -> None:
        """Send all answers of a batch, in one write. Never waits."""

    def position(self, cursor: str) -> None:
        """Tell the client where the operation stands, so that it can resume before the first event."""

    def refuse(self, errors: list[dict[str, Any]]) -> None:
        """End the operation with errors."""

    def complete(self) -> None:
        """End the operation without errors."""

    async def drained(self) -> None:
        """Wait until the client has read enough to be sent more."""


async def _at_once() -> None:
    pass


class Run:
    """Runs an operation's resolver, and runs it again from where it was after the database was unavailable."""

    def __init__(
        self,
        engine: Engine,
        services: Services,
        holder: PrincipalHolder,
        operation: Operation,
        follow: Follow,
        ready: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        """`follow` says where the run begins. `ready` waits until the client can be sent more. It is
        awaited after each answer, once the resolver waits for an event or has made the next answer; not
        while the resolver works, because a timeout inside the resolver cancels this task wherever it is."""
        self.follow = follow
        self._engine = engine
        self._services = services
        self._event_seconds: float = most(services.settings, "event_seconds")
        self._holder = holder
        self._operation = operation
        self._ready = ready
        # The last principal that passed the open resolver's permissions by its grants alone.
        self._passed: Principal | None = None
        self._address = address_via(operation.via)
        self._noted = SetInSubscription()

    async def answers(self) -> AsyncGenerator[Sent, None]:
        """Yield the answers until the resolver ends.

        Raises `Refused` when the subscription cannot be opened, `WatchwordError` when it must end, and
        anything else that the resolver raises. The resolver has been closed by then.
        """
        backoff = Backoff(self._services.clock)
        while True:
            try:
                async with aclosing(self._once()) as answers:
                    async for answer in answers:
                        yield answer
                return
            except DatabaseUnavailable:
                if self.follow.answered_to != self.follow.resume_from:
                    backoff.reset()
                self.follow = self.follow.continued()
                await backoff.wait()
            except _Stopped:
                if (late := self._skip()) is None:
                    raise TimedOut(self._event_seconds) from None
                yield late
                self.follow = self.follow.continued()

    def _skip(self) -> Sent | None:
        """Skip the event at which the resolver was stopped, and return its answer, a TIMEOUT; None if it was
        stopped between events."""
        if (skipped := self.follow.skip()) is None:
            return None
        log.warning("a resolver took longer than %g s for an event", self._event_seconds)
        answer = {"data": None, "errors": [TimedOut(self._event_seconds).as_dict()]}
        before, after = skipped
        return Sent(answer, self.follow.cursor(after), before, after)

    @property
    def _extensions(self) -> dict[str, Any] | None:
        """The client's `extensions`, for its own run."""
        packed = self._operation.extensions
        is_shared = isinstance(self._holder.principal, SharedPrincipal)
        return None if packed is None or is_shared else packed.unpacked()

    @asynccontextmanager
    async def _context(self, follow: Follow) -> AsyncIterator[Context]:
        """Make the context in which the resolver runs, for a block."""
        context = Context(
            self._services,
            self._holder.principal,
            holder=self._holder,
            follow=follow,
            live=self._operation.live,
            extensions=self._extensions,
            via=self._operation.via,
            refusals=self._operation.refusals,
            noted=self._noted,
        )
        try:
            await open_extras(context)
            yield context
        finally:
            await close_context(context)

    async def _once(self) -> AsyncGenerator[Sent, None]:
        follow = self.follow
        async with self._context(follow) as context, self._opened(context, follow) as opened:
            source, watchdog = opened
            coming = source.pull()
            is_ready, at_once = True, 0
            while True:
                if not coming.is_done:
                    at_once = 0
                    if not is_ready and follow.is_waiting:
                        await self._ready()
                        is_ready = True
                    follow.rest()
                elif (at_once := at_once + 1) >= MOST_AT_ONCE:
                    at_once = 0
                    await asyncio.sleep(0)
                try:
                    event = await coming
                except StopAsyncIteration:
                    return
                finally:
                    follow.wake()
                watchdog.end()
                if watchdog.has_cancelled:
                    # The resolver caught its cancellation and made an answer all the same.
                    watchdog.take_back()
                turn = follow.turn
                if follow.is_repeated(turn):
                    coming = self._pull(source)
                    follow.note_answer(turn)
                    continue
                if not is_ready:
                    await self._ready()
                if self._services.budgets.is_set:
                    async for told in self._paid():
                        yield told
                answer = await self._answer(source, event, context)
                is_ready = False
                # Pull before counting the answer: if the resolver then takes the next event, it was the last answer
                # to its event.
                coming = self._pull(source)
                answered_to = follow.note_answer(turn)
                yield Sent(answer, follow.cursor(answered_to), turn.current, answered_to)

    async def _paid(self) -> AsyncIterator[Sent]:
        """Charge an event to its subscriber. While too little is left of its budgets, wait; the subscriber is told once.

        The members of a group pay for what they are sent.
        """
        operation, principal, is_told = self._operation, self._holder.principal, False
        cost = max(LEAST, self._engine.planner.cost(operation.plan, operation.variables))
        while not isinstance(principal, SharedPrincipal):
            try:
                self._services.budgets.charge(principal, self._address, cost)
                return
            except OverBudget as error:
                if not is_told:
                    yield Sent({"data": None, "errors": [error.as_dict()]})
                is_told, seconds = True, error.extensions["retryAfter"]
            await sleep(self._services.clock, seconds)
            principal = self._holder.principal

    @asynccontextmanager
    async def _opened(
        self, context: Context, follow: Follow
    ) -> AsyncIterator[tuple[Source, Watchdog]]:
        """Open the subscription for a block, with a watchdog over each event, and report an error that ends it.

        Raises `_Stopped` when the watchdog has cancelled the block, and `DatabaseUnavailable` when the database
        is unavailable.
        """
        operation, services = self._operation, self._services
        self._passed = None
        source = await self._engine.subscribe(operation.plan, operation.variables, context)
        watchdog = follow.watchdog = Watchdog(services.clock, self._event_seconds)
        try:
            if follow.must_follow:
                watchdog.begin()
            yield source, watchdog
        except asyncio.CancelledError as cancelled:
            if watchdog.has_cancelled and watchdog.take_back():
                raise _Stopped from None
            if _is_being_stopped():
                raise
            error = WorkCancelled("the resolver waited for something that was cancelled")
            source.report_failure(error, context)
            raise error from cancelled
        except Exception as error:
            if is_unavailable(error):
                raise DatabaseUnavailable from error
            if not isinstance(error, DatabaseUnavailable | IdentityAsked | OtherTopic):
                source.report_failure(error, context)
            raise
        finally:
            watchdog.close()
            await self._close(source)

    def _pull(self, source: Source) -> Eager[Any]:
        """Ask for the next answer, and restart the time limit of a resolver that is still in an event."""
        if self.follow.is_in_event and self.follow.watchdog is not None:
            self.follow.watchdog.begin()
        return source.pull()

    async def _answer(self, source: Source, event: Any, opened: Context) -> Answer:
        # The lease may have been renewed while the resolver waited, so take its present principal.
        principal, asked = self._holder.principal, self._operation
        now = Context(self._services, principal, via=asked.via, refusals=asked.refusals)
        try:
            self._noted.repeat_on(now)
            # A principal never changes: its grants are looked at once, and again after a renewal.
            if opened.guards and principal is not self._passed:
                if pass_by_grants(opened.guards, principal):
                    self._passed = principal
                else:
                    asking = using(now.extras_scope, recheck(opened.guards, now))
                    await within(self._services.clock, self._event_seconds, asking)
            making = source.answer(event, now)
            answer: Answer = making if type(making) is dict else await making  # type: ignore[misc]
        finally:
            await close_context(now)
        if asked.wants_cost:
            told = told_cost(self._engine.planner, asked.plan, asked.variables, answer["data"])
            answer.setdefault("extensions", {})["cost"] = told
        return answer

    async def _close(self, source: Source) -> None:
        """Close the resolver. Its clean-up may take as long as an event."""
        watchdog = Watchdog(self._services.clock, self._event_seconds)
        watchdog.begin()
        try:
            await source.close()
        except asyncio.CancelledError:
            if not watchdog.has_cancelled or not watchdog.take_back():
                raise
            log.warning("a resolver did not end in time, and was cancelled again")
        except Exception as error:
            if not is_unavailable(error):
                raise
        finally:
            watchdog.close()


def _is_being_stopped() -> bool:
    """Tell whether this task itself was cancelled, and not only something that it awaits."""
    task = asyncio.current_task()
    return task is None or bool(task.cancelling())


def as_errors(error: BaseException) -> list[dict[str, Any]]:
    """Return the GraphQL errors that tell a client that this error ends its subscription."""
    if isinstance(error, Refused):
        return [format_error(each) for each in error.errors]
    return [mask(error).as_dict()]
