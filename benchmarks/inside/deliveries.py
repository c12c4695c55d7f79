"""Profiles deliveries of events by Watchword and by Mercurius: `python -m benchmarks.inside.deliveries`.

Each server delivers bursts of five events to 1,000 subscribers while `perf` samples it. Printed are the microseconds
of processor time for each delivery, how they divide over the kernel and the libraries, and the functions that take the
most. `perf` (Linux) must be installed, and Mercurius, which `make bench` installs.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import cores
from benchmarks.home import Home
from benchmarks.load.crowd import Crowd
from benchmarks.measures.events import BURST
from benchmarks.operations import MINE, UPDATES
from benchmarks.servers import SERVERS, Running, running

QUERIES = {"shared": UPDATES, "personal": MINE}
# Samples a second of processor time.
FREQUENCY = "999"
FUNCTIONS = 8
LINE = re.compile(r"\s*([\d.]+)%\s+(.*\S)")


def main() -> None:
    """Profile, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.inside.deliveries", description=__doc__
    )
    parser.add_argument("--size", type=int, default=1_000, help="subscribers")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each profile")
    parser.add_argument("--servers", default="watchword,mercurius")
    options = parser.parse_args()
    if shutil.which("perf") is None:
        sys.exit("perf is not installed: it is in the package linux-perf, or linux-tools.")
    cores.prepare()
    with tempfile.TemporaryDirectory() as folder:
        home = asyncio.run(Home.make(Path(folder)))
        for server in options.servers.split(","):
            for kind in QUERIES:
                with running(SERVERS[server], home) as server_running:
                    cost = _deliver(server_running, kind, options, Path(folder) / "perf.data")
                    _print(f"{SERVERS[server].title}, {kind}", cost, Path(folder) / "perf.data")


def _deliver(server: Running, kind: str, options: argparse.Namespace, file: Path) -> float:
    """Deliver bursts while `perf` writes samples to a file; return the microseconds of a delivery."""
    crowd = Crowd(server.port, server.home.tokens())
    crowd.connect([QUERIES[kind]] * options.size)
    crowd.go_live()
    # A server in Node.js gets faster while it runs.
    _bursts(crowd, options.seconds)
    before, delivered = server.cpu(), crowd.delivered
    with _sampled(server, file):
        _bursts(crowd, options.seconds)
    cost = (server.cpu() - before) / (crowd.delivered - delivered) * 1e6
    crowd.close()
    return cost


def _bursts(crowd: Crowd, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        crowd.hear(BURST)


@contextmanager
def _sampled(server: Running, file: Path) -> Iterator[None]:
    command = ["perf", "record", "-q", "-e", "cpu-clock", "-F", FREQUENCY, "-o", str(file)]
    perf = subprocess.Popen([*command, "-p", str(server.process.pid)], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        perf.terminate()
        perf.wait()


def _print(title: str, cost: float, file: Path) -> None:
    print(f"\n{title}: {cost:.1f} µs a delivery")
    for share, name in _shares(file, "dso"):
        if share >= 1:
            print(f"  {cost * share / 100:5.1f} µs  {share:4.0f} %  {name}")
    for share, name in _shares(file, "dso,symbol")[:FUNCTIONS]:
        print(f"      {cost * share / 100:5.1f} µs  {' '.join(name.split())}", flush=True)


def _shares(file: Path, by: str) -> list[tuple[float, str]]:
    """Return the percentages of the samples, largest first."""
    command = ["perf", "report", "-i", str(file), "--stdio", "-q", "--sort", by]
    report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = (LINE.fullmatch(line.rstrip()) for line in report.splitlines())
    return [(float(each[1]), each[2]) for each in found if each]


if __name__ == "__main__":
    main()
