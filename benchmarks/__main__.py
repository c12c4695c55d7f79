"""Compares Watchword with other servers: `make bench`. Prints medians and paired ratios.

The server runs on one core, the load on another. Each round measures all servers in turn, in new
processes, because the machine's speed varies over time. The result is the ratio within a round of the
processor time that a server spends on one request, or on delivering one event to one subscriber.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from benchmarks.load import Crowd, ask
from benchmarks.place import CORES, Place, Running
from benchmarks.schema import OF_GROUP, PERSONAL, PUBLISH, QUERIES, SUBSCRIPTION
from benchmarks.tokens import ALGORITHMS, Desk

OURS, VIEW, BARE, PYJWT = "watchword", "strawberry_view", "bare", "pyjwt"
CONNECTIONS = 8
BURST = 10
# Seconds until subscribers are idle.
REST = 1.0

T = TypeVar("T")
Cost = dict[str, dict[str, list[float]]]
"""The figures of all rounds, by title and server."""


def main() -> None:
    """Measure, and print the results of each part."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each HTTP operation")
    parser.add_argument("--subscribers", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--idle", type=int, default=10_000, help="connections at rest")
    parser.add_argument(
        "--deaf", type=float, default=60.0, help="seconds of clients that never read"
    )
    parser.add_argument("--history", type=int, default=1_000_000, help="events in a long log")
    parser.add_argument("--only", choices=sorted(PARTS), action="append")
    options = parser.parse_args()
    os.sched_setaffinity(0, {CORES[-1]})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for name in options.only or PARTS:
        with tempfile.TemporaryDirectory() as home:
            asyncio.run(_part(PARTS[name], options, Path(home)))


async def _part(part: Part, options: argparse.Namespace, home: Path) -> None:
    cost: Cost = defaultdict(lambda: defaultdict(list))
    place = await Place.prepare(home)
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
        await part(place, options, cost, number)
    _print(cost)


async def _queries(place: Place, options: argparse.Namespace, cost: Cost, number: int) -> None:
    """Measure queries over HTTP, and compare them with Strawberry's own view."""
    for name in _in_turn((VIEW, OURS), number):
        with place.serve(name) as server:
            for title, query in QUERIES.items():
                took = await _query(server, query, place.tokens(), options.seconds)
                cost[f"{title}, µs"][name].append(took)


async def _fan_out(place: Place, options: argparse.Namespace, cost: Cost, number: int) -> None:
    """Measure deliveries of events, and compare them with Strawberry's own view."""
    size = options.subscribers
    classes = {"one class of grants": 1, "three classes": 3}
    for name in _in_turn((VIEW, OURS), number):
        for title, count in classes.items():
            with place.serve(name) as server:
                tokens = place.tokens(classes=count)
                took = await _deliver(server, tokens, [SUBSCRIPTION] * size, options)
            cost[f"to {size}, {title}, µs"][name].append(took)
        with place.serve(name) as server:
            took = await _deliver(server, place.tokens(), [PERSONAL] * size, options)
        cost[f"to {size}, all personal, µs"][name].append(took)


async def _groups(place: Place, options: argparse.Namespace, cost: Cost, number: int) -> None:
    """Measure deliveries to the same number of subscribers in more groups, and with a long event log."""
    size = options.subscribers
    for count in (1, 10, 100):
        queries = [OF_GROUP % (at % count) for at in range(size)]
        with place.serve(OURS) as server:
            took = await _deliver(server, place.tokens(), queries, options)
        cost[f"to {size} in {count} groups, µs"][OURS].append(took)
    if number == options.rounds - 1:
        place.fill_log(options.history)
        with place.serve(OURS) as server:
            took = await _deliver(server, place.tokens(), [SUBSCRIPTION] * size, options)
        cost[f"to {size} after {options.history} events, µs"][OURS].append(took)


async def _strangers(place: Place, options: argparse.Namespace, cost: Cost, number: int) -> None:
    """Measure one mutation with 400 subscribers that share nothing, and with as many as one address may
    have."""
    for size in (400, place.settings.max_operations_per_address):
        queries = [OF_GROUP % at for at in range(size)]
        with place.serve(OURS) as server:
            took = await _deliver(server, place.tokens(), queries, options)
        cost[f"one mutation, {size} that share nothing, ms"][OURS].append(took * size / 1_000)


async def _memory(place: Place, options: argparse.Namespace, cost: Cost, number: int) -> None:
    """Measure the memory of idle authenticated subscriptions, and compare it with bare sockets."""
    for name in _in_turn((BARE, OURS), number):
        with place.serve(name) as server:
            before = server.memory()
            crowd = await Crowd.gather(server.origin, place.tokens(), [SUBSCRIPTION] * options.idle)
            await asyncio.sleep(REST)
            took = (server.memory() - before) / options.idle
            crowd.close()
        cost[f"{options.idle} at rest, bytes each"][name].append(took)


async def _deaf(place: Place, options: argparse.Namespace, cost: Cost, number: int) -> None:
    """Measure memory while clients that never read connect again and again, and events are published
    without a pause."""
    if number:
        return
    with place.serve(OURS) as server:
        # One subscriber reads, so that the events are really delivered.
        reader = await Crowd.gather(server.origin, place.tokens(), [SUBSCRIPTION])
        until = time.monotonic() + options.deaf
        publish = {"query": PUBLISH, "variables": {"times": 100}}
        rounds: list[float] = []
        while time.monotonic() < until:
            deaf = await Crowd.gather(server.origin, place.tokens(), [SUBSCRIPTION] * 20)
            deaf.pause()
            await ask(server.origin, publish, place.tokens()[:4], options.deaf / 6)
            deaf.close()
            rounds.append(server.memory() / 1e6)
        reader.close()
    for at in (0, len(rounds) // 2, len(rounds) - 1):
        title = f"resident with deaf clients, round {at + 1} of {len(rounds)}, MB"
        cost[title][OURS].append(rounds[at])


async def _tokens(place: Place, options: argparse.Namespace, cost: Cost, number: int) -> None:
    """Measure the verification of tokens against PyJWT, and its share of the cost of a small query."""
    desks = {algorithm: Desk.of(place.settings, algorithm) for algorithm in ALGORITHMS}
    for algorithm, desk in desks.items():
        for title, took in (("first", desk.first()), ("again", desk.again())):
            for name, each in zip((OURS, PYJWT), took, strict=True):
                cost[f"{algorithm}, {title}, µs"][name].append(each)
    desk = desks["ES256"]
    known = await desk.by_headers()
    cost["again, with what was revoked, µs"][OURS].append(await desk.by_identity())
    cost["again, from the headers on, µs"][OURS].append(known)
    took = {}
    for title, cache in _in_turn((("first", "0"), ("again", "10000")), number):
        with place.serve(OURS, WATCHWORD_TOKEN_CACHE=cache) as server:
            query, tokens = QUERIES["viewer"], place.tokens()
            took[title] = await _query(server, query, tokens, options.seconds)
        cost[f"viewer query, {title}, µs"][OURS].append(took[title])
    first = took["first"] - took["again"] + known
    cost["share of authentication, first, %"][OURS].append(first / took["first"] * 100)
    cost["share of authentication, again, %"][OURS].append(known / took["again"] * 100)


async def _query(server: Running, query: str, tokens: list[str], seconds: float) -> float:
    body: dict[str, object] = {"query": query}
    await ask(server.origin, body, tokens[:CONNECTIONS], 0.5)
    before = server.cpu()
    answered = await ask(server.origin, body, tokens[:CONNECTIONS], seconds)
    return (server.cpu() - before) / answered * 1e6


async def _deliver(
    server: Running, tokens: list[str], queries: list[str], options: argparse.Namespace
) -> float:
    crowd = await Crowd.gather(server.origin, tokens, queries)
    await asyncio.sleep(REST)
    publish = {"query": PUBLISH, "variables": {"times": BURST}}
    await _burst(server, crowd, publish, tokens)
    before, delivered = server.cpu(), crowd.delivered
    for _ in range(options.events // BURST):
        await _burst(server, crowd, publish, tokens)
    crowd.close()
    return (server.cpu() - before) / (crowd.delivered - delivered) * 1e6


async def _burst(
    server: Running, crowd: Crowd, publish: dict[str, object], tokens: list[str]
) -> None:
    hears = asyncio.ensure_future(crowd.hears(BURST))
    await ask(server.origin, publish, tokens[:1], 0)
    await hears


def _in_turn(names: tuple[T, T], number: int) -> list[T]:
    return list(names if number % 2 == 0 else reversed(names))


def _print(cost: Cost) -> None:
    for title, by_name in cost.items():
        ours = by_name[OURS]
        line = f"{title:44}{OURS} {statistics.median(ours):,.1f}"
        for name in by_name.keys() - {OURS}:
            ratios = [b / o for b, o in zip(by_name[name], ours, strict=True)]
            line += (
                f"   {name} {statistics.median(by_name[name]):,.1f}"
                f"   ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            )
        print(line, flush=True)


Part = Callable[[Place, argparse.Namespace, Cost, int], Awaitable[None]]
PARTS: dict[str, Part] = {
    "queries": _queries,
    "fan-out": _fan_out,
    "groups": _groups,
    "strangers": _strangers,
    "memory": _memory,
    "deaf": _deaf,
    "tokens": _tokens,
}

if __name__ == "__main__":
    main()
