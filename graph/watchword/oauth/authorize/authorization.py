"""The authorization request: what a client asks of a person (RFC 6749, section 4.1.1), checked.

In two steps. First who gets the answer: as long as that is not certain, nobody is sent anywhere
(RFC 9700, section 4.11.2). Whatever is wrong after that, the client hears at its redirect URI.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from sqlalchemy.ext.asyncio import AsyncSession

from watchword.oauth.clients.clients import find_client
from watchword.oauth.clients.redirect_uri import is_registered, with_answer
from watchword.oauth.errors import OAuthError
from watchword.oauth.tables import Client

MOST_PARAMETERS = 50
LONGEST_STATE = 2000
LONGEST_URI = 2000
# Seconds that a person has to decide, having signed in for it: no max_age is shorter.
TO_DECIDE = 60

_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,64}")
# SHA-256 in base64url: of a code verifier (RFC 7636, section 4.2), of a key (RFC 7638).
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")
_SECONDS = re.compile(r"[0-9]{1,9}")
# RFC 6749, section 3.3.
_SCOPES = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")


class Parameters:
    """The parameters of a request; one without a value was not sent (RFC 6749, section 3.1)."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    @classmethod
    def of_query(cls, query: bytes) -> Parameters:
        """Read a URL's query. Raises `OAuthError`."""
        try:
            pairs = parse_qsl(
                query.decode("ascii"), True, errors="strict", max_num_fields=MOST_PARAMETERS
            )
        except ValueError:
            raise _bad("The query of this URL cannot be read.") from None
        return cls(pairs)

    @classmethod
    def of_object(cls, members: dict[str, object]) -> Parameters:
        """Take the members of a JSON object. Raises `OAuthError` when one is not a text."""
        pairs = [(name, value) for name, value in members.items() if isinstance(value, str)]
        if len(pairs) != len(members) or len(pairs) > MOST_PARAMETERS:
            raise _bad("Every member must be a text.")
        return cls(pairs)

    def get(self, name: str) -> str | None:
        """Return a parameter's value. Raises `OAuthError` when it has several."""
        values = self._values.get(name, [])
        if len(values) > 1:
            raise _bad(f"The parameter {name} may come once only.")
        return values[0] or None if values else None

    def check_single(self) -> None:
        """Raise `OAuthError` when any parameter came more than once."""
        if any(len(values) > 1 for values in self._values.values()):
            raise _bad("Each parameter may come once only.")


