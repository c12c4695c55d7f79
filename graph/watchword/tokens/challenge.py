"""The WWW-Authenticate header, which tells a client why its token was refused (RFC 6750, section 3;
RFC 9449, section 7.1)."""

from __future__ import annotations

from collections.abc import Sequence

from watchword.errors import InvalidProof, WatchwordError
from watchword.tokens.jose.jwk import ASYMMETRIC


def challenge(error: WatchwordError | None = None, *, bound: bool = False) -> str:
    """Return the challenge for an error, or for a request without a token, which gets no error code.

    `bound` asks for the scheme DPoP even if the error is not about a proof.
    """
    said = 'realm="watchword"'
    if error is not None:
        # RFC 6750, section 3.1: whatever is wrong with a token, the error code is invalid_token.
        name = error.error if isinstance(error, InvalidProof) else "invalid_token"
        said += f', error="{name}", error_description="{error.message}"'
    if bound or isinstance(error, InvalidProof):
        return f'DPoP {said}, algs="{" ".join(ASYMMETRIC)}"'
    return f"Bearer {said}"


def step_up_challenge(max_age: int | None, acr_values: Sequence[str], *, bound: bool) -> str:
    """Return the challenge that asks for a new authentication (RFC 9470, section 3)."""
    said = 'realm="watchword", error="insufficient_user_authentication"'
    if acr_values:
        said += f', acr_values="{" ".join(acr_values)}"'
    if max_age is not None:
        said += f', max_age="{max_age}"'
    return f"{'DPoP' if bound else 'Bearer'} {said}"
