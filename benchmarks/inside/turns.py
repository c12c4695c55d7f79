"""Measures the longest turn of the event loop while an event goes to 10,000 subscribers: `python -m benchmarks.inside.turns`.

Nothing else in the process runs during a turn: no other request, no timer. The measured server takes the time of each of
its turns. Printed are the longest turns of the events, by the clock and by the processor time of the server's thread, which
other processes on the machine do not lengthen.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from pathlib import Path
from urllib.request import urlopen

import orjson

from benchmarks import cores
from benchmarks.home import Home
from benchmarks.load.crowd import Crowd
from benchmarks.operations import MINE, UPDATES
from benchmarks.servers import ALONE, OURS, Server, running

QUERIES = {"shared": UPDATES, "personal": MINE}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inside.turns", description=__doc__)
    parser.add_argument("--size", type=int, default=10_000, help="subscribers")
    parser.add_argument("--events", type=int, default=20, help="each after all have the one before")
    parser.add_argument("--kinds", default=",".join(QUERIES))
    options = parser.parse_args()
    cores.prepare()
    serve = [str(OURS), "-m", "watchword", "serve", "--schema", "benchmarks.peers.turns_app:schema"]
    server = Server("turns", "Watchword", lambda port: [*serve, "--port", str(port)], OURS, ALONE)
    with tempfile.TemporaryDirectory() as folder:
        home = asyncio.run(Home.make(Path(folder)))
        for kind in options.kinds.split(","):
            with running(server, home) as serving:
                crowd = Crowd(serving.port, home.tokens())
                crowd.connect([QUERIES[kind]] * options.size)
                crowd.go_live()
                _longest(serving.port)
                turns = [_event(crowd, serving.port) for _ in range(options.events)]
                crowd.close()
            for name, index in (("clock", 0), ("processor", 1)):
                taken = sorted(turn[index] * 1_000 for turn in turns)
                middle = statistics.median(taken)
                print(
                    f"{kind}, {name}: median {middle:.1f} ms, longest {taken[-1]:.1f} ms",
                    flush=True,
                )


def _event(crowd: Crowd, port: int) -> tuple[float, float]:
    crowd.hear(1)
    crowd.rest()
    return _longest(port)


def _longest(port: int) -> tuple[float, float]:
    """Return the longest turn since it was last asked for, in seconds: by the clock, and of the processor."""
    with urlopen(f"http://127.0.0.1:{port}/turns") as answer:
        wall, processor = orjson.loads(answer.read())
    return float(wall), float(processor)


if __name__ == "__main__":
    main()