@dataclass(frozen=True, slots=True)
class ReturnAddress:
    """Who gets the answer, and where: a client, at a redirect URI that it has registered.

    `issuer` says in each answer whose it is, so that a client that asks several is not confused by
    one of them (RFC 9207).
    """

    client: Client
    uri: str
    issuer: str
    state: str | None = field(default=None, repr=False)

    def granted(self, code: str) -> str:
        """Return the URL that brings the client a code."""
        return self._answer({"code": code})

    def refused(self, error: OAuthError) -> str:
        """Return the URL that tells the client of an error."""
        return self._answer({"error": error.error, "error_description": error.description})

    def _answer(self, answer: dict[str, str]) -> str:
        state = {} if self.state is None else {"state": self.state}
        return with_answer(self.uri, answer | state | {"iss": self.issuer})


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that is well formed, from a client that may make it.

    `scopes` are those of its client among what it asks for; `key` is the thumbprint of the key that
    the tokens shall be bound to. `prompt` says how the person is asked, `max_age` how many seconds ago
    it may have signed in when it decides, and `anew` that it shall sign in before.
    """

    address: ReturnAddress
    scopes: frozenset[str]
    code_challenge: str
    key: str | None = None
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    anew: bool = False


async def address_of(db: AsyncSession, parameters: Parameters, issuer: str) -> ReturnAddress:
    """Find out who gets the answer.

    Raises `OAuthError` when that is not certain: then it is for the person to read, and no redirect.
    """
    id, uri = parameters.get("client_id"), parameters.get("redirect_uri")
    known = id is not None and _CLIENT_ID.fullmatch(id)
    client = await find_client(db, id) if id is not None and known else None
    if client is None:
        raise OAuthError("invalid_client", "There is no application of this client_id here.")
    if uri is None or len(uri) > LONGEST_URI or not is_registered(uri, client.redirect_uris):
        raise _bad("This redirect_uri is not one that the application has registered.")
    return ReturnAddress(client, uri, issuer, _state(parameters))


def check(address: ReturnAddress, parameters: Parameters, step_up: int) -> AuthorizationRequest:
    """Check what is asked for. `step_up` is how many seconds ago a person who shall sign in anew may
    have done so.

    Raises `OAuthError`, for the client to hear.
    """
    parameters.check_single()
    if len(address.state or "") > LONGEST_STATE:
        raise _bad(f"The state may have {LONGEST_STATE} characters.")
    for name in ("request", "request_uri"):
        if parameters.get(name) is not None:
            raise OAuthError(f"{name}_not_supported", f"Send parameters, not a {name}.")
    if parameters.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "The response_type must be code.")
    if parameters.get("response_mode") not in (None, "query"):
        raise _bad("The response_mode must be query.")
    if "authorization_code" not in address.client.grants:
        raise OAuthError(
            "unauthorized_client", "This client may not use the grant authorization_code."
        )
    prompt = frozenset((parameters.get("prompt") or "").split())
    if "none" in prompt:
        # Who is signed in shows when the page runs, not before.
        raise OAuthError("interaction_required", "The person has to see a page: drop prompt=none.")
    age = _age(parameters.get("max_age"))
    ages = ([] if age is None else [max(age, TO_DECIDE)]) + ([step_up] if "login" in prompt else [])
    return AuthorizationRequest(
        address=address,
        scopes=_scopes(address.client, parameters.get("scope")),
        code_challenge=_challenge(parameters),
        key=_key(parameters.get("dpop_jkt")),
        prompt=prompt,
        max_age=min(ages, default=None),
        # In so short a time nobody who is here already has signed in for this.
        anew="login" in prompt or (age is not None and age < TO_DECIDE),
    )


def _state(parameters: Parameters) -> str | None:
    # As it came, too long or not: every answer gives it back (RFC 6749, section 4.1.2.1).
    try:
        return parameters.get("state")
    except OAuthError:
        return None


def _scopes(client: Client, asked: str | None) -> frozenset[str]:
    if asked is None or not _SCOPES.fullmatch(asked):
        raise OAuthError("invalid_scope", "Say in scope what is wanted, with spaces between.")
    scopes = frozenset(asked.split(" ")) & frozenset(client.scopes)
    if not scopes:
        raise OAuthError("invalid_scope", "This client may have none of these scopes.")
    return scopes


def _challenge(parameters: Parameters) -> str:
    # RFC 9700, section 2.1.1: for every client. Without a method it would be plain, which we refuse.
    challenge = parameters.get("code_challenge")
    if challenge is None or not _DIGEST.fullmatch(challenge):
        raise _bad("A code_challenge is needed: 43 characters of base64url (RFC 7636).")
    if parameters.get("code_challenge_method") != "S256":
        raise _bad("The code_challenge_method must be S256.")
    return challenge


def _key(thumbprint: str | None) -> str | None:
    if thumbprint is not None and not _DIGEST.fullmatch(thumbprint):
        raise _bad("The dpop_jkt must be a JWK SHA-256 thumbprint (RFC 9449, section 10).")
    return thumbprint


def _age(given: str | None) -> int | None:
    if given is not None and not _SECONDS.fullmatch(given):
        raise _bad("The max_age must be a number of seconds.")
    return None if given is None else int(given)


def _bad(description: str) -> OAuthError:
    return OAuthError("invalid_request", description)
