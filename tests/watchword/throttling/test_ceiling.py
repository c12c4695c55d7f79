"""One place decides about every limit: by the number that is set, with the error that the table names."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import watchword
from watchword.config.limits import PLACES, REQUEST, TABLE, TIME
from watchword.config.settings import Settings
from watchword.errors import BadUserInput, RateLimited, TooComplex, TooLarge, WatchwordError
from watchword.throttling.ceiling import Ceiling, refusal


def ceiling(**settings: Any) -> Ceiling:
    return Ceiling(Settings(_env_file=None, **settings))


def test_as_much_as_is_allowed_passes_and_one_more_is_refused() -> None:
    made = ceiling(max_operations=3)
    made.check("operations", 3)
    with pytest.raises(RateLimited, match="3 operations are open on this connection"):
        made.check("operations", 4)


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("body_bytes", TooLarge, 413),
        ("upload_file_bytes", TooLarge, 413),
        ("upload_files", TooLarge, 413),
        ("batch", BadUserInput, 400),
        ("connections_per_principal", RateLimited, 429),
        ("depth", TooComplex, 400),
    ],
)
def test_the_error_is_of_the_kind_that_the_table_names(
    name: str, kind: type[WatchwordError], status: int
) -> None:
    made = ceiling()
    with pytest.raises(kind) as caught:
        made.check(name, made.most(name) + 1, "It")
    assert type(caught.value) is kind
    assert caught.value.status == status


def test_a_schema_may_allow_more() -> None:
    ceiling().check("batch", 7, most=7)
    with pytest.raises(BadUserInput, match="a batch may have 7"):
        ceiling().check("batch", 8, most=7)


def test_a_body_that_was_not_read_to_its_end_is_refused_as_one_that_was() -> None:
    said = ceiling(max_body_bytes=20_000).refusal("body_bytes", "The body").message
    assert said == refusal("body_bytes", 20_001, 20_000, "The body").message
    assert said == "The body is larger than 20000 bytes."


def test_the_number_of_every_limit_can_be_asked_for() -> None:
    made = ceiling()
    assert all(made.most(limit.name) is not None for limit in TABLE)


def test_quotas_have_the_numbers_that_are_set() -> None:
    made = ceiling(max_operations_per_address=1, max_connections_per_address=2)
    operations, connections = made.operations(), made.connections()
    operations.take("192.0.2.1")
    with pytest.raises(RateLimited):
        operations.take("192.0.2.1")
    connections.take("192.0.2.1")
    connections.take("192.0.2.1")
    with pytest.raises(RateLimited):
        connections.take("192.0.2.1")


# Made from settings once, where operations are measured and budgets are kept, or the number of a queue of their own.
MAKERS = {"config", "cli"}


def test_no_other_module_reads_the_setting_of_a_limit_on_time_size_or_place() -> None:
    names = {each.setting for each in (*REQUEST, *TIME, *PLACES)} - {None, "max_tokens"}
    package = Path(watchword.__file__).parent
    reads = [
        f"{path.relative_to(package)}: {node.attr}"
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] not in MAKERS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in names
    ]
    assert reads == []
