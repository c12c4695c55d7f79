"""The promise of shared answers, over random interleavings of everything that can happen to two processes.

The hub, what is known and the shared answers are real. The log is one list in memory, whose queries end when the
machine says so. Executions read the log's heads, one stream after the other, and wait in between. So an answer
tells which state it is from, and the machine knows which state each request must at least see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.support.clock import MovedClock
from tests.support.shop import PRICES, STAFF, schema
from tests.support.slow_log import STREAMS, Log, Slow, State
from watchword.domain import Domain
from watchword.errors import CursorExpired
from watchword.events.event import BEGINNING, Event, Place
from watchword.events.hub import Hub
from watchword.events.known import Known
from watchword.events.sources import Sources
from watchword.execution.plan import Refused
from watchword.execution.shared.answers import SharedAnswers
from watchword.execution.shared.store import JsonAnswer
from watchword.principal import ANONYMOUS
from watchword.process.background import Background

LOOK_SECONDS = 1.0


@dataclass(eq=False)
class Plan:
    """What the shared answers use of a plan."""

    number: int
    sources: Sources

    def declared(self, variables: dict[str, Any]) -> dict[str, Any]:
        return variables


PLANS = [
    Plan(1, Sources(frozenset({PRICES}))),
    Plan(2, Sources(frozenset({PRICES, STAFF}))),
    Plan(3, Sources(frozenset({STAFF}))),
]


@dataclass(eq=False)
class Query:
    """A request, and for each stream the oldest state that its answer may show."""

    task: asyncio.Task[JsonAnswer | None]
    plan: Plan
    floor: dict[str, State]
    cursor: tuple[str, Place] | None = None


class Process:
    """One process: its hub, what it knows, its kept answers; and what its clients may have learned."""

    def __init__(self, machine: Promise, number: int) -> None:
        self.machine = machine
        clock = machine.clock
        self.known = Known(clock.now, LOOK_SECONDS)
        self.log = Slow(machine.log, self.known, machine.wait)
        self.background = Background(clock)
        self.bus = SimpleNamespace(follow=machine.wait_for, unfollow=machine.wait_for)
        self.hub = Hub(self.log, self.bus, self.background, 3, LOOK_SECONDS)  # type: ignore[arg-type]
        services: Any = SimpleNamespace(
            settings=SimpleNamespace(shared_answers_bytes=10_000),
            event_log=self.log,
            background=self.background,
            clock=clock,
            claims_read=frozenset(),
            domain=Domain(),
        )
        engine: Any = SimpleNamespace(schema=schema, execute=machine.execute, extensions=None)
        self.shared = SharedAnswers(engine, services)
        self.inbox: list[Event] = []
        self.unpublished: list[Event] = []
        self.looking: asyncio.Task[None] | None = None
        self.learned = {stream: State(0, 0) for stream in STREAMS}

    def learn(self, event: Event) -> None:
        past = int(event.mark.partition("/")[0])
        state = State(past, event.position)
        self.learned[event.stream] = max(self.learned[event.stream], state)

    async def follow(self, stream: str, place: Place | None) -> None:
        """Be a subscriber, which learns each event that it gets."""
        try:
            reader, mailbox = await self.hub.follow(stream, None, place)
            while True:
                self.learn(await reader.next(mailbox))
        except CursorExpired:
            pass


# The shared answers that the machines have checked. One that is kept is here several times.
checked: list[JsonAnswer] = []


class Promise(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.clock = MovedClock()
        self.log = Log()
        self.waiting: list[asyncio.Future[None]] = []
        self.executing: list[asyncio.Future[None]] = []
        self.queries: list[Query] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.is_bus_dead = False
        self.processes = [self.make(number) for number in range(2)]
        for at in range(2):
            self.look_to_the_end(at)
            self.look_to_the_end(at)
        for _ in range(2):
            self.ask_all(None)
            self.finish_executing()

    def make(self, number: int) -> Process:
        made: list[Process] = []

        async def make() -> None:
            made.append(Process(self, number))

        self.loop.run_until_complete(make())
        return made[0]

    def teardown(self) -> None:
        async def end() -> None:
            pending = asyncio.all_tasks() - {asyncio.current_task()}
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

        self.loop.run_until_complete(end())
        self.loop.close()
        asyncio.set_event_loop(None)

    # What the parts of a process wait for.

    async def wait(self) -> None:
        """Wait until the database answers."""
        waits = self.loop.create_future()
        self.waiting.append(waits)
        await waits

    async def wait_for(self, _stream: str) -> None:
        await asyncio.sleep(0)

    async def execute(self, plan: Plan, _variables: Any, _context: Any) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for stream in sorted(plan.sources.streams):
            seen[stream] = [*self.log.state(stream)]
            waits = self.loop.create_future()
            self.executing.append(waits)
            await waits
        return {"data": seen}

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self.loop.create_task(work)
        self.tasks.append(task)
        return task

    def receive(self, process: Process, event: Event) -> None:
        async def receive() -> None:
            process.hub.receive(event)

        self.loop.run_until_complete(receive())

    def spin(self) -> None:
        """Let every task run until it waits, and check the answers that have come."""

        async def spin() -> None:
            for _ in range(12):
                await asyncio.sleep(0)

        self.loop.run_until_complete(spin())
        for query in [each for each in self.queries if each.task.done()]:
            self.queries.remove(query)
            self.check(query)

    def check(self, query: Query) -> None:
        if isinstance(query.task.exception(), Refused):
            # Only a cursor of an event that the database has lost is refused.
            assert query.cursor is not None
            assert not self.log.has(*query.cursor)
            return
        answer = query.task.result()
        if answer is None:
            return  # it reads the database itself, after everything
        checked.append(answer)
        seen = orjson.loads(answer.json)["data"]
        for stream in query.plan.sources.streams:
            assert State(*seen[stream]) >= query.floor[stream], (stream, seen, query.floor)

    # What happens.

    @rule(at=st.integers(0, 1), stream=st.sampled_from(STREAMS))
    def commit(self, at: int, stream: str) -> None:
        """Commit a transaction; the process hears of that when it runs again."""
        self.processes[at].unpublished.append(self.log.append(stream, self.clock.now()))

    @precondition(lambda self: any(each.unpublished for each in self.processes))
    @rule()
    def answer_mutations(self) -> None:
        """Publish what was committed, and answer the mutations."""
        for process in self.processes:
            events, process.unpublished = process.unpublished, []
            for event in events:
                self.receive(process, event)
                process.learn(event)
                for each in self.processes:
                    if not self.is_bus_dead:
                        each.inbox.append(event)
        self.spin()

    @rule(at=st.integers(0, 1), stream=st.sampled_from(STREAMS))
    def mutate(self, at: int, stream: str) -> None:
        """Commit a transaction, and answer its mutation at once."""
        self.commit(at, stream)
        self.answer_mutations()

    @rule(at=st.integers(0, 1), index=st.integers(0, 5))
    def deliver(self, at: int, index: int) -> None:
        """Let the bus bring an event, in any order."""
        process = self.processes[at]
        if process.inbox:
            self.receive(process, process.inbox.pop(index % len(process.inbox)))
            self.spin()

    @rule()
    def kill_the_bus(self) -> None:
        self.is_bus_dead = not self.is_bus_dead
        for process in self.processes:
            process.inbox.clear()

    @rule(at=st.integers(0, 1))
    def look(self, at: int) -> None:
        process = self.processes[at]
        if process.looking is None or process.looking.done():
            process.looking = self.start(process.hub.look())
            self.spin()

    @rule(at=st.integers(0, 1))
    def look_to_the_end(self, at: int) -> None:
        self.look(at)
        process = self.processes[at]
        while process.looking is not None and not process.looking.done():
            self.let_the_database_answer(0)

    @rule(index=st.integers(0, 5))
    def let_the_database_answer(self, index: int) -> None:
        if self.waiting:
            waits = self.waiting.pop(index % len(self.waiting))
            if not waits.done():
                waits.set_result(None)
            self.spin()

    @rule(index=st.integers(0, 5))
    def go_on_executing(self, index: int) -> None:
        if self.executing:
            waits = self.executing.pop(index % len(self.executing))
            if not waits.done():
                waits.set_result(None)
            self.spin()

    @rule()
    def finish_executing(self) -> None:
        while self.executing:
            self.go_on_executing(0)

    @rule(at=st.integers(0, 1), plan=st.sampled_from(PLANS), times=st.integers(1, 3))
    def ask_and_wait(self, at: int, plan: Plan, times: int) -> None:
        """Ask a query several times, each after the answer before."""
        for _ in range(times):
            self.ask(at, plan, 0, None)
            self.finish_executing()

    @rule(cursor=st.none() | st.sampled_from(STREAMS))
    def ask_all(self, cursor: str | None) -> None:
        """Ask every query of both processes, perhaps with the newest cursor of a stream."""
        for process in self.processes:
            for plan in PLANS:
                self.begin(process, plan, 0, None if cursor is None else (cursor, False))
        self.spin()

    @rule(seconds=st.sampled_from([0.1, 0.3, 0.3, 0.9, 0.9, 2.0]))
    def pass_time(self, seconds: float) -> None:
        self.clock.move(seconds)
        self.spin()

    @rule(at=st.integers(0, 1), stream=st.sampled_from(STREAMS), back=st.none() | st.integers(0, 4))
    def subscribe(self, at: int, stream: str, back: int | None) -> None:
        """Subscribe from now on, or after an earlier event: then what happened since is replayed."""
        place, kept = None, self.log.events[stream]
        if back is not None:
            place = kept[-1 - back].place if back < len(kept) else BEGINNING
        self.start(self.processes[at].follow(stream, place))
        self.spin()

    @precondition(lambda self: self.log.past < 4 and len(self.log.times) > 3 * self.log.past)
    @rule(by=st.integers(0, 3))
    def go_back(self, by: int) -> None:
        """Restore the database from a copy. That is rare: what was learned before says little after it."""
        self.log.go_back(by)

    @rule(
        at=st.integers(0, 1),
        plan=st.sampled_from(PLANS),
        of=st.integers(0, 1),
        cursor=st.none() | st.tuples(st.sampled_from(STREAMS), st.booleans()),
    )
    def ask(self, at: int, plan: Plan, of: int, cursor: tuple[str, bool] | None) -> None:
        """Ask a query, perhaps with the newest cursor that any client of either process has."""
        self.begin(self.processes[at], plan, of, cursor)
        self.spin()

    def begin(self, process: Process, plan: Plan, of: int, cursor: tuple[str, bool] | None) -> None:
        now = self.clock.now()
        floor, given, after = dict(process.learned), None, ()
        for time, stream, state in self.log.times:
            if time <= now - 2 * LOOK_SECONDS and state.past == self.log.past:
                floor[stream] = max(floor[stream], min(state, self.log.state(stream)))
        if cursor is not None:
            stream, of_key = cursor
            state = max(each.learned[stream] for each in self.processes)
            if state.position:
                place = Place(state.position, f"{state.past}/{state.position}")
                text = process.log.cursors.write(stream, "k" if of_key else None, place)
                after, given = (text,), (stream, place)
                if self.log.has(stream, place):
                    floor[stream] = max(floor[stream], state)
        answering = process.shared.answer(plan, {"of": of}, ANONYMOUS, after)  # type: ignore[arg-type]
        self.queries.append(Query(self.start(answering), plan, floor, given))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_request_gets_an_answer_from_before_what_its_caller_may_know() -> None:
    checked.clear()
    run_state_machine_as_test(
        Promise,
        settings=settings(
            stateful_step_count=50, suppress_health_check=list(HealthCheck), deadline=None
        ),
    )
    made = {id(answer) for answer in checked}
    assert len(checked) > len(made) > 10, "answers were made, and kept ones served requests"
