"""WWW-Authenticate: how the client of a refused token is told what to do (RFC 6750, section 3; RFC 9449,
section 7.1)."""

from __future__ import annotations

from watchword.errors import InvalidProof, WatchwordError
from watchword.tokens.jwk import ASYMMETRIC


def challenge(error: WatchwordError | None = None, *, bound: bool = False) -> str:
    """Return the challenge that goes with an error; with `bound`, of the scheme DPoP in any case.

    Without an error it is for whoever has shown no token, and hears of none.
    """
    said = 'realm="watchword"'
    if error is not None:
        # RFC 6750, section 3.1: every reason for which a token is refused is invalid_token.
        name = error.error if isinstance(error, InvalidProof) else "invalid_token"
        said += f', error="{name}", error_description="{error.message}"'
    if bound or isinstance(error, InvalidProof):
        return f'DPoP {said}, algs="{" ".join(ASYMMETRIC)}"'
    return f"Bearer {said}"
