"""Answers that many callers share: each is made once, and kept until an event happens in a stream that it read.

A shared execution has no caller's identity and runs in no request's context, like a group of subscriptions. It
notes the known position of each of its streams before it begins (`events/known.py`). Its answer serves a request
only if no known position has risen between the note and the request.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from types import EllipsisType
from typing import Any, NamedTuple, cast

from watchword.context import Context, Services
from watchword.errors import BadUserInput, CursorExpired, Unavailable
from watchword.events.sources import Sources
from watchword.execution.engine import Engine
from watchword.execution.masking import to_json
from watchword.execution.plan import Plan, Refused
from watchword.execution.shared.heads import Heads
from watchword.execution.shared.selection import Declarations
from watchword.execution.shared.store import OVERHEAD, JsonAnswer, Kept, Store
from watchword.execution.troubles import Troubles
from watchword.formats.exact_json import canonical_bytes
from watchword.libraries.strawberry_parts import definition
from watchword.principal import Grants, IdentityAsked, Principal, SharedPrincipal
from watchword.process.turns import Turns
from watchword.throttling.admission import Slot, uncounted

log = logging.getLogger("watchword.execution")

# A request with more bytes of variables is not shared: few callers send the same.
LONGEST_VARIABLES = 16_384
NO_VARIABLES = b"{}"
# The last part of the seconds for which an answer is good. A request in it has the answer made again.
LAST_PART = 0.25

TakePlace = Callable[[], Slot]
"""Takes a place among the open operations. Raises `RateLimited`."""
Charge = Callable[[], object]
"""Charges an execution to its caller. Raises `OverBudget`."""


class Key(NamedTuple):
    """Requests with equal keys have the same answer. `plan` is the plan's number: a key keeps no document in memory."""

    plan: int
    variables: bytes
    grants: Grants
    is_anonymous: bool

    @property
    def of_plan(self) -> tuple[int, Grants, bool]:
        """The key without its variables."""
        return self.plan, self.grants, self.is_anonymous

    @property
    def size(self) -> int:
        """About how many bytes the key takes."""
        names = (*self.grants.roles, *self.grants.scopes, self.grants.tenant or "")
        size = len(self.variables) + self.grants.claims.size
        return size + sum(50 + len(name) for name in names)


