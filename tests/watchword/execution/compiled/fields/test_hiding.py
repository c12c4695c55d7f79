"""Which enum values are hidden is decided once for an execution, and again for another principal."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.support.both_executions import Both
from tests.support.payroll import DOMAIN, Query
from watchword.execution.compiled.fields.hiding import hide
from watchword.libraries.strawberry_parts import definition
from watchword.permissions.coverage import cover
from watchword.permissions.enum_values import hidden_of
from watchword.principal import ANONYMOUS, Grants, Principal

BOARD = Principal("member", Grants(frozenset({"payroll"}), frozenset({"board"})))


def both() -> Both:
    return Both(Query, added=lambda schema: cover(schema, DOMAIN))


def test_it_is_decided_again_when_the_principal_changes() -> None:
    schema = definition(both().schema)
    common: Any = SimpleNamespace(hidden=hidden_of(schema))
    denied = hide(common, schema.type_map["Level"])
    assert denied is not None
    run: Any = SimpleNamespace(kept={}, context=SimpleNamespace(principal=ANONYMOUS))
    assert denied(run) is denied(run)
    assert set(denied(run)) == {"BOARD"}
    run.context.principal = BOARD
    assert denied(run) == {}
    assert hide(common, schema.type_map["String"]) is None


async def test_the_text_of_an_operation_without_guarded_values_asks_nothing() -> None:
    run = both()
    await run.execute("{ people { name } }")
    assert "e_" not in run.text("{ people { name } }")
    await run.execute("{ people { level } }")
    assert "n not in e_Level" in run.text("{ people { level } }")
