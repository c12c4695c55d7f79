"""A terminal for the tutorial: a shell that keeps its folder and its variables from block to block."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

PATIENCE = 120.0
"""Seconds in which what a page shows has to appear."""


class Terminal:
    """A shell with its output. What runs in the foreground is interrupted before the next block."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._shell = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        self._lines: list[str] = []
        self._said = threading.Condition()
        self._blocks = 0
        self._seen = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def paste(self, block: str) -> None:
        """Run a block, after Ctrl-C to what the block before has left running."""
        self.interrupt()
        self._seen = len(self._lines)
        self._blocks += 1
        self._type(f"{block}\necho; echo done-{self._blocks} $?\n")

    def finish(self) -> None:
        """Wait until the block has ended. Raises `AssertionError` unless its last command succeeded."""
        self._wait(self._is_done)
        code = self._lines[-1].split()[-1]
        assert code == "0", self.output

    def expect(self, text: str) -> None:
        """Wait until the lines of a text have appeared, in order; … stands for anything."""
        patterns = [
            ".*".join(map(re.escape, line.strip().split("…")))
            for line in text.splitlines()
            if line.strip()
        ]
        self._wait(lambda: re.search("(?s:.*)".join(patterns), self.output) is not None)

    def expect_json(self, text: str) -> None:
        """Wait until a line has appeared that holds this JSON."""
        wanted = json.loads(text)
        self._wait(lambda: any(_parsed(line) == wanted for line in self._lines[self._seen :]))

    def interrupt(self) -> None:
        """Press Ctrl-C if something runs: SIGINT to all that the shell has started."""
        if not self._is_done():
            for process in _below(self._shell.pid):
                # It may have ended since it was listed.
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGINT)
            self._wait(self._is_done)

    def close(self) -> None:
        """Interrupt what runs, and leave."""
        self.interrupt()
        self._type("exit\n")
        self._shell.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self._shell.stdin is not None
        self._shell.stdin.close()

    @property
    def output(self) -> str:
        """What the last block has said so far."""
        return "".join(self._lines[self._seen :])

    def _is_done(self) -> bool:
        return not self._blocks or any(
            line.startswith(f"done-{self._blocks} ") for line in self._lines[self._seen :]
        )

    def _type(self, text: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(text)
        self._shell.stdin.flush()

    def _read(self) -> None:
        assert self._shell.stdout is not None
        with self._shell.stdout as lines:
            for line in lines:
                with self._said:
                    self._lines.append(line)
                    self._said.notify_all()

    def _wait(self, condition: Any) -> None:
        with self._said:
            assert self._said.wait_for(condition, PATIENCE), self.output


def _below(process: int) -> list[int]:
    """Return the processes that one has started, and those that these have."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    children = [int(child) for child in found]
    return [each for child in children for each in (child, *_below(child))]


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
