"""Runs an operation through both executors, and observes everything that a client and a resolver could notice."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, get_args

import strawberry

from tests.differential.stage import Script, new_loop, stage
from tests.support.clock import MovedClock
from tests.support.settled import settled
from tests.support.vault import ENCRYPTION_KEY
from watchword.app import make_services
from watchword.config.settings import Settings
from watchword.context import Context, Services
from watchword.domain import Domain
from watchword.execution.engine import Engine, Execution
from watchword.execution.limits import Limits
from watchword.execution.masking import to_json
from watchword.execution.plan import Refused
from watchword.principal import ANONYMOUS, Grants, Principal, SharedPrincipal

EXECUTORS: tuple[Execution, ...] = get_args(Execution)
LIMITS = Limits(
    tokens=20_000, depth=40, aliases=100_000, cost=10**8, directives=10_000, root_fields=10_000
)
# Addresses of values without a text of their own, ids of unexpected errors, secrets, encrypted text; in quotes, ids of
# processes and thumbprints of keys.
_RANDOM = re.compile(
    r"\bgAAAA[\w=-]+|\b(0x[0-9a-f]+|[A-Z2-7]{32}|[0-9a-f]{16})\b=*"
    r"""|(?<=['"])([0-9a-f]{12}|[\w-]{43})(?=['"])"""
)
# The limiter of attempts counts in real time.
_RETRY_AFTER = re.compile(r'(?<="retryAfter":)[\d.]+')
_log = logging.getLogger("watchword.execution")

Callers = Mapping[str, Principal]
PRINCIPALS: Callers = {
    "anonymous": ANONYMOUS,
    "child": Principal("bob", Grants(frozenset({"child"}))),
    "keeper": Principal("kim", Grants(frozenset({"keeper"}), frozenset({"parts:make"}))),
    "buyer": Principal(
        "ann", Grants(frozenset({"child"}), frozenset({"parts:price", "parts:make"}))
    ),
}


@dataclass(frozen=True)
class Case:
    """One execution: an operation with its variables, the caller, and how resolvers behave."""

    query: str
    variables: dict[str, Any]
    caller: str = "anonymous"
    script: Script = Script()

    def __str__(self) -> str:
        return f"{self.query}\nvariables = {self.variables!r}\ncaller = {self.caller!r}\nscript = {self.script!r}"


@dataclass(frozen=True)
class Observed:
    """The answer as the client gets it, and what resolvers, permissions and loaders noticed, in order."""

    answer: str
    effects: tuple[str, ...]

    def unordered(self) -> Observed:
        """Return the same with the errors and the effects sorted; everything else keeps its order.

        An answer with errors has no effects: what an error interrupts may have gone further, or not.
        """
        answer = json.loads(self.answer) if self.answer.startswith("{") else {}
        if "errors" not in answer:
            return Observed(self.answer, tuple(sorted(self.effects)))
        answer["errors"].sort(key=json.dumps)
        return Observed(json.dumps(answer), ())


class Arena:
    """Both executors around one schema, in an event loop that is deterministic."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self.schema = schema
        self.renew()
        self.runner = asyncio.Runner(loop_factory=new_loop)
        self.compared = 0
        # Whether resolvers wait for a database, whose connections may take other steps of the event loop.
        self.is_concurrent = False
        self.callers: Callers = PRINCIPALS
        services = self.runner.run(make_unopened_services())
        # Each executor has services of its own, so that one does not see what the other wrote.
        self.services = dict.fromkeys(EXECUTORS, services)

    def renew(self) -> None:
        """Forget all plans."""
        self.engines = {each: Engine(self.schema, LIMITS, 100, each) for each in EXECUTORS}
        # Parsing and validating costs more than all that is compared.
        for engine in self.engines.values():
            engine.planner = self.engines["compiled"].planner

    def close(self) -> None:
        self.runner.close()

    @property
    def fallbacks(self) -> Counter[str]:
        """How often an operation was to be compiled and was not, by the reason."""
        return self.engines["compiled"].fallbacks

    def compare(self, case: Case) -> Observed:
        """Run a case through both executors, and check that nothing differs."""
        interpreted = self.runner.run(self._observe("graphql-core", case))
        compiled = self.runner.run(self._observe("compiled", case))
        self.compared += 1
        if self.is_concurrent:
            check(case, compiled.unordered(), interpreted.unordered())
        else:
            check(case, compiled, interpreted)
        return interpreted

    def compare_together(self, cases: list[Case]) -> None:
        """Run cases at the same time, with the script of the first, and check that nothing differs."""
        interpreted = self.runner.run(self._observe_together("graphql-core", cases))
        compiled = self.runner.run(self._observe_together("compiled", cases))
        self.compared += 1
        check(cases[-1], compiled, interpreted)

    def compare_events(self, case: Case, shared: bool) -> Observed:
        """Open a subscription through both executors, answer its events, and check that nothing differs."""
        interpreted = self.runner.run(self._observe_events("graphql-core", case, shared))
        compiled = self.runner.run(self._observe_events("compiled", case, shared))
        self.compared += 1
        check(case, compiled, interpreted)
        return interpreted

    def is_valid(self, query: str) -> bool:
        """Tell whether an operation can be run at all."""
        try:
            self.engines["compiled"].plan(query, _operation(query))
        except Refused:
            return False
        return True

    async def _observe(self, execution: Execution, case: Case) -> Observed:
        stage.begin(case.script)
        with _logged():
            answer = await _answered(self._run(execution, case))
            await stage.drained()
        return observed([answer])

    async def _observe_together(self, execution: Execution, cases: list[Case]) -> Observed:
        stage.begin(cases[0].script)
        with _logged():
            running = [_answered(self._run(execution, case)) for case in cases]
            answers = await asyncio.gather(*running)
            await stage.drained()
        return observed(answers)

    async def _run(self, execution: Execution, case: Case) -> Any:
        engine = self.engines[execution]
        plan = engine.plan(case.query, _operation(case.query), self.callers[case.caller])
        return await engine.execute(plan, case.variables, self._context(execution, case))

    async def _observe_events(self, execution: Execution, case: Case, shared: bool) -> Observed:
        stage.begin(case.script)
        with _logged():
            source = await _answered(self._open(execution, case, shared))
            if isinstance(source, str):
                return observed([source])
            answers = []
            while (answer := await _answered(self._next(source, execution, case, shared))) != _OVER:
                answers.append(answer)
                stage.note("answered")
                if answer.startswith(_FAILED):
                    break
            await source.close()
            await stage.drained()
        return observed(answers)

    async def _open(self, execution: Execution, case: Case, shared: bool) -> Any:
        engine = self.engines[execution]
        plan = engine.plan(case.query, _operation(case.query), self.callers[case.caller])
        return await engine.subscribe(plan, case.variables, self._context(execution, case, shared))

    async def _next(self, source: Any, execution: Execution, case: Case, shared: bool) -> Any:
        event = await source.pull()
        return await settled(source.answer(event, self._context(execution, case, shared)))

    def _context(self, execution: Execution, case: Case, shared: bool = False) -> Context:
        principal = self.callers[case.caller]
        if shared:
            sharing = SharedPrincipal(principal.grants, principal.is_anonymous)
            return Context(self.services[execution], sharing)
        return Context(self.services[execution], principal)


# What ends a subscription: its resolver is done, or raised an error.
_OVER = "raised StopAsyncIteration()"
_FAILED = "raised "


def check(case: Case, compiled: Observed, interpreted: Observed) -> None:
    """Fail with both sides when the answers or the effects differ."""
    if compiled == interpreted:
        return
    lines = [f"{case}", f"graphql-core: {interpreted.answer}", f"compiled:     {compiled.answer}"]
    if compiled.effects != interpreted.effects:
        lines += [
            "effects (- graphql-core, + compiled):",
            *_difference(interpreted.effects, compiled.effects),
        ]
    raise AssertionError("\n".join(lines))


def _difference(left: tuple[str, ...], right: tuple[str, ...]) -> Iterator[str]:
    return unified_diff(left, right, lineterm="", n=2)


async def _answered(running: Any) -> Any:
    """Return the answer as bytes of JSON in text, or the error; a subscription's source as it is."""
    try:
        answer = await running
    except Refused as refused:
        return f"refused {[error.formatted for error in refused.errors]}"
    except Exception as error:
        return f"raised {error!r}"
    if not isinstance(answer, dict):
        return answer
    return to_json(answer).decode()


def observed(answers: list[str]) -> Observed:
    """Return what was observed, without what is random."""
    effects = tuple(_RANDOM.sub("RANDOM", effect) for effect in stage.effects)
    text = _RETRY_AFTER.sub("0", "\n".join(answers))
    return Observed(_RANDOM.sub("RANDOM", text), effects)


def _operation(query: str) -> str | None:
    return "Operation" if " Operation" in query else None


class _Note(logging.Handler):
    """Notes the exceptions that are logged."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        stage.note("logged", record.msg, repr(error))


_note = _Note()


@contextmanager
def _logged() -> Iterator[None]:
    _log.addHandler(_note)
    before, _log.propagate = _log.propagate, False
    try:
        yield
    finally:
        _log.removeHandler(_note)
        _log.propagate = before


async def make_unopened_services() -> Services:
    """Make services for schemas that use no database: nothing is opened."""
    url = "sqlite+aiosqlite:///:memory:"
    settings = Settings(_env_file=None, database_url=url, encryption_keys=(ENCRYPTION_KEY,))
    return make_services(settings, MovedClock(), Domain())
