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
import sys
import tempfile
from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path

from benchmarks import cores, tables
from benchmarks.compare import compare
from benchmarks.home import Home
from benchmarks.measures import events, requests
from benchmarks.operations import OPERATIONS
from benchmarks.samples import Sample, Samples
from benchmarks.servers import SERVERS, Running, running

MEASURES = (*OPERATIONS, *events.AUDIENCES)


def main() -> None:
    """Compare, measure, and print; write the samples and tables to a folder."""
    options = _parser().parse_args()
    cores.prepare()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        home = asyncio.run(Home.make(Path(folder)))
        samples = Samples()
        try:
            run(home, options, samples)
        finally:
            if samples.by_measure:
                _write(samples, options.out)


def run(home: Home, options: argparse.Namespace, samples: Samples) -> None:
    """Run all servers, compare their answers, and measure them in turn in each round."""
    with ExitStack() as stack:
        servers = [stack.enter_context(running(SERVERS[name], home)) for name in options.servers]
        compare(servers, home)
        for name in options.only:
            for server in servers:
                if name in OPERATIONS and _offers(server, name):
                    requests.measure(server, home, OPERATIONS[name], options.warm)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
            for name in options.only:
                for server in servers if number % 2 == 0 else servers[::-1]:
                    if _offers(server, name):
                        sample = _sample(server, home, name, options)
                        samples.add(name, server.server.name, sample)


def _offers(server: Running, name: str) -> bool:
    operation = OPERATIONS.get(name)
    return operation is None or not operation.only or server.server.name in operation.only


def _sample(server: Running, home: Home, name: str, options: argparse.Namespace) -> Sample:
    if name in OPERATIONS:
        return requests.measure(server, home, OPERATIONS[name], options.seconds)
    return events.measure(server, home, events.AUDIENCES[name], options.events)


def _write(samples: Samples, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "samples.json").write_text(json.dumps(samples.by_measure, indent=1))
    table = tables.markdown(samples)
    (out / "figures.md").write_text(table)
    print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="for each operation over HTTP")
    parser.add_argument("--warm", type=float, default=1.0, help="seconds before the first round")
    parser.add_argument("--events", type=int, default=50, help="published to each audience")
    parser.add_argument("--only", type=_some(MEASURES), default=list(MEASURES), metavar="NAMES")
    parser.add_argument("--servers", type=_some(SERVERS), default=list(SERVERS), metavar="NAMES")
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
