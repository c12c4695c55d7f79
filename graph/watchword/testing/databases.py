"""A database for each test: a copy of a template that was prepared once, on SQLite or on PostgreSQL."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Coroutine, Hashable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy.engine import URL, make_url

from watchword.testing.host import Host

PREFIX = "watchword_test_"
SQLITE = "sqlite+aiosqlite:///"

Prepare = Callable[[str], Coroutine[Any, Any, object]]
"""Fills the empty database of a URL: it becomes a template."""


class Databases:
    """The templates of a run of tests, and their copies. Closing it removes what it has made on servers."""

    def __init__(self, folder: Path) -> None:
        """`folder` is empty, and gets the templates of SQLite."""
        self.encryption_key = Fernet.generate_key().decode()
        """The key that seals secrets in the templates."""
        self._folder = folder
        self._templates: dict[tuple[Hashable, str], str] = {}
        self._servers: dict[str, _Server] = {}
        self._host = Host()
        self._host.open()

    def close(self) -> None:
        """Drop the templates on servers, and end the connections to them."""
        for (_, url), template in self._templates.items():
            # A server that was started for the tests may have ended before, with all its databases.
            if url and not self._servers[url].is_gone:
                self._servers[url].drop(template)
        for server in self._servers.values():
            server.close()
        self._host.close()

    @contextmanager
    def fresh(self, kind: Hashable, prepare: Prepare, server: str, folder: Path) -> Iterator[str]:
        """Make a database for a block, and yield its URL for SQLAlchemy.

        `prepare` makes the template of all databases of a `kind`. `server` is the URL of any database on a server of
        PostgreSQL where databases may be created; without it, the database is a file of SQLite in `folder`.
        """
        with (
            self._of_server(kind, prepare, server)
            if server
            else self._of_file(kind, prepare, folder) as url
        ):
            yield url

    @contextmanager
    def _of_file(self, kind: Hashable, prepare: Prepare, folder: Path) -> Iterator[str]:
        new = str(self._folder / f"template-{len(self._templates)}.db")
        template = self._template((kind, ""), lambda: new, lambda path: prepare(f"{SQLITE}{path}"))
        path = folder / "watchword.db"
        shutil.copy(template, path)
        yield f"{SQLITE}{path}"

    @contextmanager
    def _of_server(self, kind: Hashable, prepare: Prepare, url: str) -> Iterator[str]:
        if url not in self._servers:
            self._servers[url] = _Server(self._host, url)
        server = self._servers[url]
        template = self._template(
            (kind, url), server.create, lambda name: prepare(server.url(name))
        )
        name = server.create(template)
        try:
            yield server.url(name)
        finally:
            server.drop(name)

    def _template(
        self,
        key: tuple[Hashable, str],
        create: Callable[[], str],
        prepare: Callable[[str], Coroutine[Any, Any, object]],
    ) -> str:
        if key not in self._templates:
            made = create()
            self._host.call(prepare(made))
            self._templates[key] = made
        return self._templates[key]


class _Server:
    """A server of PostgreSQL, with one connection that creates and drops databases."""

    def __init__(self, host: Host, url: str) -> None:
        """Raises `ValueError` for a URL that is not of PostgreSQL."""
        given = make_url(url)
        if given.get_backend_name() != "postgresql":
            raise ValueError(
                "The database server of the tests is a URL like"
                " postgresql://user:password@127.0.0.1:5432/postgres; leave it out for SQLite."
            )
        self._host = host
        self._url: URL = given
        plain = given.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection: Any = host.call(_connected(plain))
        self._strategy = self._find_strategy()

    @property
    def is_gone(self) -> bool:
        """Whether the server has ended."""
        return bool(self._connection.is_closed())

    def close(self) -> None:
        """End the connection."""
        self._host.call(self._connection.close())

    def url(self, name: str) -> str:
        """Return the URL of a database for SQLAlchemy."""
        at = self._url.set(drivername="postgresql+asyncpg", database=name)
        return at.render_as_string(hide_password=False)

    def create(self, template: str = "") -> str:
        """Create a database, a copy of the template if one is named; return its name."""
        name = f"{PREFIX}{secrets.token_hex(8)}"
        copied = f'TEMPLATE "{template}" {self._strategy}' if template else ""
        self._ask(f'CREATE DATABASE "{name}" {copied}')
        return name

    def drop(self, name: str) -> None:
        """Drop a database, and the connections that a test has left open."""
        self._ask(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _ask(self, statement: str) -> Any:
        return self._host.call(self._connection.fetchval(statement))

    def _find_strategy(self) -> str:
        # PostgreSQL 15 writes each page into its log, or copies files, which is faster if it waits for no disk.
        is_fast = self._ask("SHOW fsync") == "off"
        return (
            "STRATEGY file_copy"
            if is_fast and int(self._ask("SHOW server_version_num")) >= 150_000
            else ""
        )


async def _connected(url: str) -> Any:
    # Tests on SQLite need not wait for the driver's import.
    return await import_module("asyncpg").connect(url)
