"""Each subscriber receives exactly what the model in world.py says, in ten thousand random steps.

`SEED=n` repeats a run.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.support.clock import MovedClock
from tests.support.toy_server import toy_pipeline
from tests.watchword.delivery.world import World


@pytest.mark.parametrize("seed", range(10))
async def test_subscribers_receive_what_was_committed_while_they_were_allowed_and_nothing_else(
    seed: int, clock: MovedClock
) -> None:
    seed = int(os.environ.get("SEED", seed))
    print(f"SEED={seed}")
    async with toy_pipeline(clock, mailbox_limit=3) as (pipeline, _):
        world = World(pipeline, clock, random.Random(seed))
        for _ in range(1_000):
            await world.step()
        await world.settle()
        world.check()
