"""Checks an authorization request, in which a client asks a person for access (RFC 6749, section 4.1.1).

In two steps. `address_of` checks client and redirect URI; until they are valid, nobody is redirected
(RFC 9700, section 4.11.2). `check` checks the rest; its errors are sent to the redirect URI.
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
from watchword.tokens.authentication import CLASSES

MOST_PARAMETERS = 50
LONGEST_STATE = 2000
LONGEST_URI = 2000
# Seconds that a person has to decide after signing in for this request. A shorter max_age is raised to this.
TO_DECIDE = 60

_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,64}")
# SHA-256 in base64url, of a code verifier (RFC 7636, section 4.2) or of a key (RFC 7638).
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")
_SECONDS = re.compile(r"[0-9]{1,9}")
# RFC 6749, section 3.3.
_SCOPES = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")


class Parameters:
    """The parameters of a request. A parameter without a value counts as not sent (RFC 6749, section 3.1)."""

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
        """Read the members of a JSON object. Raises `OAuthError` when one is not a text."""
        pairs = [(name, value) for name, value in members.items() if isinstance(value, str)]
        if len(pairs) != len(members) or len(pairs) > MOST_PARAMETERS:
            raise _bad("Every member must be a text.")
        return cls(pairs)

    def get(self, name: str) -> str | None:
        """Return a parameter's value or None. Raises `OAuthError` when it was sent more than once."""
        values = self._values.get(name, [])
        if len(values) > 1:
            raise _bad(f"The parameter {name} may come once only.")
        return values[0] or None if values else None

    def check_single(self) -> None:
        """Raise `OAuthError` when any parameter was sent more than once."""
        if any(len(values) > 1 for values in self._values.values()):
            raise _bad("Each parameter may come once only.")


@dataclass(frozen=True, slots=True)
class ReturnAddress:
    """The client that gets the answer, and the registered redirect URI that the answer is sent to.

    Each answer names our `issuer`, so that a client of several authorization servers cannot be made to
    mix them up (RFC 9207).
    """

    client: Client
    uri: str
    issuer: str
    state: str | None = field(default=None, repr=False)

    def granted(self, code: str) -> str:
        """Return the redirect URL that gives the client its code."""
        return self._answer({"code": code})

    def refused(self, error: OAuthError) -> str:
        """Return the redirect URL that reports an error to the client."""
        return self._answer({"error": error.error, "error_description": error.description})

    def _answer(self, answer: dict[str, str]) -> str:
        state = {} if self.state is None else {"state": self.state}
        return with_answer(self.uri, answer | state | {"iss": self.issuer})


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A valid authorization request.

    `scopes` are the requested scopes that the client may have. `key` is the thumbprint of the key to
    bind the tokens to. `prompt` says how to ask the person. The person's sign-in may be at most `max_age`
    seconds old when the person decides; `anew` says that the person must sign in again for this request. The sign-in
    must be of one of the classes `acr_values`; of any, if there are none.
    """

    address: ReturnAddress
    scopes: frozenset[str]
    code_challenge: str
    key: str | None = None
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    anew: bool = False
    acr_values: tuple[str, ...] = ()


async def address_of(db: AsyncSession, parameters: Parameters, issuer: str) -> ReturnAddress:
    """Return the client and the redirect URI of a request.

    Raises `OAuthError` when either is unknown. Show that error to the person, and do not redirect.
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
    """Check the rest of a request. With prompt=login, the sign-in may be at most `step_up` seconds old.

    Raises `OAuthError`. Send that error to the client's redirect URI.
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
        # Only the page's script can find out whether a person is signed in, so the page must be shown.
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
        # A max_age this short asks for a new sign-in.
        anew="login" in prompt or (age is not None and age < TO_DECIDE),
        acr_values=_classes(parameters.get("acr_values")),
    )


def _state(parameters: Parameters) -> str | None:
    # Keep the state even if it is too long: every answer returns it (RFC 6749, section 4.1.2.1).
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
    # RFC 9700, section 2.1.1: require PKCE of every client. No method means "plain", which is refused.
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


def _classes(given: str | None) -> tuple[str, ...]:
    """Return those of the classes asked for that a sign-in here can reach. Raises `OAuthError` if it can reach none.

    RFC 9470, section 5, has the error of OpenID Connect Core Error Code unmet_authentication_requirements.
    """
    asked = (given or "").split()
    known = tuple(each for each in CLASSES if each in asked)
    if asked and not known:
        raise OAuthError(
            "unmet_authentication_requirements",
            f"A sign-in here can reach these classes: {' '.join(CLASSES)}.",
        )
    return known


def _bad(description: str) -> OAuthError:
    return OAuthError("invalid_request", description)
