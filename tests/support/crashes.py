"""How each process of tests died that did not end by itself, and where its threads stood, told at the end of a run.

pytest-xdist says only that a worker crashed. The reason is written to the worker's standard error output: by the interpreter
for a signal, and by pytest for a test that took too long. It would stand hundreds of lines above the summary, or nowhere.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

# Where a worker is told to write its standard error output.
FILE = "crash"
# Seconds within which the process of a worker has ended after its connection has.
END = 10


class Crashes:
    """A plugin that keeps what the workers write, and shows it of those that crashed."""

    def __init__(self) -> None:
        self._written: dict[str, Path] = {}
        self._statuses: dict[str, int] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        # Before pytest's faulthandler plugin keeps the descriptor.
        if (worker := getattr(config, "workerinput", None)) is not None:
            with open(worker[FILE], "wb") as file:
                os.dup2(file.fileno(), 2)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        descriptor, name = tempfile.mkstemp(prefix="watchword-worker-")
        os.close(descriptor)
        self._written[node.gateway.id] = Path(name)
        node.workerinput[FILE] = name

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        if error:
            self._statuses[node.gateway.id] = node.gateway._io.popen.wait(END)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for worker, status in self._statuses.items():
            terminalreporter.section(f"worker {worker} ended with exit status {status}")
            terminalreporter.write_line(self._written[worker].read_text(errors="replace"))

    def pytest_unconfigure(self) -> None:
        for file in self._written.values():
            file.unlink(missing_ok=True)
