"""A real server process, started as an operator starts it, in its own home directory."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.support.command_line import watchword
from tests.support.forked import PROGRAM, Forked

PASSWORD = "correct horse battery staple"
ADMIN = "admin@example.com"
ISSUER = "http://127.0.0.1:8000"
PATIENCE = 60
# With these, a server imports another schema, or a module that nobody else has.
OWN_MODULES = {"PYTHONPATH", "WATCHWORD_MOUNT", "--schema"}


class LiveServer:
    """A server process. `url` is its origin; `email` and `password` are the admin's."""

    def __init__(self, home: Path, database_url: str = "", **environment: str) -> None:
        self.home = home
        self.email = ADMIN
        self.password = PASSWORD
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("WATCHWORD_")
            },
            "WATCHWORD_HOME": str(home),
            # Tokens stay good when a test starts the server again, on another port, or starts several.
            "WATCHWORD_ISSUER": ISSUER,
            "WATCHWORD_UNPUBLISHED_WRITES": "raise",
            "WATCHWORD_ADMIN_EMAIL": ADMIN,
            "WATCHWORD_ADMIN_PASSWORD": PASSWORD,
            # Tests sign in far more often than people do. Tests of the limits set their own.
            "WATCHWORD_SIGN_IN_LIMIT_PER_ACCOUNT": "100000 per minute",
            "WATCHWORD_SIGN_IN_LIMIT_PER_ADDRESS": "100000 per minute",
            "PYTHONUNBUFFERED": "1",
            **({"WATCHWORD_DATABASE_URL": database_url} if database_url else {}),
            **environment,
        }
        self.program: tuple[str, ...] = PROGRAM
        self.arguments: tuple[str, ...] = ()
        self.cwd: Path | None = None
        self.url = ""
        self.output: list[str] = []
        self._ready = threading.Event()
        self._said = threading.Condition()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        self._process = self._begin("serve", "--port", "0", *self.arguments)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._ready.wait(PATIENCE) or not self.url:
            self.kill()
            self._reader.join(PATIENCE)
            raise AssertionError(f"the server did not start:\n{self.log}")

    def stop(self) -> int:
        """Send SIGTERM, and return the exit code."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def kill(self) -> None:
        """Kill the server without a shutdown."""
        self._process.kill()
        self._process.wait(PATIENCE)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    @property
    def log(self) -> str:
        return "".join(self.output)

    def wait_for(self, text: str, times: int = 1) -> None:
        """Wait until its output contains a text so many times."""
        with self._said:
            said = self._said.wait_for(lambda: self.log.count(text) >= times, PATIENCE)
        assert said, self.log

    def wait_for_after(self, line: int, text: str, times: int = 1) -> None:
        """Wait until its output after so many lines contains a text so many times."""
        with self._said:
            said = self._said.wait_for(
                lambda: "".join(self.output[line:]).count(text) >= times, PATIENCE
            )
        assert said, "".join(self.output[line:])

    def wait_for_silence(self) -> None:
        """Wait until the server and all its child processes have ended."""
        self._reader.join(PATIENCE)
        assert not self._reader.is_alive(), self.log

    def run(self, *arguments: str) -> str:
        """Run a `watchword` command in this process with the same settings; return what it printed."""
        settings = {
            name: value for name, value in self.environment.items() if name.startswith("WATCHWORD_")
        }
        # A command starts an event loop, and in this thread there may be one that runs a test.
        with ThreadPoolExecutor(1) as thread:
            result = thread.submit(watchword, *arguments, **settings).result(PATIENCE)
        assert result.exit_code == 0, result.output
        return result.output

    def _begin(self, *arguments: str) -> Forked | subprocess.Popen[str]:
        """Start the process: in a fork, if it imports what the fork has imported."""
        if self.program == PROGRAM and not OWN_MODULES & {*self.environment, *arguments}:
            return Forked(arguments, self.environment, self.cwd or Path.cwd())
        return subprocess.Popen(
            [*self.program, *arguments],
            cwd=self.cwd,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with self._said:
                    self.output.append(line)
                    self._said.notify_all()
                if "Sign in     http" in line:
                    self.url = line.split()[-1].removesuffix("/api/auth/login")
                if "Application startup complete" in line:
                    self._ready.set()
        self._ready.set()


@contextmanager
def live_server(home: Path, database_url: str = "", **environment: str) -> Iterator[LiveServer]:
    """Run a server while the block runs; it must then shut down without an error."""
    server = LiveServer(home, database_url, **environment)
    server.start()
    try:
        yield server
    except BaseException:
        server.kill()
        print(server.log)
        raise
    assert server.stop() == 0, server.log


@contextmanager
def issuing(home: Path, database_url: str = "", **environment: str) -> Iterator[LiveServer]:
    """Run a server whose `url` is its issuer, which stock clients require."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    issuer = f"http://localhost:{port}"
    server = LiveServer(home, database_url, WATCHWORD_ISSUER=issuer, **environment)
    server.arguments = ("--port", str(port))
    server.start()
    server.url = issuer
    try:
        yield server
    finally:
        server.stop()
