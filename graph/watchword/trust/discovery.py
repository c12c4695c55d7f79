"""Asks an issuer for the URL of its keys: OpenID Connect Discovery 1.0, section 4, and RFC 8414."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from watchword.config.trusted_issuer import TrustedIssuer, is_safe
from watchword.trust.fetch import FetchFailed, fetch

NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Found:
    """The URL of an issuer's keys, and for how many seconds it may be cached."""

    jwks_url: str
    seconds: float


async def discover(issuer: TrustedIssuer, now: float) -> Found:
    """Find the URL of an issuer's keys; `now` is in Unix seconds. Raises `FetchFailed`."""
    if issuer.jwks_url is not None:
        return Found(issuer.jwks_url, float("inf"))
    openid, oauth = addresses(issuer.issuer)
    try:
        fetched = await fetch(openid, issuer.places, now)
    except FetchFailed as failure:
        if failure.status != NOT_FOUND:
            raise
        fetched = await fetch(oauth, issuer.places, now)
    # RFC 8414, section 3.3: otherwise another issuer's metadata and keys could be accepted for this one.
    if fetched.document.get("issuer") != issuer.issuer:
        raise FetchFailed("its metadata name another issuer")
    url = fetched.document.get("jwks_uri")
    if not isinstance(url, str) or not is_safe(url, issuer.places):
        raise FetchFailed("its metadata name a place for the keys that the settings do not")
    return Found(url, fetched.seconds)


def addresses(issuer: str) -> tuple[str, str]:
    """Return the two URLs of an issuer's metadata: OpenID Connect appends the well-known path to the
    issuer's path, RFC 8414 (section 3.1) puts it in front."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    return (
        parts._replace(path=f"{path}/.well-known/openid-configuration").geturl(),
        parts._replace(path=f"/.well-known/oauth-authorization-server{path}").geturl(),
    )
