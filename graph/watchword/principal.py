"""The caller as a frozen value: principals, their grants, and actors. Independent of tokens and frameworks."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, Protocol

from watchword.errors import Forbidden
from watchword.formats.frozen_json import EMPTY, FrozenObject

FIRST_PARTY = "watchword"
"""The client_id of the server's own sign-in."""
METHODS = "amr"
"""The claim with the methods of authentication. It is part of the grants if a permission reads it."""


def is_delegated(subject: str, client: str | None) -> bool:
    """Tell whether a third-party application uses the token on behalf of a person.

    A machine client acts for itself: it is the subject of its token (RFC 9068, section 2.2).
    """
    return client not in (FIRST_PARTY, subject)


@dataclass(frozen=True, slots=True)
class Grants:
    """The part of a principal that permissions read. It never identifies the caller.

    `is_delegated` says that a third-party application acts for a person. It has no roles, and its scopes are
    those that the person consented to, within the scopes of the person's own roles. `claims` are the custom claims
    that some permission of the schema reads, and `amr` if one reads it; no others.
    """

    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    tenant: str | None = None
    is_delegated: bool = False
    claims: FrozenObject = EMPTY
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = self.roles, self.scopes, self.tenant, self.is_delegated, self.claims
        object.__setattr__(self, "_hash", hash(parts))

    def __hash__(self) -> int:
        # Each request and each subscription is looked up by its grants.
        return self._hash

    def within(self, other: Grants) -> Grants:
        """Return these grants with only the roles and scopes that are also in `other`."""
        return replace(self, roles=self.roles & other.roles, scopes=self.scopes & other.scopes)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The settings of the trusted issuer where a person has signed in.

    `is_front_end` says that the client is our own front end and not a third-party application. `steps_up`
    says that the issuer's tokens contain the time when the person last authenticated.
    """

    issuer: str
    is_front_end: bool = False
    steps_up: bool = True


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller, its grants, and the time until which they are valid.

    From the claims of its token: `subject` is the account's id (`sub`), `session` the session (`sid`), `client`
    the OAuth client (`client_id`), `token_id` the token's id (`jti`), `version` the account's version when the
    token was issued (`ver`), `client_version` the client's (`client_ver`), `authenticated_at` the time when the
    person last authenticated (`auth_time`), and `key` the thumbprint of the key that the token is bound to
    (`cnf.jkt`). `methods` are those by which the person authenticated (`amr`, RFC 8176), and `context_class` is what
    they amount to (`acr`). `elsewhere` is the trusted issuer of the token; None for tokens of this server. `claims`
    are its custom claims: those of `Domain.claims`, or those that the settings of its issuer keep. Their lists are
    tuples. Times are in Unix seconds.
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
    claims: FrozenObject = EMPTY
    methods: frozenset[str] = frozenset()
    context_class: str | None = None

    @property
    def is_first_party(self) -> bool:
        """Tell whether a person uses our own front end, wherever that person signed in."""
        return self.client == FIRST_PARTY or (
            self.elsewhere is not None and self.elsewhere.is_front_end
        )

    @property
    def can_step_up(self) -> bool:
        """Tell whether the caller can authenticate again. A machine client cannot."""
        return self.session is not None or (self.elsewhere is not None and self.elsewhere.steps_up)

    @property
    def is_anonymous(self) -> bool:
        """Tell whether the caller is not signed in."""
        return not self.subject


ANONYMOUS = Principal(subject="")
"""The caller without a token. It sees what is public, and never expires."""


class PrincipalHolder(Protocol):
    """An object with a principal that may change: renewing a lease changes the lease's principal."""

    @property
    def principal(self) -> Principal: ...


class IdentityAsked(Exception):
    """Code asked for the caller's identity in a run that several callers share. Each then gets its own run."""


def cannot_be_shared(error: BaseException | None) -> bool:
    """Tell whether an error means that a shared run must be repeated for each principal.

    The run asked for an identity, or for a context variable that has no value in it: a middleware may have set
    one in each caller's request.
    """
    if isinstance(error, LookupError) and error.args:
        return isinstance(error.args[0], ContextVar)
    return isinstance(error, IdentityAsked)


class SharedPrincipal:
    """What several principals have in common: their grants, and whether they are signed in. Nothing else.

    Access to anything that differs between them raises `IdentityAsked`. It also sets `was_asked`, in case a
    resolver catches the error. `time_was_asked` tells whether the run has read the time. This object holds no
    identity, so none can leak. `claims_read` are the names of the custom claims that are part of all grants.
    """

    __slots__ = ("_claims_read", "grants", "is_anonymous", "time_was_asked", "was_asked")

    def __init__(
        self, grants: Grants, is_anonymous: bool, claims_read: frozenset[str] = frozenset()
    ) -> None:
        self.grants = grants
        self.is_anonymous = is_anonymous
        self._claims_read = claims_read
        self.was_asked = False
        self.time_was_asked = False

    @property
    def claims(self) -> SharedClaims:
        """The custom claims; reading one that the callers need not have in common raises `IdentityAsked`."""
        return SharedClaims(self, self._claims_read)

    @property
    def methods(self) -> frozenset[str]:
        """The methods of authentication; raises `IdentityAsked` if no permission reads them, so that callers may differ."""
        if METHODS not in self._claims_read:
            self.ask()
        return frozenset(self.grants.claims.get(METHODS, ()))

    def ask(self) -> NoReturn:
        """Refuse to identify the caller."""
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


class SharedExtensions(Mapping[str, Any]):
    """Stands for the `extensions` of the requests that share a run. Reading them raises `IdentityAsked`."""

    __slots__ = ("_principal",)

    def __init__(self, principal: SharedPrincipal) -> None:
        self._principal = principal

    def __getitem__(self, name: str) -> NoReturn:
        self._principal.ask()

    def __iter__(self) -> NoReturn:
        self._principal.ask()

    def __len__(self) -> NoReturn:
        self._principal.ask()


class SharedClaims(Mapping[str, Any]):
    """The custom claims of several principals: those that permissions read, which all of them have in common."""

    __slots__ = ("_common", "_principal")

    def __init__(self, principal: SharedPrincipal, common: frozenset[str]) -> None:
        self._principal = principal
        self._common = common

    def __getitem__(self, name: str) -> Any:
        if name not in self._common:
            self._principal.ask()
        return self._principal.grants.claims[name]

    def __iter__(self) -> Iterator[str]:
        self._principal.ask()

    def __len__(self) -> int:
        self._principal.ask()


@dataclass(frozen=True, slots=True)
class Actor:
    """The party that acts, with its session, client and network address, for the audit log.

    `subject` is the id of an account or a client; None for a caller that is not known yet, and for the server
    itself. `reach` holds the roles and scopes that it may give to others; None means all.
    """

    subject: str | None = None
    session: str | None = None
    client: str | None = None
    address: str = ""
    reach: Grants | None = field(default_factory=Grants)

    def check_reach(self, roles: Collection[str], scopes: Collection[str] = ()) -> None:
        """Check that the actor may give these roles and scopes to others.

        Call it before giving them, and before giving access to an account or a client that has them. Raises
        `Forbidden`, which names the first role or scope that the actor may not give.
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
"""The server itself. It may give everything, as its settings say."""

OPERATOR = Actor(subject="operator", reach=None)
"""The operator: the person that runs the `watchword` command."""
