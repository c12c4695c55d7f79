"""Each alert rule fires when its trouble is there, and not while all is well; Prometheus' own promtool says so."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.documents import HOW_TO
from tests.support.programs import missing, program
from watchword.telemetry.metrics.catalogue import ALL
from watchword.telemetry.metrics.prometheus import prometheus_name

ALERTS = HOW_TO / "metrics/alerts.yml"
RULES = {
    rule["alert"]: rule
    for group in yaml.safe_load(ALERTS.read_text())["groups"]
    for rule in group["rules"]
}
# Minutes after which the alerts are looked at; one sample a minute.
MINUTES = 40
Series = dict[str, str]

BUCKET = "watchword_operation_duration_seconds_bucket"
DELAY = "watchword_revocation_delay_seconds_bucket"
OPERATIONS = "watchword_operation_duration_seconds_count"
EXCEEDED = "watchword_limit_exceeded_total"
POOL = 'db_client_connection_count{instance="a",db_client_connection_state="used"}'
# For each alert: the series of a server in trouble, and those of one that is well.
CASES: dict[str, tuple[Series, Series]] = {
    "WatchwordDown": ({'up{job="watchword"}': "0x60"}, {'up{job="watchword"}': "1x60"}),
    "WatchwordErrors": (
        {
            'watchword_errors_total{instance="a",code="INTERNAL"}': "0+6x60",
            f'{OPERATIONS}{{instance="a"}}': "0+60x60",
        },
        {
            'watchword_errors_total{instance="a",code="INTERNAL"}': "0x60",
            'watchword_errors_total{instance="a",code="NOT_FOUND"}': "0+60x60",
            f'{OPERATIONS}{{instance="a"}}': "0+60x60",
        },
    ),
    "WatchwordSlow": (
        {
            f'{BUCKET}{{instance="a",le="1.0"}}': "0+90x60",
            f'{BUCKET}{{instance="a",le="2.5"}}': "0+100x60",
            f'{BUCKET}{{instance="a",le="+Inf"}}': "0+100x60",
        },
        {
            f'{BUCKET}{{instance="a",le="0.1"}}': "0+100x60",
            f'{BUCKET}{{instance="a",le="+Inf"}}': "0+100x60",
        },
    ),
    "WatchwordLogNotLookedAt": (
        {"watchword_log_look_age_seconds": "20x60"},
        {"watchword_log_look_age_seconds": "1x60"},
    ),
    "WatchwordEventsLate": (
        {"watchword_log_lag": "2000x60", "watchword_mailboxes_behind": "0x60"},
        {"watchword_log_lag": "10x60", "watchword_mailboxes_behind": "3x60"},
    ),
    "WatchwordRevocationsLate": (
        {
            f'{DELAY}{{instance="a",le="2.5"}}': "0+1x60",
            f'{DELAY}{{instance="a",le="5.0"}}': "0+10x60",
            f'{DELAY}{{instance="a",le="+Inf"}}': "0+10x60",
        },
        {
            f'{DELAY}{{instance="a",le="0.005"}}': "0+10x60",
            f'{DELAY}{{instance="a",le="+Inf"}}': "0+10x60",
        },
    ),
    "WatchwordRefreshTokensReused": (
        {"watchword_session_reuses_total": "0+1x60"},
        {"watchword_session_reuses_total": "0x20 1x40"},
    ),
    "WatchwordTokensForged": (
        {'watchword_token_refusals_total{instance="a",rule="signature"}': "0+120x60"},
        {'watchword_token_refusals_total{instance="a",rule="exp"}': "0+600x60"},
    ),
    "WatchwordSlowClients": (
        {'watchword_connection_closes_total{instance="a",code="1013"}': "0+60x60"},
        {'watchword_connection_closes_total{instance="a",code="1001"}': "0+60x60"},
    ),
    "WatchwordDatabasePoolFull": (
        {POOL: "15x60", 'db_client_connection_max{instance="a"}': "15x60"},
        {POOL: "5x60", 'db_client_connection_max{instance="a"}': "15x60"},
    ),
    "WatchwordBeyondBudgets": (
        {
            f'{EXCEEDED}{{instance="a",limit="budget_per_address"}}': "0+6x60",
            f'{OPERATIONS}{{instance="a"}}': "0+60x60",
        },
        {
            f'{EXCEEDED}{{instance="a",limit="budget_per_address"}}': "0+1x60",
            f'{EXCEEDED}{{instance="a",limit="cost"}}': "0+60x60",
            f'{OPERATIONS}{{instance="a"}}': "0+60x60",
        },
    ),
    "WatchwordTaskFails": (
        {'watchword_background_task_healthy{task="the look"}': "0x60"},
        {'watchword_background_task_healthy{task="the look"}': "1x60"},
    ),
}


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    found = program("promtool")
    if found is None:
        missing("There is no promtool: run `apt-get install prometheus`.")
    return subprocess.run([found, *arguments], capture_output=True, text=True, check=False)


def case(alert: str, series: Series, *, fires: bool) -> dict[str, Any]:
    """A test of promtool: whether an alert fires over these series."""
    firing = f'group(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": firing,
                "eval_time": f"{MINUTES}m",
                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
            }
        ],
    }


def checked(tests: list[dict[str, Any]], folder: Path) -> subprocess.CompletedProcess[str]:
    written = folder / "tests.yml"
    written.write_text(
        yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests})
    )
    return promtool("test", "rules", written)


def test_each_alert_has_a_case() -> None:
    assert {*RULES} == {*CASES}


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_fires_in_trouble_and_not_while_all_is_well(alert: str, tmp_path: Path) -> None:
    trouble, well = CASES[alert]
    done = checked([case(alert, trouble, fires=True), case(alert, well, fires=False)], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_does_not_fire_is_found(tmp_path: Path) -> None:
    _, well = CASES["WatchwordDown"]
    assert checked([case("WatchwordDown", well, fires=True)], tmp_path).returncode != 0


def test_the_rules_are_well_formed() -> None:
    done = promtool("check", "rules", ALERTS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_says_what_is_wrong_and_what_to_do(alert: str) -> None:
    rule = RULES[alert]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert all(rule["annotations"][name].endswith(".") for name in ("summary", "action"))


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_asks_for_metrics_that_exist(alert: str) -> None:
    names = set(re.findall(r"\b(?:watchword|db_client)_\w+", RULES[alert]["expr"]))
    labels = {each.replace(".", "_") for metric in ALL for each in metric.attributes}
    known = {
        prometheus_name(metric) + ending
        for metric in ALL
        for ending in ("", "_total", "_bucket", "_count", "_sum")
    }
    assert names <= known | labels
