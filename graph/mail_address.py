"""E-mail addresses, by which people sign in: as they are kept, and as they are compared. Pure."""

from __future__ import annotations

import unicodedata

LONGEST = 320


def canonical(address: str) -> str:
    """Return an address as it is kept: without surrounding white space, in NFC (RFC 6532, section 3.1).

    Not in NFKC, of which the same section says that it may lose what tells mailboxes apart.
    """
    return unicodedata.normalize("NFC", address.strip())


def folded(address: str) -> str:
    """Return what is equal for addresses that are one: in any case, composed or not (the canonical
    caseless match of the Unicode Standard, definition D145, in NFC)."""
    apart = unicodedata.normalize("NFD", address.strip()).casefold()
    return unicodedata.normalize("NFC", apart)


def folded_before(address: str) -> str:
    """Return what an address was compared by when it was not normalised (before migration 0005)."""
    return address.strip().casefold()


def is_one(address: str) -> bool:
    """Tell whether a canonical text can be an address."""
    name, _, host = address.partition("@")
    is_text = address.isprintable() and not any(map(str.isspace, address))
    # "ß" is two letters when it is folded, as which it is kept too.
    return bool(name and host and is_text) and max(len(address), len(folded(address))) <= LONGEST
