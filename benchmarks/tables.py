"""Writes the figures of a run as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.measures.events import AUDIENCES
from benchmarks.operations import OPERATIONS
from benchmarks.samples import Samples, Spread
from benchmarks.servers import SERVERS

OURS = "watchword"
HEAD = ("server", "CPU, µs", "Watchword takes", "median, ms", "99 %, ms", "a second")


def markdown(samples: Samples) -> str:
    """Return a table for each measure, with a line for each server."""
    return "\n".join(_table(samples, measure) for measure in samples.by_measure)


def _table(samples: Samples, measure: str) -> str:
    lines = [f"### {title(measure)}", "", _row(HEAD), _row(["---"] * len(HEAD))]
    for server in samples.servers(measure):
        lines.append(_row(_cells(samples, measure, server)))
    return "\n".join([*lines, ""])


def _cells(samples: Samples, measure: str, server: str) -> list[str]:
    figures = samples.by_measure[measure][server][0]
    cells = [SERVERS[server].title, f"{samples.spread(measure, server, 'cpu').median:,.1f}"]
    is_compared = server != OURS and OURS in samples.by_measure[measure]
    cells.append(ratio(samples.ratio(measure, OURS, server, "cpu")) if is_compared else "")
    for name in ("median", "p99"):
        cells.append(f"{samples.spread(measure, server, name).median / 1000:,.2f}")
    rate = f"{samples.spread(measure, server, 'rate').median:,.0f}" if "rate" in figures else ""
    return [*cells, rate]


def title(measure: str) -> str:
    """Return the title of a measure."""
    return OPERATIONS[measure].title if measure in OPERATIONS else AUDIENCES[measure].title


def ratio(spread: Spread) -> str:
    """Return a ratio with its lowest and highest value."""
    return f"{spread.median:.2f} ({spread.low:.2f} to {spread.high:.2f})"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
