"""The account that the clients' scripts use, and the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypedDict


class Server(Protocol):
    """A server process as tests/support/server.py starts it."""

    @property
    def url(self) -> str: ...

    @property
    def email(self) -> str: ...

    @property
    def password(self) -> str: ...

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of the process, with the server's settings."""
        ...


class Account(TypedDict):
    """Return the options of every script: the server's origin, and the account to sign in with."""

    url: str
    email: str
    password: str
