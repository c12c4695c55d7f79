"""Each kind of Redis counts attempts for all processes together. test_attempts.py has one Redis alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.redis import SERVICE, live_cluster, live_redis, live_sentinel
from watchword.errors import RateLimited
from watchword.throttling.attempts import Attempts


async def test_behind_sentinels_it_counts_too(tmp_path: Path) -> None:
    with live_redis() as master, live_sentinel(master, tmp_path) as sentinel:
        await _is_shared(f"redis+sentinel://127.0.0.1:{sentinel.port}/{SERVICE}")


async def test_in_a_cluster_it_counts_too(tmp_path: Path) -> None:
    with live_cluster(tmp_path, 3) as nodes:
        await _is_shared(f"redis+cluster://127.0.0.1:{nodes[0].port}")


async def _is_shared(url: str) -> None:
    one, other = Attempts(url), Attempts(url)
    try:
        await one.count("1 per hour", "a")
        with pytest.raises(RateLimited):
            await other.count("1 per hour", "a")
    finally:
        await one.close()
        await other.close()
