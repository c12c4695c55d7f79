"""Nothing lost, nothing twice, in order, whatever is killed: see storm.py. `SEED=n` repeats a run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.scenario.storm import Storm, run


@pytest.mark.xdist_group("scenario")
async def test_every_follower_ends_with_exactly_what_it_was_allowed_to_see(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED") or int.from_bytes(os.urandom(4), "big"))
    print(f"SEED={seed}")
    figures = await run(Storm(clients=200, events=20_000, seed=seed), tmp_path)
    print(json.dumps(figures))
