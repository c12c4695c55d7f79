"""Writes the figures of a run as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.samples import Samples, Spread
from benchmarks.servers import SERVERS

OURS = "watchword"
# The figures of samples: name, title, factor, digits.
COLUMNS = (
    ("cpu", "CPU, µs", 1, 1),
    ("median", "median, ms", 1e-3, 2),
    ("p99", "99 %, ms", 1e-3, 2),
    ("rate", "a second", 1, 0),
    ("acknowledged", "acknowledged, s", 1, 2),
    ("live", "live, s", 1, 2),
    ("memory", "memory, KB", 1, 1),
)


def markdown(samples: Samples) -> str:
    """Return a table for each measure, with a line for each server."""
    return "\n".join(_table(samples, measure) for measure in samples.by_measure)


def _table(samples: Samples, measure: str) -> str:
    [figures, *_] = next(iter(samples.by_measure[measure].values()))
    columns = [column for column in COLUMNS if column[0] in figures]
    head = ["server", *(title for _, title, _, _ in columns), "Watchword's CPU is so much of it"]
    lines = [f"### {samples.titles[measure]}", "", _row(head), _row(["---"] * len(head))]
    for server in samples.servers(measure):
        cells = [SERVERS[server].title]
        for name, _, factor, digits in columns:
            median = samples.spread(measure, server, name).median
            cells.append(f"{median * factor:,.{digits}f}")
        lines.append(_row([*cells, _share(samples, measure, server)]))
    return "\n".join([*lines, ""])


def _share(samples: Samples, measure: str, server: str) -> str:
    ours = next(samples.servers(measure))
    if SERVERS[server].title.startswith("Watchword") or not ours.startswith(OURS):
        return ""
    return ratio(samples.ratio(measure, ours, server, "cpu"))


def ratio(spread: Spread) -> str:
    """Return a ratio with its lowest and highest value."""
    return f"{spread.median:.2f} ({spread.low:.2f} to {spread.high:.2f})"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
