"""Measures Watchword beside other GraphQL servers: `make bench`.

All servers serve one schema and the same data from memory, and take the same tokens. Their answers are
compared first. A server runs on one core, the load generator on another; each round measures all servers
in turn, because the machine's speed varies over time, and ratios are those within a round.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

from benchmarks import cores, tables
from benchmarks.growth import SWEEPS
from benchmarks.home import Home
from benchmarks.measures import MEASURES
from benchmarks.measures.measure import Measure
from benchmarks.room import rooms
from benchmarks.run import Run
from benchmarks.samples import Samples
from benchmarks.servers import SERVERS, Server

POSTGRESQL = "postgresql://postgres@127.0.0.1:5432/postgres"
QUICK = {"rounds": 1, "seconds": 0.1, "warm": 0.0, "only": ["viewer", "list", "event-1000"]}


def main() -> None:
    """Compare, measure, and print; write the samples and tables to a folder."""
    parser = _parser()
    if parser.parse_known_args()[0].quick:
        parser.set_defaults(**QUICK)
    options = parser.parse_args()
    cores.prepare()
    logging.disable(logging.WARNING)
    # Another signal than the terminal's ends a run in the same way, with the rounds that are done.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        measures = _measures(options)
        places = {SERVERS[name].place for measure in measures for name in measure.servers}
        with rooms(Path(folder), places, options.postgresql) as homes:
            homes = {"": asyncio.run(Home.make(Path(folder))), **homes}
            servers = [name for name in options.servers if _is_ready(SERVERS[name], homes)]
            run = Run(homes, servers, measures, options.rounds, options.seconds, options.warm)
            run.keep = partial(_keep, options.out, "growth" if options.growth else "figures")
            try:
                run.measure()
            finally:
                if run.samples.by_measure:
                    print(run.keep(run.samples))


def _measures(options: argparse.Namespace) -> list[Measure]:
    if not options.growth:
        return [MEASURES[name] for name in options.only]
    return [measure for sweep in SWEEPS for measure in sweep.measures().values()]


def _is_ready(server: Server, homes: Mapping[str, Home]) -> bool:
    if not server.is_installed:
        print(f"{server.title} is not installed, and left out.", file=sys.stderr)
    return server.is_installed and server.place in homes


def _keep(out: Path, name: str, samples: Samples) -> str:
    """Write the samples, tables and the picture to the folder; return the tables."""
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(samples.by_measure, indent=1))
    table = tables.markdown(samples, f"{name}.svg")
    (out / f"{name}.md").write_text(table)
    try:
        from benchmarks import picture
    except ModuleNotFoundError as error:
        print(f"No picture is drawn: {error}. `make bench` installs it.", file=sys.stderr)
    else:
        picture.draw(samples, out)
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="see in seconds that all of it runs")
    parser.add_argument("--growth", action="store_true", help="measure how costs grow, instead")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.8, help="for each measurement")
    parser.add_argument("--warm", type=float, default=1.0, help="seconds before the first round")
    parser.add_argument("--only", type=_some(MEASURES), default=list(MEASURES), metavar="MEASURES")
    parser.add_argument("--servers", type=_some(SERVERS), default=list(SERVERS), metavar="SERVERS")
    parser.add_argument("--postgresql", default=POSTGRESQL, help="where databases can be made")
    parser.add_argument("--out", type=Path, default=Path("var/benchmark"), help="a folder")
    return parser


def _some(known: Collection[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(known)}")
        return chosen

    return names


if __name__ == "__main__":
    main()
