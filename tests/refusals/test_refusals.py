"""What is refused at the start is refused by name, and whoever follows the advice is served. No refusal is without a case."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from inspect import isawaitable
from pathlib import Path

import pytest

import watchword
from tests.refusals import inputs, schemas, storage, surroundings
from tests.refusals.ground import Case, Ground
from tests.support.clock import MovedClock

CASES: list[Case] = [*schemas.CASES, *inputs.CASES, *storage.CASES, *surroundings.CASES]
PACKAGE = Path(watchword.__file__).parent
# Refusals of commands and of the pytest plugin, each with its own tests.
NOT_OF_THE_START = ("cli", "testing", "client")
# Modules whose refusals are tested elsewhere with what they advise, because nothing of it can be done in this process.
ELSEWHERE = {
    "process/clock_check.py": "watchword/process/test_clock_check.py: a background task says it, of PostgreSQL's clock",
    "telemetry/traces/provider.py": "watchword/telemetry/traces/test_provider.py: the SDK is not installed",
    "storage/sql_mistakes.py": "watchword/storage/test_sql_mistakes.py: a mistake in somebody's own SQL",
}


@pytest.fixture
def ground(tmp_path: Path, clock: MovedClock, monkeypatch: pytest.MonkeyPatch) -> Ground:
    return Ground(tmp_path, clock, monkeypatch)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_advice_can_be_followed(case: Case, ground: Ground) -> None:
    done = case(ground)
    if isawaitable(done):
        await done
    assert ground.refused_at


def sites() -> Iterator[tuple[str, ast.stmt]]:
    """Yield where the runtime makes an `Unsafe`: the module, and the statement that raises or returns it."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = str(path.relative_to(PACKAGE))
        if module.partition("/")[0] in NOT_OF_THE_START or module in ELSEWHERE:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise | ast.Return) and "Unsafe(" in ast.unparse(node):
                yield module, node


def is_met(module: str, node: ast.stmt, grounds: list[Ground]) -> bool:
    """Tell whether a case has met a refusal: by its line, or by its text if another function raises it."""
    if isinstance(node, ast.Raise):
        lines = range(node.lineno, (node.end_lineno or 0) + 1)
        found = (site for ground in grounds for site in ground.refused_at)
        return any(at == module and line in lines for at, line in found)
    texts = [
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]
    longest = max(texts, key=len)
    return any(longest in said for ground in grounds for said in ground.sentences)


async def test_every_refusal_of_the_start_has_a_case(
    tmp_path_factory: pytest.TempPathFactory, clock: MovedClock
) -> None:
    grounds: list[Ground] = []
    for case in CASES:
        with pytest.MonkeyPatch.context() as patch:
            grounds.append(ground := Ground(tmp_path_factory.mktemp("case"), clock, patch))
            if isawaitable(done := case(ground)):
                await done
    lacking = [
        f"{module}:{node.lineno}" for module, node in sites() if not is_met(module, node, grounds)
    ]
    assert lacking == []
