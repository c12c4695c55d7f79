"""Writes the figures of a run as Markdown."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.samples import Samples, Spread
from benchmarks.servers import SERVERS

OURS = "watchword"
# What new documents are compared with.
PARSED = "core"
BESIDE = ("mercurius", "strawberry")
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


def markdown(samples: Samples, picture: str) -> str:
    """Return a page: a summary, the picture, and a table for each measure with a line for each server."""
    rounds = max(len(each) for by in samples.by_measure.values() for each in by.values())
    return "\n".join(
        [
            "# Beside other servers",
            "",
            f"Written by `make bench`: medians of {rounds} interleaved rounds on one core of"
            f" {_processor()}; ratios with the lowest and the highest round. CPU is the server's"
            " processor time for each request, delivery or connection.",
            "",
            *_summary(samples),
            *_new_documents(samples),
            f"![The processor time of each server]({picture})",
            "",
            *(_table(samples, measure) for measure in samples.by_measure),
        ]
    )


def _processor() -> str:
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return names[0] if names else platform.machine()


def _summary(samples: Samples) -> list[str]:
    """Return a line for each measure of Watchword, and its share of what others need."""
    others = [name for name in BESIDE if any(name in by for by in samples.by_measure.values())]
    head = ["CPU, µs", "Watchword", *(SERVERS[name].title for name in others)]
    head += [f"of {SERVERS[name].title}'s" for name in others]
    lines = [_row(head), _row(["---"] * len(head))]
    for measure, by_server in samples.by_measure.items():
        if OURS not in by_server or len(by_server) == 1 or PARSED in by_server:
            continue
        cells = [samples.titles[measure]]
        for name in (OURS, *others):
            cells.append(_cost(samples, measure, name) if name in by_server else "")
        for name in others:
            cells.append(_share(samples, measure, name) if name in by_server else "")
        lines.append(_row(cells))
    return [*lines, ""]


def _new_documents(samples: Samples) -> Iterator[str]:
    """Yield a sentence on what new documents cost. Their time is a difference, which has no place beside the others'."""
    for measure, by_server in samples.by_measure.items():
        if OURS in by_server and PARSED in by_server:
            share = ratio(samples.ratio(measure, OURS, PARSED, "cpu"))
            yield f"For {samples.titles[measure]}, Watchword needs {share} of {SERVERS[PARSED].title}."
            yield ""


def _cost(samples: Samples, measure: str, server: str) -> str:
    return f"{samples.spread(measure, server, 'cpu').median:,.1f}"


def _table(samples: Samples, measure: str) -> str:
    [figures, *_] = next(iter(samples.by_measure[measure].values()))
    columns = [column for column in COLUMNS if column[0] in figures]
    head = ["server", *(title for _, title, _, _ in columns), "Watchword's CPU of it"]
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
