"""Requirements in words: what is needed to pass a rule, for messages, the SDL and the table of access."""

from __future__ import annotations

import json
from collections.abc import Iterable

from watchword.permissions.verdict import Requirement

# Begins the words of a rule that only counts whom it would refuse.
OBSERVED = "observed: "


def describe(requires: Requirement) -> str:
    """Return a requirement in words, for the SDL and for messages."""
    match requires:
        case {"scope": scope}:
            return f"scope {scope}"
        case {"role": role}:
            return f"role {role}"
        case {"claim": name, "value": value}:
            return f"the claim {name} {json.dumps(value, ensure_ascii=False)}"
        case {"signedIn": True}:
            return "signed in"
        case {"owner": name}:
            return f"to be the owner ({name})"
        case {"tenant": True}:
            return "a tenant"
        case {"tenant": name}:
            return f"to be of the same tenant ({name})"
        case {"delegated": True}:
            return "allowed to an application"
        case {"client": client}:
            return f"signed in by {client} itself"
        case {"authenticatedBy": method}:
            return f"an authentication by {method}"
        case {"multiFactor": True}:
            return "an authentication by more than one factor"
        case {"session": True}:
            return "a session of the person here"
        case {"maxAge": None}:
            return "a recent authentication"
        case {"maxAge": max_age}:
            return f"an authentication of the last {max_age} seconds"
        case {"condition": condition}:
            return str(condition)
        case {"not": rule}:
            return f"not ({describe(rule)})"
        case {"allOf": rules}:
            return " and ".join(_nested(rule) for rule in rules)
        case {"anyOf": rules}:
            return " or ".join(_nested(rule) for rule in rules)
    # The author of a rule chooses its requirement.
    named = (f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in requires.items())
    return ", ".join(named) or "anyone"


def together(words: Iterable[str]) -> str:
    """Return several requirements, all of which are needed, in words; "anyone" if there are none.

    "anyone" beside others says nothing, unless the others are only observed.
    """
    told = list(dict.fromkeys(words))
    needed = [each for each in told if each != "anyone"]
    if not all(each.startswith(OBSERVED) for each in needed):
        told = needed
    return " and ".join(_alone(each, told) for each in told) or "anyone"


def _alone(words: str, among: list[str]) -> str:
    return f"({words})" if " or " in words and len(among) > 1 else words


def _nested(requires: Requirement) -> str:
    words = describe(requires)
    return f"({words})" if "allOf" in requires or "anyOf" in requires else words
