"""Watchword beside Strawberry's own view: `make bench`. Prints medians and paired ratios.

Servers are pinned to one core and the load to another. Rounds are interleaved, each with fresh
processes, because the machine's speed changes; what counts is the ratio within a round, of the
processor time that the server spends on one request, or on one delivery of an event.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from benchmarks.load import Crowd, ask
from benchmarks.schema import PUBLISH, QUERIES, SUBSCRIPTION, schema
from graph.bootstrap import bootstrap
from graph.clock import SystemClock
from graph.database import Database
from graph.domain import Domain, Mount
from graph.identity.signing_keys import load as load_keys
from graph.settings import Settings
from graph.tokens.issue import Issuer
from graph.tokens.keys import KeyRing

SERVERS = ("strawberry_view", "watchword")
CORES = sorted(os.sched_getaffinity(0))
CONNECTIONS = 8
BURST = 10
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Running:
    """A server process: where it is, and how much processor time it has used."""

    origin: str
    process: subprocess.Popen[bytes]

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


def main() -> None:
    """Measure, and print as it comes."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each HTTP operation")
    parser.add_argument("--subscribers", type=int, default=500)
    parser.add_argument("--events", type=int, default=100)
    options = parser.parse_args()
    os.sched_setaffinity(0, {CORES[-1]})
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(_measure(options, Path(home)))


async def _measure(options: argparse.Namespace, home: Path) -> None:
    environment, tokens = await _prepare(home)
    cost: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number in range(options.rounds):
        for name in SERVERS if number % 2 == 0 else reversed(SERVERS):
            with _serve(name, environment) as server:
                for title, query in QUERIES.items():
                    cost[title][name].append(await _query(server, query, tokens, options))
                title = f"an event to each of {options.subscribers}"
                cost[title][name].append(await _fan_out(server, tokens, options))
            print(f"round {number + 1} of {options.rounds}: {name}", file=sys.stderr, flush=True)
    _print(cost)


async def _query(
    server: Running, query: str, tokens: list[str], options: argparse.Namespace
) -> float:
    body: dict[str, object] = {"query": query}
    await ask(server.origin, body, tokens[:CONNECTIONS], 0.5)
    before = server.cpu()
    answered = await ask(server.origin, body, tokens[:CONNECTIONS], options.seconds)
    return (server.cpu() - before) / answered * 1e6


async def _fan_out(server: Running, tokens: list[str], options: argparse.Namespace) -> float:
    crowd = await Crowd.gather(server.origin, tokens, options.subscribers, SUBSCRIPTION)
    before = server.cpu()
    publish = {"query": PUBLISH, "variables": {"times": BURST}}
    for _ in range(options.events // BURST):
        hears = asyncio.ensure_future(crowd.hears(BURST))
        await ask(server.origin, publish, tokens[:1], 0)
        await hears
    return (server.cpu() - before) / crowd.delivered * 1e6


async def _prepare(home: Path) -> tuple[dict[str, str], list[str]]:
    settings = Settings(home=home, admin_password=secrets.token_urlsafe(), _env_file=None)
    await bootstrap(settings, Mount(schema, Domain()), SystemClock())
    database = Database(settings.database_url)
    ring = await load_keys(database, time.time())
    await database.close()
    return _environment(settings, ring), _tokens(settings, ring)


def _environment(settings: Settings, ring: KeyRing) -> dict[str, str]:
    public = ring.signing.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        **os.environ,
        "WATCHWORD_HOME": str(settings.home),
        "WATCHWORD_ADMIN_PASSWORD": secrets.token_urlsafe(),
        "WATCHWORD_ISSUER": settings.issuer,
        "WATCHWORD_AUDIENCE": settings.audience,
        "WATCHWORD_LOG_LEVEL": "WARNING",
        "BENCH_PUBLIC_KEY": public.decode(),
    }


def _tokens(settings: Settings, ring: KeyRing) -> list[str]:
    issuer = Issuer(settings.issuer, settings.audience, 3600)
    return [
        issuer.issue(
            ring, subject=f"user{n}", roles=["responder"], session=f"s{n}", now=time.time(),
            scopes=["incidents:internal", "incidents:read"],
        ).token
        for n in range(200)
    ]  # fmt: skip


@contextmanager
def _serve(name: str, environment: dict[str, str]) -> Iterator[Running]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", str(port)],
        env={**environment, "BENCH_SERVER": name},
        stdout=subprocess.DEVNULL,
    )
    os.sched_setaffinity(process.pid, {CORES[0]})
    try:
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        yield Running(f"http://127.0.0.1:{port}", process)
    finally:
        process.kill()
        process.wait()


def _print(cost: dict[str, dict[str, list[float]]]) -> None:
    base, ours = SERVERS
    print(f"{'server CPU, µs':34}{base:>18}{ours:>12}   ratio (lowest to highest)")
    for title, by_name in cost.items():
        ratios = [b / o for b, o in zip(by_name[base], by_name[ours], strict=True)]
        print(
            f"{title:34}{statistics.median(by_name[base]):18.0f}"
            f"{statistics.median(by_name[ours]):12.0f}   {statistics.median(ratios):.1f}"
            f" ({min(ratios):.1f} to {max(ratios):.1f})"
        )


if __name__ == "__main__":
    main()
