"""A file of Statuspage with 819 incidents: a generated one, and GitHub's, which is not in this repository."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.inside.page import moved
from tests.incident_room.importers.test_statuspage import incident, update

# WATCHWORD_TEST_STATUSPAGE names the file of a real page. It is taken beside the generated one and never in its place.
REAL = Path(os.environ.get("WATCHWORD_TEST_STATUSPAGE", "github-incidents.json"))
KINDS = ["generated", *(["real"] if REAL.exists() else [])]
PAGE = "kctbh9vrtdwd"
COUNT = 819
WORDS = "We are looking into reports of degraded performance for some of our services. " * 4
STEPS = ("investigating", "investigating", "identified", "investigating", "monitoring", "resolved")


def recent(kind: str, now: datetime) -> bytes:
    """Return a file of one of KINDS whose newest incident began a day ago."""
    return generated(now) if kind == "generated" else moved(REAL.read_bytes(), now)


def generated(now: datetime) -> bytes:
    """As many incidents as GitHub had in four and a half years, each with six updates."""
    parts = [
        {"id": f"c{n}", "name": f"Service number {n}", "status": "operational", "description": "What it does."}
        for n in range(12)
    ]  # fmt: skip
    incidents = [_incident(number, now, parts) for number in range(COUNT)]
    page = {"id": PAGE, "updated_at": now.isoformat()}
    return json.dumps({"page": page, "components": parts, "incidents": incidents}).encode()


def _incident(number: int, now: datetime, parts: list[dict[str, str]]) -> dict[str, Any]:
    since = now.replace(microsecond=0) - timedelta(days=2 * number + 1)
    at = [_written(since + timedelta(minutes=20 * step)) for step in range(len(STEPS))]
    said = [
        update(f"u{number}-{step}", 1, status, body=WORDS, created_at=at[step], display_at=at[step])
        for step, status in enumerate(STEPS)
    ]
    impact = ("minor", "minor", "major", "critical")[number % 4]
    return incident(
        f"i{number}", *reversed(said), impact=impact, created_at=at[0], started_at=at[0],
        updated_at=at[5], monitoring_at=at[4], resolved_at=at[5], page_id=PAGE,
        components=[parts[number % 12], parts[number * 5 % 12]],
    )  # fmt: skip


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
