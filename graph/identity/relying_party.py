"""Whom passkeys are made for: the relying party of WebAuthn, and the origins it is seen from."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from graph.errors import BadUserInput
from graph.settings import PREFIX, Settings

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """A domain, and the origins whose pages and apps may use its passkeys."""

    id: str
    origins: tuple[str, ...]


def relying_party(settings: Settings) -> RelyingParty:
    """Return the relying party of these settings.

    Raises `BadUserInput` when it would be an IP address: browsers make no passkeys for one.
    """
    id = settings.relying_party_id or urlsplit(settings.issuer).hostname or ""
    if _is_address(id):
        raise BadUserInput(
            "Passkeys need a domain name, and this server has an address. The operator sets"
            f" {PREFIX}ISSUER to an https URL with a name; to try it on one machine, to"
            " http://localhost and the port, and opens that."
        )
    origins = (_origin(settings.issuer), *settings.allowed_origins, *settings.passkey_origins)
    return RelyingParty(id, origins)


def _origin(url: str) -> str:
    # As browsers write it (RFC 6454, section 6.2): no port where it is the scheme's own.
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