@dataclass(slots=True, eq=False)
class _Execution:
    """An execution that goes on, and the requests that wait for it."""

    note: int
    until: float
    # Its place among the open operations, which it has until it ends. Its clients may be gone before.
    place: Slot
    uses: int = 0
    # Done with the answer; with None if it could not be shared.
    done: asyncio.Future[JsonAnswer | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class SharedAnswers:
    """Makes, keeps and finds the shared answers of one process.

    `counts` counts requests by how they were served: from a `kept` answer, by an execution that was `joined`
    or `begun`, or by an execution of their own: because a field is `undeclared`, because the log was not
    looked at lately (`behind`), because an extension of the schema needs each request (`extended`), or because the
    execution was `personal`.
    """

    def __init__(self, engine: Engine, services: Services) -> None:
        settings = services.settings
        self.counts: Counter[str] = Counter()
        self.store = Store(settings.shared_answers_bytes)
        self._engine = engine
        self._declarations = Declarations(definition(engine.schema))
        self._services = services
        self._known = services.event_log.known
        self._heads = Heads(services.event_log, services.background)
        self._troubles = Troubles()
        self._executions: dict[Key, _Execution] = {}
        self.turns: Turns[JsonAnswer] = Turns(services.background)
        """The executions of requests without identity whose answers are not kept: see `Server.public_answer`."""
        if self.store.limit:
            self._known.watch(self._declarations.streams)

    def may_answer(self, plan: Plan) -> bool:
        """Tell whether `answer` may have one; counts an operation for which it has none."""
        if isinstance(plan.sources, EllipsisType):
            plan.sources = self._declarations.sources_of(plan)
        if plan.sources is None or not self.store.limit:
            self.counts["undeclared"] += 1
            return False
        return True

    async def answer(
        self,
        plan: Plan,
        variables: dict[str, Any] | None,
        principal: Principal,
        after: Sequence[str] = (),
        refusals: str | None = None,
        take_place: TakePlace = uncounted,
        charge: Charge | None = None,
    ) -> JsonAnswer | None:
        """Return the shared answer of a request; None if the request must be executed by itself.

        The answer is not older than any of the cursors `after`. A request that sets `refusals` for itself gets none:
        shared answers are made by the setting. `take_place` is called before each wait, and `charge` if an execution is
        begun for the request: a kept answer takes no place. Raises what these raise, `Refused` for cursors that cannot be
        used, what `Engine.execute` raises, and `Unavailable`.
        """
        if after:
            with take_place():
                await self._reach(after)
        now = self._known.now()
        if (sources := self._shared_sources(plan, refusals, now)) is None:
            return None
        key = _key(plan, variables, principal)
        kept = self.store.get(key)
        if kept is not None and self._serves(kept, sources, now):
            self.counts["kept"] += 1
            if (
                sources.seconds is not None
                and kept.until - now < LAST_PART * sources.seconds
                and key not in self._executions
            ):
                # Made again while the kept one serves: nobody waits when its time is over.
                self._begin(key, plan, variables, sources, now, uncounted())
            return kept.answer
        execution = self._executions.get(key)
        if execution is not None and not self._serves(execution, sources, now):
            execution = None
        if execution is None and not self._may_be_shared(key, now):
            self.counts["personal"] += 1
            return None
        if execution is None and charge is not None:
            charge()
        place = take_place()
        with place:
            self.counts["begun" if execution is None else "joined"] += 1
            if execution is None:
                execution = self._begin(key, plan, variables, sources, now, place.share())
            execution.uses += 1
            # The execution goes on if this request is cancelled: others may wait for it.
            return await asyncio.shield(execution.done)

    def _shared_sources(self, plan: Plan, refusals: str | None, now: float) -> Sources | None:
        """Return what an operation reads; None, and count why, if it has to be executed for its caller alone."""
        if not self.may_answer(plan):
            return None
        extensions = self._engine.extensions
        if refusals is not None:
            self.counts["personal"] += 1
        elif extensions is not None and not extensions.share_answers(plan):
            self.counts["extended"] += 1
        elif not self._known.is_current(now):
            self.counts["behind"] += 1
        else:
            return cast(Sources, plan.sources)
        return None

    async def _reach(self, cursors: Sequence[str]) -> None:
        try:
            await self._heads.reach(cursors)
        except (BadUserInput, CursorExpired) as error:
            raise Refused.by(error) from error

    def _serves(self, made: Kept | _Execution, sources: Sources, now: float) -> bool:
        return now < made.until and self._known.holds(made.note, sources.streams)

    def _may_be_shared(self, key: Key, now: float) -> bool:
        if len(key.variables) > LONGEST_VARIABLES:
            return False
        return self._troubles.allows(key, now) and self._troubles.allows(key.of_plan, now)

    def _begin(
        self,
        key: Key,
        plan: Plan,
        variables: dict[str, Any] | None,
        sources: Sources,
        now: float,
        place: Slot,
    ) -> _Execution:
        until = inf if sources.seconds is None else now + sources.seconds
        # Take the note here, before the first resolver runs: what happens from now on may be missed by them.
        execution = self._executions[key] = _Execution(self._known.note(), until, place)
        # In the background: the execution outlives its first request, and must not see its context variables.
        self._services.background.spawn(
            "a shared execution", self._run(key, plan, variables, sources, execution)
        )
        return execution

    async def _run(
        self,
        key: Key,
        plan: Plan,
        variables: dict[str, Any] | None,
        sources: Sources,
        execution: _Execution,
    ) -> None:
        answer: JsonAnswer | None = None
        failure: BaseException | None = None
        try:
            answer = await self._execute(key, plan, variables, sources)
        except asyncio.CancelledError:
            failure = Unavailable("The server stops. Try again.")
            raise
        except Exception as error:
            failure = error
        finally:
            if self._executions.get(key) is execution:
                del self._executions[key]
            execution.place.give_back()
            if failure is None:
                self._keep(key, answer, execution, sources)
                execution.done.set_result(answer)
            else:
                execution.done.set_exception(failure)
                # If every request that waited is gone, asyncio would log the error as never retrieved.
                execution.done.exception()

    async def _execute(
        self, key: Key, plan: Plan, variables: dict[str, Any] | None, sources: Sources
    ) -> JsonAnswer | None:
        """Execute for all callers with this key. Return None if anything in it was about one of them."""
        principal = SharedPrincipal(key.grants, key.is_anonymous, self._services.claims_read)
        context = Context(self._services, principal, reads=sources.streams)
        try:
            answer = await self._engine.execute(plan, variables, context)
        except IdentityAsked:
            self._note_personal(key)
            return None
        if principal.was_asked or (principal.time_was_asked and sources.seconds is None):
            self._note_personal(key)
            return None
        if context.undeclared:
            log.warning(
                "an operation is not shared: the loader %s reads the streams %s, and the fields that use it"
                " do not declare that",
                *context.undeclared,
            )
            self._note_personal(key)
            return None
        return JsonAnswer(to_json(answer), is_whole="errors" not in answer)

    def _note_personal(self, key: Key) -> None:
        now = self._known.now()
        self._troubles.note(key, now, is_lasting=True)
        # If the same happens with ever other variables, each request would be executed twice.
        self._troubles.note(key.of_plan, now, is_lasting=False)

    def _keep(
        self, key: Key, answer: JsonAnswer | None, execution: _Execution, sources: Sources
    ) -> None:
        """Keep a whole answer from the second use of its key on, unless it is outdated already."""
        was_used = self.store.use(key) or execution.uses > 1
        if answer is None or not answer.is_whole or not was_used:
            return
        if self._serves(execution, sources, self._known.now()):
            size = len(answer.json) + key.size + OVERHEAD
            self.store.put(key, Kept(answer, execution.note, size, execution.until))


def _key(plan: Plan, variables: dict[str, Any] | None, principal: Principal) -> Key:
    given = canonical_bytes(plan.declared(variables)) if variables else NO_VARIABLES
    return Key(plan.number, given, principal.grants, principal.is_anonymous)
