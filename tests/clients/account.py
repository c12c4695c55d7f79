"""Who signs in, and where."""

from __future__ import annotations

from typing import Protocol, TypedDict


class Server(Protocol):
    """A live server process, as tests/support/server.py makes it."""

    @property
    def url(self) -> str: ...

    @property
    def email(self) -> str: ...

    @property
    def password(self) -> str: ...

    def run(self, *arguments: str) -> str:
        """Run a `watchword` command line with the server's settings; return what it printed."""
        ...


class Account(TypedDict):
    """The options of every script: the server's origin, and whom to sign in."""

    url: str
    email: str
    password: str
