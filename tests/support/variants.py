"""Which tests are variants that `make test` leaves to `make test-all`, and a line that says how many.

A test is marked `exhaustive` by hand, or here: of the cases of one test function that use PostgreSQL,
all but the first, and all of those that reach the database only through rooms with tests of their own
on PostgreSQL. So every case runs on SQLite, and every room with SQL in it on both databases. A test
that is repeated with a parameter `seed` keeps its first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import settings

from tests.support.schedule import group_of

MARK = "exhaustive"
# Values of a parameter that chooses the database.
POSTGRESQL = "postgresql"
# Seeds of a random test that `make test` runs.
SEEDS = 1
# Folders whose tests start browsers, Node.js and servers, and mostly wait for them.
PROCESSES = {"clients", "identity_provider", "scenario"}
# The folder whose tests take longest, so that they begin first.
LONGEST = "scenario"
# Folders whose tests send requests. Their statements are sent to PostgreSQL by the tests of the rooms below.
REQUESTS = {"attacks", "watchword/auth/http", "watchword/oauth/endpoints"}

# The part of a run in which tests begin that are in a group or wait for processes, and that of all others.
ENDS = WAITING, WORKING = 0.85, 1.0

# For `--hypothesis-profile`; without it, the first. No deadline: other work on the machine makes any test slow.
settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("thorough", max_examples=100, deadline=None)
settings.register_profile("soak", max_examples=1_000, deadline=None)
settings.load_profile("quick")


class Variants:
    """A plugin that marks the variants, and counts those that were not run."""

    def __init__(self) -> None:
        self._left = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        for item in _repeated(items):
            item.add_marker(MARK)
        if hasattr(config, "workerinput"):
            items[:] = _spread(items)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self._left += sum(item.get_closest_marker(MARK) is not None for item in items)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        # Only workers of pytest-xdist have an output; each has collected every test.
        if (output := getattr(session.config, "workeroutput", None)) is not None:
            output[MARK] = self._left

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._left = max(self._left, getattr(node, "workeroutput", {}).get(MARK, 0))

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._left:
            said = f"{self._left} exhaustive tests were NOT run: `make test-all` runs them"
            terminalreporter.write_sep("=", said, yellow=True, bold=True)


def _repeated(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield the tests that repeat another one with another seed, or on PostgreSQL."""
    seen = set()
    for item in items:
        if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
            continue
        if item.callspec.params.get("seed", 0) >= SEEDS:
            yield item
        elif POSTGRESQL in map(str, item.callspec.params.values()):
            function = (item.path, item.parent, item.originalname)
            if function in seen or _folder(item) in PROCESSES | REQUESTS:
                yield item
            seen.add(function)


def _folder(item: pytest.Item) -> str:
    """Return the folder of a test, below tests/."""
    file, _, _ = item.nodeid.partition("::")
    return file.rpartition("/")[0].removeprefix("tests/")


def _spread(items: list[pytest.Item]) -> list[pytest.Item]:
    """Spread the tests that wait for other processes evenly among those that use a core.

    Otherwise all workers would wait at the same time, and the cores would idle. Groups of tests are among them:
    most share a server. Scenarios begin first, and none begins at the end, so that no worker still works when the others have finished.
    """
    units: dict[str, list[pytest.Item]] = {}
    for item in items:
        units.setdefault(group_of(item) or item.nodeid, []).append(item)
    places: list[tuple[float, list[pytest.Item]]] = []
    for end in ENDS:
        alike = [unit for unit in units.values() if _end(unit) == end]
        alike.sort(key=lambda unit: _folder(unit[0]) != LONGEST)
        places += [(end * place / len(alike), unit) for place, unit in enumerate(alike)]
    return [item for _, unit in sorted(places, key=itemgetter(0)) for item in unit]


def _end(unit: list[pytest.Item]) -> float:
    """Return the part of the run in which the tests of a unit begin."""
    is_long = len(unit) > 1 or _folder(unit[0]) in PROCESSES
    return WAITING if is_long else WORKING
