"""What a domain's hooks are given, and what they return. Pure values, independent of tables and frameworks."""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from dataclasses import dataclass
from enum import Enum
from inspect import isawaitable
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """An account, as hooks see it. `id` is the subject of its tokens."""

    id: str
    email: str
    name: str
    roles: frozenset[str]
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class ExternalAccount:
    """An account in a users table of your own.

    `subject` identifies it for ever, and becomes the account's id here and the subject of its tokens: 1 to 32
    letters, digits, `-` and `_`, of which `-` is not the first. `roles` are those of `Domain.roles`;
    others are ignored. One that `is_disabled` cannot sign in, and its sessions end at their next refresh.
    """

    subject: str
    email: str
    name: str
    roles: Collection[str] = ()
    is_disabled: bool = False


class AccountSource(Protocol):
    """A users table of your own, for `Domain(accounts=…)`: it checks passwords and says roles.

    Sessions, tokens, limits on attempts, second factors, passkeys and the audit log stay Watchword's. Both methods
    may take as long as an operation (`WATCHWORD_OPERATION_SECONDS`). If one raises, or takes longer, the request is
    answered 503, nothing is counted as a wrong password, and no session ends.
    """

    async def authenticate(self, email: str, password: str) -> ExternalAccount | None:
        """Return the account with this address, as it was typed, and this password; None if there is none."""

    async def find(self, subject: str) -> ExternalAccount | None:
        """Return an account as it is now; None if it is gone. Called at each refresh, and at sign-in by passkey."""


class IdentityKind(Enum):
    """What happened to an account. It is REGISTERED when it is added, by whomever."""

    SIGNED_IN = "SIGNED_IN"
    REGISTERED = "REGISTERED"
    DISABLED = "DISABLED"
    ENABLED = "ENABLED"


@dataclass(frozen=True, slots=True)
class IdentityEvent:
    """Something that happened to an account at `at` (Unix seconds), for `Domain.on_identity`.

    `account` is as it is when the hook is called. For a sign-in, `session` is the new session, and `client` its client:
    `watchword` for our own sign-in, or the id of an application.
    """

    kind: IdentityKind
    account: AccountInfo
    at: float
    session: str | None = None
    client: str | None = None


def answer_of(made: Awaitable[T]) -> Awaitable[T]:
    """Return what a hook has returned, to be awaited. Raises `TypeError`, which says what to write, if it was no async
    function."""
    if not isawaitable(made):
        raise TypeError(
            f"it returned an object of {type(made).__name__} at once, and must be an async function: write async def"
        )
    return made
