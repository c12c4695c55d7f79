"""Limits are proposed from the metrics of a real server: twice what nearly all of its operations have."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import httpx2
import pytest

from tests.support.command_line import watchword
from tests.support.server import LiveServer, issuing
from watchword.cli.limit_report import PART, Measured, few, parse, proposal, rows
from watchword.config.limits import BUDGETS, measurable
from watchword.config.settings import Settings

LINE = 'watchword_operation_size_bucket{graphql_operation_name="%s",le="%s",limit="%s"} %s\n'
DEPTH = next(each for each in measurable() if each.name == "depth")


SPENT = 'watchword_budget_spent_bucket{le="%s",limit="%s"} %s\n'


def buckets(name: str, limit: str, **counts: int) -> str:
    return "".join(
        LINE % (name, "+Inf" if bound == "inf" else f"{float(bound[1:])}", limit, float(count))
        for bound, count in counts.items()
    )


def test_all_names_count_and_the_one_with_the_most_is_told() -> None:
    text = buckets("A", "depth", _2=990, _5=1_000, inf=1_000)
    text += buckets("B", "depth", _2=0, _5=0, _7=1, inf=1)
    text += buckets('Odd "name"', "cost", _0=0, inf=3).replace('Odd "name"', 'Odd \\"name\\"')
    text += 'watchword_operation_size_count{limit="depth"} 5\nother_bucket{le="1"} 7\n'
    measured = parse(text)
    assert measured["depth"] == Measured(1_001, 5.0, 7.0, "B")
    assert measured["cost"].usual == inf
    assert parse("") == {}


def test_single_operations_that_are_far_larger_change_no_proposal() -> None:
    most = int(10_000 * PART)
    text = buckets("A", "depth", _3=most, _1000=10_000, inf=10_000)
    assert proposal(parse(text)["depth"], DEPTH) == 6


def test_a_proposal_is_at_least_one_and_the_default_where_measuring_has_no_end() -> None:
    assert proposal(Measured(10, 0, 0, "A"), DEPTH) == 1
    default = Settings.model_fields["max_depth"].default
    assert proposal(Measured(10, inf, inf, "A"), DEPTH) == default


def proposed(text: str, **settings: int) -> dict[str, list[str]]:
    found = rows(parse(text), Settings(_env_file=None, **settings))  # type: ignore[arg-type]
    return {setting: rest for setting, *rest in found}


def minutes(limit: str, **counts: int) -> str:
    return "".join(
        SPENT % ("+Inf" if bound == "inf" else f"{float(bound[1:])}", limit, float(count))
        for bound, count in counts.items()
    )


def test_a_budget_is_twice_what_nearly_all_callers_spend_in_a_minute() -> None:
    text = minutes("budget_per_client", _30000=9_995, _700000=10_000, inf=10_000)
    row = proposed(text)["WATCHWORD_BUDGET_PER_CLIENT"]
    assert row == ["0", "60,000", "30,000", "700,000", "(a minute)", "10,000"]


def test_no_budget_is_proposed_that_could_not_pay_the_costliest_operation() -> None:
    spent = minutes("budget_per_address", _30=10_000, inf=10_000)
    of_cost = buckets("A", "cost", _50000=10_000, inf=10_000)
    assert proposed(spent)["WATCHWORD_BUDGET_PER_ADDRESS"][1] == "20,000"
    assert proposed(spent, max_cost=700)["WATCHWORD_BUDGET_PER_ADDRESS"][1] == "700"
    both = proposed(spent + of_cost)
    assert both["WATCHWORD_MAX_COST"][1] == both["WATCHWORD_BUDGET_PER_ADDRESS"][1] == "100,000"


def test_too_few_operations_and_too_few_minutes_are_told_apart() -> None:
    few_minutes = minutes("budget_per_principal", _30=7, inf=7)
    many = buckets("A", "depth", _3=10_000, inf=10_000)
    [said] = few(parse(few_minutes + many))
    assert said.startswith("Only 7 minutes of callers were measured.")
    assert not [*few(parse(many))]
    assert {limit.name for limit in BUDGETS} > {*parse(few_minutes)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    measuring = {"WATCHWORD_METRICS": "prometheus", "WATCHWORD_LIMITS": "measure"}
    with issuing(tmp_path_factory.mktemp("home"), **measuring, WATCHWORD_MAX_DEPTH="1") as made:
        yield made


def test_a_measuring_server_refuses_nothing_and_its_numbers_are_proposed(
    server: LiveServer,
) -> None:
    said = watchword("limits", "report", "--url", server.url)
    assert said.exit_code == 1
    assert "has measured no operation yet" in said.stderr
    query = "query Mine { incidents(first: 3) { nodes { id updates(first: 2) { nodes { id } } } } }"
    for _ in range(3):
        answer = httpx2.post(f"{server.url}/graphql", json={"query": query}).json()
        assert "errors" not in answer
    said = watchword("limits", "report", "--url", server.url, WATCHWORD_MAX_DEPTH="1")
    assert said.exit_code == 0, said.stderr
    rows = {line.split()[0]: line.split() for line in said.stdout.splitlines() if line.strip()}
    assert rows["WATCHWORD_MAX_DEPTH"][1:] == ["1", "10", "5", "5", "Mine", "3"]
    assert rows["WATCHWORD_MAX_ROOT_FIELDS"][2] == "2"
    assert "Only 3 operations were measured." in said.stdout
    metrics = httpx2.get(f"{server.url}/metrics").text
    assert 'watchword_limit_exceeded_total{limit="depth"} 1.0' in metrics


def test_a_server_without_metrics_is_told_what_it_needs(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with issuing(tmp_path_factory.mktemp("home")) as made:
        said = watchword("limits", "report", "--url", made.url)
    assert said.exit_code == 1
    assert "needs WATCHWORD_METRICS=prometheus" in said.stderr


def test_without_a_server_it_says_what_to_check() -> None:
    said = watchword("limits", "report", "--url", "http://127.0.0.1:9")
    assert said.exit_code == 1
    assert "cannot be reached" in said.stderr
