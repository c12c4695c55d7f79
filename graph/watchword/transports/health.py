"""The health routes: whether this process is alive, and whether it is ready for traffic."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import text

from watchword.process.background import Background, Supervised
from watchword.storage.database import Database

# Seconds in which the database must answer. A load balancer waits for no more than a few.
ANSWER_SECONDS = 2.0


def routes(database: Database, background: Background) -> APIRouter:
    """Make `/health/live` and `/health/ready`.

    The first answers 200 while the process runs. The second answers 503 while the database does not
    answer or a needed background task fails; a failing task that is not needed leaves it at 200, with
    status "degraded".
    """
    router = APIRouter(prefix="/health")
    question = _Question(database, background)

    # RFC 9110, section 9.1: a resource that supports GET supports HEAD.
    @router.api_route("/live", methods=["GET", "HEAD"])
    async def live() -> dict[str, str]:
        """200 while the process answers."""
        return {"status": "ok"}

    @router.api_route("/ready", methods=["GET", "HEAD"])
    async def ready(response: Response) -> dict[str, Any]:
        """200 when the database answers and all needed background tasks are well; else 503."""
        answers, unwell = await question.ask(), background.unwell
        is_ready = answers and not any(task.is_needed for task in unwell)
        response.status_code = 200 if is_ready else 503
        status = "unavailable" if not is_ready else "degraded" if unwell else "ok"
        said = {"status": status, "database": "ok" if answers else "not reachable"}
        return {**said, "tasks": _describe(unwell)} if unwell else said

    return router


class _Question:
    """Asks the database for an answer, once for all requests that arrive at the same time.

    While the database hangs, the probes therefore hold one connection, however many arrive.
    """

    def __init__(self, database: Database, background: Background) -> None:
        self._database = database
        self._background = background
        self._asking: asyncio.Task[None] | None = None

    async def ask(self) -> bool:
        """Return whether the database answers within `ANSWER_SECONDS`."""
        if self._asking is None or self._asking.done():
            self._asking = self._background.spawn("the health check of the database", self._ask())
        asked = self._asking
        await asyncio.wait({asked}, timeout=ANSWER_SECONDS)
        return asked.done() and not asked.cancelled() and asked.exception() is None

    async def _ask(self) -> None:
        async with self._database.read() as db:
            await db.execute(text("SELECT 1"))


def _describe(unwell: list[Supervised]) -> dict[str, str]:
    """Say which tasks fail, and since when. The reason is in the log only: the route is public."""
    return {task.name: f"not well since {_moment(task.failed_at or 0)}" for task in unwell}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
