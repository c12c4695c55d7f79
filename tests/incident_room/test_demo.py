"""The demo data contains examples of everything in the schema."""

from __future__ import annotations

from incident_room.demo import COMPONENTS, STORIES, demo
from tests.support.principals import Room
from watchword.storage.database import Publishing


async def test_the_demo_fills_an_empty_room(room: Room) -> None:
    # At a first start no server has answered yet, so the demo need not publish what it writes.
    room.services.database.publishing = Publishing()
    async with room.context("admin").write() as unit:
        await demo(unit)
    query = """{
      components { status history { uptime days { worst } } }
      incidents(first: 100) { totalCount nodes { status updates { totalCount } internalNotes { body } } }
      open: incidents(filter: {open: true}) { totalCount }
    }"""
    data = await room.data("admin", query)
    assert len(data["components"]) == len(COMPONENTS)
    # Those whose story was without impact, and which is to come, had only good days.
    bad = [each for each in data["components"] if each["history"]["days"]]
    assert len(bad) == len(COMPONENTS) - 2
    assert all(98 < each["history"]["uptime"] <= 100 for each in bad)
    assert data["incidents"]["totalCount"] == len(STORIES)
    assert data["open"]["totalCount"] == 2
    assert sum(len(each["internalNotes"]) for each in data["incidents"]["nodes"]) == 2
    assert all(each["updates"]["totalCount"] for each in data["incidents"]["nodes"])
