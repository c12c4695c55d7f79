"""Runs a client's script in its own process. The script prints a line of JSON for each step."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
# Seconds without a line after which a script has failed. Starting a browser takes several.
PATIENCE = 60

Step = dict[str, Any]


class Silence(AssertionError):
    """A script has printed nothing for too long."""


class Script:
    """A running script. Lines are read in order; waiting for a named step drops the lines before it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.seen: list[Step] = []

    def tell(self, do: str, **options: Any) -> None:
        """Send the next command to a script that reads commands."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps({'do': do, **options})}\n".encode())

    async def read(self) -> Step:
        """Return the next step. If there is none, fail with the script's whole output."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(PATIENCE):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise Silence(f"nothing came after {self.seen}") from None
        if not line:
            raise AssertionError(f"the script ended after {self.seen}\n{await self._complaint()}")
        step: Step = json.loads(line)
        self.seen.append(step)
        return step

    async def wait(self, name: str) -> Step:
        """Return the next step of this name."""
        while (step := await self.read())["step"] != name:
            pass
        return step

    async def rest(self) -> list[Step]:
        """Return the remaining steps, after the script has ended without an error."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            lines = (await self._process.stdout.read()).splitlines()
            status = await self._process.wait()
        assert status == 0, await self._complaint()
        return [json.loads(line) for line in lines]

    async def _complaint(self) -> str:
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode(errors="replace")


@asynccontextmanager
async def running(
    node: Path, name: str, scripts: Path = FOLDER, /, **options: Any
) -> AsyncIterator[Script]:
    """Run a script of a folder with its options until the block ends."""
    process = await asyncio.create_subprocess_exec(
        str(node),
        str(scripts / name),
        env={**os.environ, "CLIENT_OPTIONS": json.dumps(options)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 20,
        start_new_session=True,
    )
    try:
        yield Script(process)
    finally:
        if process.stdin is not None:
            # A script that reads commands ends when its input does.
            process.stdin.close()
        # The virtual environment's `node` starts the real one as a child: signal both, as a process group.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        await process.communicate()
