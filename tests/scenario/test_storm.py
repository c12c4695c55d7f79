"""Followers receive everything once and in order, whatever is killed: see storm.py. `SEED=n` repeats a run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.scenario.storm import FORGETFUL, Storm, run

pytestmark = [pytest.mark.exhaustive, pytest.mark.xdist_group("scenario")]


async def test_every_follower_receives_exactly_what_it_may_see(tmp_path: Path) -> None:
    figures = await run(Storm(clients=200, events=5_000, seed=seed()), tmp_path)
    print(json.dumps(figures))


async def test_followers_are_told_of_lost_events_and_receive_the_rest_once_and_in_order(
    tmp_path: Path,
) -> None:
    storm = Storm(30, 300, seed(), kinds=FORGETFUL, kept=50)
    figures = await run(storm, tmp_path)
    print(json.dumps(figures))
    assert figures["fetched anew"]


def seed() -> int:
    chosen = int(os.environ.get("SEED") or int.from_bytes(os.urandom(4), "big"))
    print(f"SEED={chosen}")
    return chosen
