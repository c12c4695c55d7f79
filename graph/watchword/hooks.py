"""The values that a domain's hooks are given. Pure values, independent of tables and frameworks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """An account, as hooks see it. `id` is the subject of its tokens."""

    id: str
    email: str
    name: str
    roles: frozenset[str]
    is_disabled: bool = False
