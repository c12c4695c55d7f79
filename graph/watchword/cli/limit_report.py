"""`watchword limits report`: proposes limits from what a running server has measured."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from watchword.cli.limit_table import shown
from watchword.cli.running_server import UNREACHABLE, Asked, explain, running_server
from watchword.config.limits import BUDGETS, Limit, proposable
from watchword.config.settings import PREFIX, Settings
from watchword.errors import Unsafe
from watchword.telemetry.metrics.catalogue import SIZES, SPENT

# Operations, and minutes of a caller, up to this part of all are to be allowed with room: a limit of twice what they
# have.
PART, ROOM = 0.999, 2
# With fewer operations, the part above is a matter of single ones.
FEW = 10_000
# Its names in Prometheus, whose library need not be installed here.
_SIZES, _SPENT, *_ATTRIBUTES = (
    each.replace(".", "_") for each in (SIZES.name, SPENT.name, *SIZES.attributes)
)
_LINE = re.compile(rf"^(?:{_SIZES}|{_SPENT})_bucket\{{(.*)\}} (\S+)$", re.MULTILINE)
_BUDGETS = {limit.name for limit in BUDGETS}
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Buckets = dict[float, float]
"""How many operations, or minutes of a caller, had at most so much."""


class Measured(NamedTuple):
    """What the operations of one limit have: their number, what nearly all have at most, and what the largest has.

    `largest_by` is the name of an operation that has the most. Of a budget, what each caller has spent in a minute is
    measured in the place of operations, and nobody is named.
    """

    number: int
    usual: float
    largest: float
    largest_by: str


async def read_metrics(asked: Asked) -> str:
    """Return the metrics of a server. Raises `Unsafe` if it does not give them, or cannot be reached."""
    try:
        async with running_server(asked) as server:
            response = await server.get("/metrics", **server.authorization)
    except UNREACHABLE as error:
        raise Unsafe(explain(error)) from error
    if response.status_code != 200:
        raise Unsafe(
            f"/metrics answered {response.status_code}: the server needs WATCHWORD_METRICS=prometheus, and this takes a"
            " token with the scope metrics:read, or a network in WATCHWORD_METRICS_NETWORKS."
        )
    return response.text


def parse(text: str) -> dict[str, Measured]:
    """Return what was measured for each limit, from metrics in Prometheus' format."""
    by_name: dict[str, dict[str, Buckets]] = defaultdict(lambda: defaultdict(dict))
    limit_label, name_label = _ATTRIBUTES
    for labels, count in _LINE.findall(text):
        found = dict(_LABEL.findall(labels))
        bound = inf if found["le"] == "+Inf" else float(found["le"])
        by_name[found[limit_label]][found.get(name_label, "")][bound] = float(count)
    return {limit: _measured(names) for limit, names in by_name.items()}


def _measured(names: dict[str, Buckets]) -> Measured:
    total: Buckets = defaultdict(float)
    for buckets in names.values():
        for bound, count in buckets.items():
            total[bound] += count
    largest = {name: _at_most(buckets, 1) for name, buckets in names.items()}
    by = max(largest, key=lambda name: largest[name])
    return Measured(int(max(total.values())), _at_most(total, PART), largest[by], by)


def _at_most(buckets: Buckets, part: float) -> float:
    """Return the least bound that this part of the operations is within."""
    wanted = part * max(buckets.values())
    return next((bound for bound, count in sorted(buckets.items()) if count >= wanted), inf)


def few(measured: dict[str, Measured]) -> Iterator[str]:
    """Yield a sentence for each kind of what was measured of which there is too little to set limits by."""
    of_operations = [each.number for name, each in measured.items() if name not in _BUDGETS]
    of_callers = [each.number for name, each in measured.items() if name in _BUDGETS]
    for numbers, what in ((of_operations, "operations"), (of_callers, "minutes of callers")):
        if numbers and (least := min(numbers)) < FEW:
            yield f"Only {least:,} {what} were measured. Wait for some {FEW:,} before you set limits by them."


def proposal(measured: Measured, limit: Limit, least: float = 1) -> float:
    """Return twice what nearly all operations have, and at least `least`."""
    default = Settings.model_fields[limit.setting or ""].default
    return default if measured.usual == inf else max(least, ROOM * measured.usual)


def _dearest(measured: dict[str, Measured], settings: Settings) -> float:
    """Return what one operation may cost now, or may cost by the proposal. No budget can be smaller."""
    [cost] = [limit for limit in proposable() if limit.name == "cost"]
    found = measured.get("cost")
    return max(settings.max_cost, 0 if found is None else proposal(found, cost))


def rows(measured: dict[str, Measured], settings: Settings) -> Iterator[list[str]]:
    """Yield a heading and a row for each limit that was measured, with what is set and what is proposed."""
    yield ["setting", "is", "proposed", "99.9% at most", "largest at most", "by", "measured"]
    dearest = _dearest(measured, settings)
    for limit in proposable():
        if (found := measured.get(limit.name)) is None:
            continue
        proposed = proposal(found, limit, dearest if limit.name in _BUDGETS else 1)
        numbers = [limit.value(settings), proposed, found.usual, found.largest]
        yield [
            f"{PREFIX}{limit.setting or ''}".upper(),
            *map(shown, numbers),
            found.largest_by or "(a minute)",
            f"{found.number:,}",
        ]
