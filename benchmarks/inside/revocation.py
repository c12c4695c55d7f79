"""Measures how soon another process refuses the token of a revoked session: `python -m
benchmarks.inside.revocation`.

The time runs from one process's answer to revokeSession to the first 401 of the other process. Without
a bus, the other process finds the revocation in the log, which it checks every
WATCHWORD_LOG_LOOK_SECONDS; therefore each round begins at a random moment between two checks. Exits with
1 if the longest time exceeds a second.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.inside.processes import PASSWORD, processes

REVOKE = "mutation R($id: ID!) { revokeSession(id: $id) }"
SESSIONS = "{ sessions { id current } }"
LONGEST = 1.0


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.inside.revocation", description=__doc__
    )
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument(
        "--database-url", default="", help="an empty database; SQLite when not given"
    )
    parser.add_argument("--bus-url", default="", help="redis://…; only the log when not given")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as home,
        processes(Path(home), 2, options.database_url, options.bus_url) as origins,
    ):
        took = asyncio.run(_run(origins, options.rounds))
    took.sort()
    print(
        f"{len(took)} revocations, seconds until the other process refuses:"
        f" median {statistics.median(took):.3f}, worst {took[-1]:.3f}"
    )
    if took[-1] > LONGEST:
        sys.exit(f"The worst took longer than {LONGEST:.0f} second.")


async def _run(origins: list[str], rounds: int) -> list[float]:
    here, there = origins
    async with httpx2.AsyncClient(timeout=60) as client:
        return [await _once(client, here, there) for _ in range(rounds)]


async def _once(client: httpx2.AsyncClient, here: str, there: str) -> float:
    body = {"email": "admin@example.com", "password": PASSWORD, "delivery": "body"}
    token = (await client.post(f"{here}/api/auth/login", json=body)).json()["access_token"]
    sessions = (await _ask(client, there, token, SESSIONS)).json()["data"]["sessions"]
    [current] = [session["id"] for session in sessions if session["current"]]
    await asyncio.sleep(random.uniform(0, LONGEST))
    await _ask(client, here, token, REVOKE, id=current)
    began = time.monotonic()
    while (await _ask(client, there, token, SESSIONS)).status_code != 401:  # noqa: ASYNC110
        # The change happens in another process, so polling is the only way to see it.
        await asyncio.sleep(0.002)
    return time.monotonic() - began


async def _ask(
    client: httpx2.AsyncClient, origin: str, token: str, query: str, **variables: Any
) -> httpx2.Response:
    body = {"query": query, "variables": variables}
    headers = {"authorization": f"Bearer {token}"}
    return await client.post(f"{origin}/graphql", json=body, headers=headers)


if __name__ == "__main__":
    main()
