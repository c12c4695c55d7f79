"""E-mail addresses, with which people sign in: how they are stored and how they are compared. Pure."""

from __future__ import annotations

import unicodedata

LONGEST = 320


def canonical(address: str) -> str:
    """Return an address as it is stored: without surrounding white space, in NFC (RFC 6532, section 3.1).

    NFKC could make the addresses of two mailboxes equal (same section).
    """
    return unicodedata.normalize("NFC", address.strip())


def folded(address: str) -> str:
    """Return the form in which addresses are compared, equal for any letter case and normalisation (canonical
    caseless match of the Unicode Standard, definition D145, in NFC)."""
    apart = unicodedata.normalize("NFD", address.strip()).casefold()
    return unicodedata.normalize("NFC", apart)


def folded_before(address: str) -> str:
    """Return the form in which addresses were compared before migration 0005, without normalisation."""
    return address.strip().casefold()


def is_address(address: str) -> bool:
    """Tell whether a canonical text can be an address."""
    name, _, host = address.partition("@")
    is_text = address.isprintable() and not any(map(str.isspace, address))
    # The folded form is stored too, and can be longer: "ß" is folded to two letters.
    return bool(name and host and is_text) and max(len(address), len(folded(address))) <= LONGEST
