"""The account that the clients' scripts use, and the server."""

from __future__ import annotations

from typing import Protocol, TypedDict


class Server(Protocol):
    """A server process as tests/support/server.py starts it."""

    @property
    def url(self) -> str: ...

    @property
    def email(self) -> str: ...

    @property
    def password(self) -> str: ...

    def run(self, *arguments: str) -> str:
        """Run a `watchword` command with the server's settings, and return its output."""
        ...


class Account(TypedDict):
    """Return the options of every script: the server's origin, and the account to sign in with."""

    url: str
    email: str
    password: str
