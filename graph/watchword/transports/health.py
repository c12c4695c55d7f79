"""The health routes: whether this process is alive, and whether it is ready for traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import text
from starlette.types import Scope

from watchword.process.background import Background, Supervised, reason
from watchword.storage.database import Database

# Seconds in which the database must answer. A load balancer waits for no more than a few.
ANSWER_SECONDS = 2.0


MaySee = Callable[[Scope], Awaitable[bool]]
"""Tells whether the caller of a request may see why something is not well."""


async def _nobody(_scope: Scope) -> bool:
    return False


def routes(database: Database, background: Background, may_see: MaySee = _nobody) -> APIRouter:
    """Make `/health/live` and `/health/ready`.

    The first answers 200 while the process runs. The second answers 503 while the database does not
    answer or a needed background task fails; a failing task that is not needed leaves it at 200, with
    status "degraded". What is not well is shown to everybody, and why only to callers for which `may_see` is true.
    """
    router = APIRouter(prefix="/health")
    question = _Question(database, background)

    # RFC 9110, section 9.1: a resource that supports GET supports HEAD.
    @router.api_route("/live", methods=["GET", "HEAD"])
    async def live() -> dict[str, str]:
        """200 while the process answers."""
        return {"status": "ok"}

    @router.api_route("/ready", methods=["GET", "HEAD"])
    async def ready(request: Request, response: Response) -> dict[str, Any]:
        """200 when the database answers and all needed background tasks are well; else 503. Says what is not well, and
        why to callers from `WATCHWORD_METRICS_NETWORKS` and to tokens with the scope `metrics:read`."""
        trouble, unwell = await question.ask(), background.unwell
        is_ready = trouble is None and not any(task.is_needed for task in unwell)
        response.status_code = 200 if is_ready else 503
        status = "unavailable" if not is_ready else "degraded" if unwell else "ok"
        said: dict[str, Any] = {"status": status, "database": "not reachable" if trouble else "ok"}
        if unwell:
            said["tasks"] = _describe(unwell)
        if (trouble or unwell) and await may_see(request.scope):
            said["why"] = _explain(trouble, unwell)
        return said

    return router


class _Question:
    """Asks the database for an answer, once for all requests that arrive at the same time.

    While the database hangs, the probes therefore hold one connection, however many arrive.
    """

    def __init__(self, database: Database, background: Background) -> None:
        self._database = database
        self._background = background
        self._asking: asyncio.Task[str | None] | None = None

    async def ask(self) -> str | None:
        """Return why the database does not answer within `ANSWER_SECONDS`; None if it does."""
        if self._asking is None or self._asking.done():
            self._asking = self._background.spawn("the health check of the database", self._ask())
        asked = self._asking
        await asyncio.wait({asked}, timeout=ANSWER_SECONDS)
        if not asked.done():
            return self._late()
        return "the server stops" if asked.cancelled() else asked.result()

    def _late(self) -> str:
        late, pool = f"no answer in {ANSWER_SECONDS:g} s", self._database.pool
        if pool.used < pool.most:
            return late
        return f"{late}: all {pool.most} connections are in use (WATCHWORD_DATABASE_POOL_SIZE)"

    async def _ask(self) -> str | None:
        # Return the failure instead of raising it: the probe may have been answered before the database fails.
        try:
            async with self._database.read() as db:
                await db.execute(text("SELECT 1"))
        except Exception as error:
            return reason(error)
        return None


def _describe(unwell: list[Supervised]) -> dict[str, str]:
    """Say which tasks fail, and since when."""
    return {task.name: f"not well since {_moment(task.failed_at or 0)}" for task in unwell}


def _explain(trouble: str | None, unwell: list[Supervised]) -> dict[str, str]:
    """Say why the database and the tasks are not well, without anything secret."""
    why = {task.name: task.why or "not known" for task in unwell}
    return why if trouble is None else {"database": trouble, **why}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
