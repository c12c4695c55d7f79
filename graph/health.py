"""Is this process alive, and is it ready for traffic."""

from __future__ import annotations

from fastapi import APIRouter, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from graph.database import Database


def routes(database: Database) -> APIRouter:
    """Make `/health/live` (200 while the process answers) and `/health/ready` (503 without database)."""
    router = APIRouter(prefix="/health")

    @router.get("/live")
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/ready")
    async def ready(response: Response) -> dict[str, str]:
        try:
            async with database.read() as session:
                await session.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError):
            response.status_code = 503
            return {"status": "unavailable", "database": "not reachable"}
        return {"status": "ok", "database": "ok"}

    return router
