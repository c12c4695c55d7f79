"""Draws the figures of a run as SVG, with matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot

from benchmarks.growth import SWEEPS, Sweep
from benchmarks.samples import Samples
from benchmarks.servers import ALIKE, SERVERS

# Text stays text, and the same figures give the same file.
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "watchword",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
COLOURS = dict(
    zip(
        ALIKE,
        ("#c2410c", "#1d4ed8", "#7c3aed", "#0f766e", "#64748b", "#94a3b8", "#a16207"),
        strict=True,
    )
)
BARS = ("viewer", "list", "large", "mutation", "event-1000", "event-5000", "storm-1000")


def draw(samples: Samples, out: Path) -> None:
    """Write figures.svg for the measures beside other servers, and growth.svg for the sweeps."""
    with matplotlib.rc_context(STYLE):
        if measures := [name for name in BARS if name in samples.by_measure]:
            _bars(samples, measures, out / "figures.svg")
        if sweeps := [
            each for each in SWEEPS if each.measures().keys() <= samples.by_measure.keys()
        ]:
            _growth(samples, sweeps, out / "growth.svg")


def _bars(samples: Samples, measures: list[str], path: Path) -> None:
    figure, panels = _panels(len(measures))
    for panel, measure in zip(panels, measures, strict=True):
        servers = [name for name in samples.servers(measure) if name in COLOURS]
        costs = [samples.spread(measure, server, "cpu").median for server in servers]
        titles = [SERVERS[server].title for server in servers]
        drawn = panel.barh(titles, costs, color=[COLOURS[server] for server in servers])
        panel.bar_label(drawn, [f"{cost:,.0f}" for cost in costs], padding=2)
        panel.invert_yaxis()
        panel.set(title=f"{samples.titles[measure]}, µs", xlim=(0, max(costs) * 1.2))
        panel.xaxis.set_visible(False)
    _save(figure, path)


def _growth(samples: Samples, sweeps: list[Sweep], path: Path) -> None:
    figure, panels = _panels(len(sweeps))
    for panel, sweep in zip(panels, sweeps, strict=True):
        names = list(sweep.measures())
        for server in samples.servers(names[-1]):
            costs = [samples.spread(name, server, "cpu").median for name in names]
            title = SERVERS[server].title
            panel.plot(sweep.numbers, costs, marker="o", color=COLOURS[server], label=title)
        panel.set(title=sweep.over, ylabel=sweep.cost, xscale="log", yscale="log")
        panel.set_xticks(sweep.numbers, [f"{number:,}" for number in sweep.numbers])
        panel.xaxis.minorticks_off()
        panel.yaxis.set_major_formatter("{x:,.0f}")
        panel.yaxis.set_minor_formatter("{x:,.0f}")
    panels[0].legend(frameon=False)
    _save(figure, path)


def _panels(number: int) -> tuple[Any, list[Any]]:
    rows = (number + 1) // 2
    figure, grid = pyplot.subplots(rows, 2, figsize=(9, 2.3 * rows), squeeze=False)
    panels = list(grid.flat)
    for panel in panels[number:]:
        panel.remove()
    return figure, panels[:number]


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
