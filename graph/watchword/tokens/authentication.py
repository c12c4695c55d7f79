"""How a person has authenticated: the methods (`amr`, RFC 8176) and their class (`acr`) in a token. Pure."""

from __future__ import annotations

from collections.abc import Collection

MULTI_FACTOR = "mfa"
"""The method of RFC 8176 that says that more than one factor was used."""
PHISHING_RESISTANT = "phr"
"""The class of an authentication by passkey (OpenID Connect Extended Authentication Profile ACR Values 1.0)."""
TWO_FACTORS = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
"""The class of an authentication by more than one factor (OpenID Provider Authentication Policy Extension 1.0)."""
CLASSES = (PHISHING_RESISTANT, TWO_FACTORS)
"""The classes that a client can ask our own sign-in for (`acr_values`)."""
_KEYS = frozenset({"hwk", "swk"})


def is_by_passkey(methods: Collection[str]) -> bool:
    """Tell whether methods include a passkey: a key that was proved while its owner was present (`user`)."""
    return "user" in methods and not _KEYS.isdisjoint(methods)


def classes_of(methods: Collection[str]) -> frozenset[str]:
    """Return all authentication context classes that methods fulfil: those of a passkey here fulfil both."""
    reached = {PHISHING_RESISTANT} if is_by_passkey(methods) else set()
    return frozenset(reached | ({TWO_FACTORS} if MULTI_FACTOR in methods else set()))


def class_of(methods: Collection[str]) -> str | None:
    """Return the authentication context class of methods; None if they are one factor, for which no name is registered."""
    if is_by_passkey(methods):
        return PHISHING_RESISTANT
    return TWO_FACTORS if MULTI_FACTOR in methods else None
