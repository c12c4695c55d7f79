"""The relying party of WebAuthn: the domain for which passkeys are made, and the origins that may use them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from watchword.config.settings import PREFIX, Settings
from watchword.errors import BadUserInput


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """A domain, and the origins of the pages and apps that may use its passkeys."""

    id: str
    origins: tuple[str, ...]


def relying_party(settings: Settings) -> RelyingParty:
    """Return the relying party of these settings.

    Raises `BadUserInput` when it would be an IP address: browsers make no passkeys for those.
    """
    id = settings.relying_party_id or urlsplit(settings.issuer).hostname or ""
    if _is_address(id):
        raise BadUserInput(
            "Passkeys need a domain name, and this server has an address. The operator sets"
            f" {PREFIX}ISSUER to an https URL with a name; to try it on one machine, to"
            " http://localhost and the port, and opens that."
        )
    return RelyingParty(id, (*settings.our_origins, *settings.passkey_origins))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
