"""Who does something, for the audit log. Knows no framework."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, from which session, by which client and from which address.

    `subject` is an account's id or a client's; None for somebody who is not known yet, and for the
    server itself.
    """

    subject: str | None = None
    session: str | None = None
    client: str | None = None
    address: str = ""


SERVER = Actor()
"""The server itself."""

OPERATOR = Actor(subject="operator")
"""Whoever holds the command line."""
