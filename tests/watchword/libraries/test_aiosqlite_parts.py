"""aiosqlite has the private part that is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import asyncio
import aiosqlite
from watchword.libraries.aiosqlite_parts import do_not_wait_for

kept = []

async def leave_open():
    connection = aiosqlite.connect(":memory:")
    {called}
    kept.append(await connection)

asyncio.run(leave_open())
print("done", flush=True)
"""


def test_a_process_ends_although_a_connection_is_open() -> None:
    script = SCRIPT.format(called="do_not_wait_for(connection)")
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, b"done\n")


def test_without_it_the_process_waits() -> None:
    script = SCRIPT.format(called="")
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == b"done\n"
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.5)
        waiting.kill()
