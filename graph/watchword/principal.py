"""Who is asking, as a frozen value. Knows neither tokens nor frameworks."""

from __future__ import annotations

import math
from collections.abc import Collection
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import NoReturn, Protocol

from watchword.errors import Forbidden

FIRST_PARTY = "watchword"
"""The client_id of our own sign-in."""


def is_delegated(subject: str, client: str | None) -> bool:
    """Tell whether a token is for an application of others, which acts for a person.

    A machine acts for itself: it is the subject of its token (RFC 9068, section 2.2).
    """
    return client not in (FIRST_PARTY, subject)


@dataclass(frozen=True, slots=True)
class Grants:
    """The part of a principal that permissions read. Never who.

    `is_delegated` says that an application of others acts for a person: it has no roles, and its
    scopes are what the person allowed it, within those that the person's own roles give.
    """

    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    tenant: str | None = None
    is_delegated: bool = False

    def within(self, other: Grants) -> Grants:
        """Return what of these is also among others."""
        return replace(self, roles=self.roles & other.roles, scopes=self.scopes & other.scopes)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What the settings say of the trusted issuer at which a person has signed in.

    `is_front_end` says that the client is a front end of ours, which acts for nobody else, and
    `steps_up` that the issuer's tokens say when the person last showed who it is.
    """

    issuer: str
    is_front_end: bool = False
    steps_up: bool = True


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, with what, and until when.

    `subject` is the account's id (claim `sub`), `session` the sign-in it came from (`sid`),
    `client` the OAuth client (`client_id`), `token_id` the token (`jti`), `version` the account's
    version when the token was issued (`ver`), `authenticated_at` when the person last showed who it
    is (`auth_time`), `key` the thumbprint of the key that the token is bound to (`cnf.jkt`),
    `client_version` the client's version when the token was issued (`client_ver`), `elsewhere` the
    trusted issuer whose token it is; None for ours. Times are Unix seconds.
    """

    subject: str
    grants: Grants = field(default_factory=Grants)
    client: str | None = None
    session: str | None = None
    token_id: str | None = None
    issued_at: float = 0.0
    expires_at: float = math.inf
    version: int = 0
    authenticated_at: float = 0.0
    key: str | None = None
    client_version: int = 0
    elsewhere: Elsewhere | None = None

    @property
    def is_first_party(self) -> bool:
        """Say whether a person asks by a front end of ours, wherever it signed in."""
        return self.client == FIRST_PARTY or (
            self.elsewhere is not None and self.elsewhere.is_front_end
        )

    @property
    def can_step_up(self) -> bool:
        """Say whether a step-up is possible: a machine cannot authenticate again."""
        return self.session is not None or (self.elsewhere is not None and self.elsewhere.steps_up)

    @property
    def is_anonymous(self) -> bool:
        """Say whether nobody is signed in."""
        return not self.subject


ANONYMOUS = Principal(subject="")
"""Nobody in particular: sees what is public, for as long as it likes."""


class Holder(Protocol):
    """Has the principal of this moment: a lease, for example, whose principal changes when it is renewed."""

    @property
    def principal(self) -> Principal: ...


class IdentityAsked(Exception):
    """Somebody asked who it is where many are served at once. They are served one by one then."""


def asks_for_one(error: BaseException | None) -> bool:
    """Tell whether an error says that something must be run for one principal alone.

    It asked for an identity, or for a context variable that has no value here: a middleware may have
    set one in the request of each.
    """
    if isinstance(error, LookupError) and error.args:
        return isinstance(error.args[0], ContextVar)
    return isinstance(error, IdentityAsked)


class SharedPrincipal:
    """What many principals have in common, and nothing else: their grants, and if they signed in.

    Whatever would tell one from another raises `IdentityAsked`, and is remembered in `was_asked` in
    case somebody catches it: there is nothing here that could leak.
    """

    __slots__ = ("grants", "is_anonymous", "was_asked")

    def __init__(self, grants: Grants, is_anonymous: bool) -> None:
        self.grants = grants
        self.is_anonymous = is_anonymous
        self.was_asked = False

    def ask(self) -> NoReturn:
        """Refuse to tell who it is."""
        self.was_asked = True
        raise IdentityAsked("This is executed for several principals at once.")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        self.ask()

    def __eq__(self, other: object) -> bool:
        self.ask()

    def __hash__(self) -> int:
        self.ask()

    def __repr__(self) -> str:
        return f"SharedPrincipal({self.grants})"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, from which session, by which client and from which address.

    `subject` is an account's id or a client's; None for somebody who is not known yet, and for the
    server itself. `reach` is what it may give to others; None for everything.
    """

    subject: str | None = None
    session: str | None = None
    client: str | None = None
    address: str = ""
    reach: Grants | None = field(default_factory=Grants)

    def check_reach(self, roles: Collection[str], scopes: Collection[str] = ()) -> None:
        """Check that the actor may give these roles and scopes.

        Call it before roles or scopes are given, and before a way to act as an account or a client that
        has them is given. Raises `Forbidden` naming what is beyond the actor's reach.
        """
        if self.reach is None:
            return
        for kind, given, own in (
            ("scope", scopes, self.reach.scopes),
            ("role", roles, self.reach.roles),
        ):
            if missing := sorted(set(given) - own):
                raise Forbidden(
                    f"This may do no more than you: the {kind} {', '.join(missing)} is not yours to"
                    " give.",
                    requires={kind: missing[0]},
                )


SERVER = Actor(reach=None)
"""The server itself, which gives what the settings say."""

OPERATOR = Actor(subject="operator", reach=None)
"""The operator: anybody who can run the `watchword` command."""
