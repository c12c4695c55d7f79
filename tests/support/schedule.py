"""Which tests one worker of pytest-xdist runs together, and in which order the workers take them.

pytest-xdist's own `--dist loadgroup` tells the group of a test in its id, which pytest 9.2 does not let it
change (pytest-xdist's issue 1386): it groups nothing. Here each worker writes the groups into a file.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

GROUP = "xdist_group"
# Where a worker is told to write the groups.
FILE = "groups"


class Schedule(LoadScopeScheduling):
    """Give the tests of one group to one worker, and every other test to whichever is free."""

    def __init__(self, config: pytest.Config, log: Any, file: Path) -> None:
        super().__init__(config, log)
        self._file = file

    @cached_property
    def _groups(self) -> dict[str, str]:
        """The group of each test that has one, which the workers have written when they have collected."""
        return dict(json.loads(self._file.read_text()))

    @cached_property
    def _indices(self) -> dict[str, int]:
        """The place of each test in what every worker has collected."""
        return {nodeid: index for index, nodeid in enumerate(self.collection or ())}

    def _split_scope(self, nodeid: str) -> str:
        return self._groups.get(nodeid, nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        scope, unit = self.workqueue.popitem(last=False)
        self.assigned_work[node][scope] = unit
        node.send_runtest_some(
            [self._indices[nodeid] for nodeid, is_done in unit.items() if not is_done]
        )

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        super().mark_test_complete(node, item_index, duration)
        # What is done would be counted after each test again, thousands of times thousands.
        work = self.assigned_work[node]
        for scope in [scope for scope, unit in work.items() if all(unit.values())]:
            del work[scope]


class Groups:
    """A plugin that brings the groups from the workers to the scheduler."""

    def __init__(self) -> None:
        name = f"watchword-groups-{secrets.token_hex(8)}.json"
        self._file = Path(tempfile.gettempdir(), name)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[FILE] = str(self._file)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Schedule:
        return Schedule(config, log, self._file)

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        if (worker := getattr(config, "workerinput", None)) is not None:
            _write(Path(worker[FILE]), items)

    def pytest_unconfigure(self) -> None:
        self._file.unlink(missing_ok=True)


def _write(file: Path, items: Iterable[pytest.Item]) -> None:
    """Write the groups of tests, all at once: each worker writes the same."""
    own = file.with_suffix(f".{os.getpid()}")
    own.write_text(json.dumps({item.nodeid: group for item in items if (group := group_of(item))}))
    own.replace(file)


def group_of(item: pytest.Item) -> str:
    """Return the group that a test is marked with, or that of its file if it shares a fixture with it, or ""."""
    if (mark := item.get_closest_marker(GROUP)) is not None:
        return str(mark.args[0])
    return str(item.path) if isinstance(item, pytest.Function) and _shares(item) else ""


def _shares(item: pytest.Function) -> bool:
    fixtures = item._fixtureinfo.name2fixturedefs.values()
    return any(fixture[-1].scope == "module" for fixture in fixtures)
