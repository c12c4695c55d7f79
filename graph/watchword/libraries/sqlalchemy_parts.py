"""The parts of SQLAlchemy that no documentation promises."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from sqlalchemy import BindParameter, Select


def shape(
    statement: Select[*tuple[Any, ...]],
) -> tuple[Hashable, Sequence[BindParameter[Any]]] | None:
    """Return a value that is equal for statements that differ only in their parameters, and the parameters.

    None if a part of the statement cannot be compared.
    """
    key = statement._generate_cache_key()
    return None if key is None else (key.key, key.bindparams)
