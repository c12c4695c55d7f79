"""Commands of the command line, run in the tests' own process, which takes a fraction of a second less each."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from click.testing import CliRunner

from watchword.cli.commands import cli


def command(environment: Mapping[str, str], *arguments: str) -> str:
    """Run a `watchword` command that must succeed, with the settings of an environment; return its output.

    It runs in a thread of its own, because a test's event loop may run in this one.
    """
    given = {name: value for name, value in environment.items() if name.startswith("WATCHWORD_")}
    runner = CliRunner(env=given, catch_exceptions=False)
    with ThreadPoolExecutor(1) as thread:
        result = thread.submit(runner.invoke, cli, arguments).result()
    assert result.exit_code == 0, result.output
    return str(result.output)
