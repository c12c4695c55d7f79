"""The command line, run in this process: a process of its own would import everything again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from watchword.cli.commands import cli
from watchword.process.log_setup import QUIET


def watchword(*arguments: str, **environment: str) -> Result:
    """Run a command with these variables; its output has what it logs, too."""
    with _logging_restored():
        return CliRunner(env=environment, catch_exceptions=False).invoke(cli, arguments)


def refused_start(home: Path, *arguments: str, **environment: str) -> str:
    """Start a server that must fail before it serves, and return its error message, the only line."""
    result = watchword("serve", "--port", "0", *arguments, WATCHWORD_HOME=str(home), **environment)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").strip()


@contextmanager
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name in QUIET:
            logging.getLogger(name).setLevel(logging.NOTSET)
