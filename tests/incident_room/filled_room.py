"""Fills a room with incidents and components, as a responder does."""

from __future__ import annotations

from typing import Any

from tests.incident_room.documents import OPEN, REGISTER
from tests.support.principals import Room


async def opened(room: Room, **changes: Any) -> str:
    """Open an incident, and return its id."""
    given = {"name": "Checkout fails", "body": "We are looking."} | changes
    return str((await room.data("responder", OPEN, input=given))["openIncident"]["id"])


async def component(room: Room, name: str) -> str:
    """Register a component, and return its id."""
    data = await room.data("responder", REGISTER, input={"name": name})
    return str(data["registerComponent"]["id"])
