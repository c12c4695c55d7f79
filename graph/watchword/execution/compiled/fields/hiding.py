"""Hides guarded enum values in compiled operations: which ones is decided once for an execution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLNamedType

from watchword.execution.compiled.compilation import Compilation
from watchword.execution.compiled.fields.checks import Check, Indexes, Place, leaf_check
from watchword.execution.compiled.run import Run
from watchword.permissions.field import refuse
from watchword.permissions.verdict import Denied

Hide = Callable[[Run], dict[str, Denied]]
"""Returns the values of an enum that the caller may not see, by their names."""


def hide(common: Compilation, kind: GraphQLNamedType) -> Hide | None:
    """Return what decides which values of a type are hidden; None if none ever is."""
    values = common.hidden.get(kind.name)
    if values is None:
        return None

    def denied(run: Run) -> dict[str, Denied]:
        # The principal of a live connection may change within an operation, when it is renewed.
        principal = run.context.principal
        kept = run.kept.get(values)
        if kept is None or kept[0] is not principal:
            kept = run.kept[values] = principal, values.denied(principal)
        return kept[1]

    return denied


def hiding_check(place: Place, denied: Hide) -> Check:
    """Return the check of an enum's value that also raises the error of one that is hidden."""
    complete = leaf_check(place)

    def check(value: Any, run: Run, indexes: Indexes) -> Any:
        done = complete(value, run, indexes)
        # A value that is not there yet is checked when it is.
        found = denied(run).get(done) if type(done) is str else None
        if found is not None:
            refuse(found, run.context.principal)
        return done

    return check
