"""Each file has the members that Statuspage's own has, of the same types, and no other.

The table is taken from files that a page of Statuspage served in August 2026, of all addresses below: 65 incidents and
maintenances with 239 updates (api-evangelist/codametrix on GitHub, examples/). The files of GitHub's page must fit it too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from incident_room.pages.statuspage import FILES
from tests.incident_room.documents import OPEN, REGISTER, SET_STATUS
from tests.incident_room.pages.conftest import Served
from tests.incident_room.pages.test_export import generated

Shape = Mapping[str, str]
"""A member's name -> the types that it has; "[name]" is a list of objects of that shape, and "name" one of them."""

COMPONENT = {
    "id": "str", "name": "str", "status": "str", "created_at": "str", "updated_at": "str", "position": "int",
    "description": "str null", "showcase": "bool", "start_date": "str null", "group_id": "str null", "page_id": "str",
    "group": "bool", "only_show_if_degraded": "bool",
}  # fmt: skip
EVERY_INCIDENT = {
    "id": "str", "name": "str", "status": "str", "created_at": "str", "updated_at": "str", "monitoring_at": "str null",
    "resolved_at": "str null", "impact": "str", "shortlink": "str", "started_at": "str", "page_id": "str",
    "incident_updates": "[update]", "components": "[component]",
}  # fmt: skip
SHAPES: Mapping[str, Shape] = {
    "page": {"id": "str", "name": "str", "url": "str", "time_zone": "str", "updated_at": "str"},
    "status": {"indicator": "str", "description": "str"},
    "component": COMPONENT,
    "group": {**COMPONENT, "components": "[str]"},
    "incident": {**EVERY_INCIDENT, "reminder_intervals": "null"},
    # Nobody has to say here until when a maintenance lasts, as Statuspage demands.
    "maintenance": {**EVERY_INCIDENT, "scheduled_for": "str", "scheduled_until": "str null"},
    "update": {
        "id": "str", "status": "str", "body": "str", "incident_id": "str", "created_at": "str", "updated_at": "str",
        "display_at": "str null", "affected_components": "[affected] null", "deliver_notifications": "bool",
        "custom_tweet": "str null", "tweet_id": "str null",
    },
    "affected": {"code": "str", "name": "str", "old_status": "str", "new_status": "str"},
}  # fmt: skip
ENDPOINTS: Mapping[str, Shape] = {
    "summary": {
        "page": "page", "components": "[component] [group]", "incidents": "[incident]",
        "scheduled_maintenances": "[maintenance]", "status": "status",
    },
    "status": {"page": "page", "status": "status"},
    "components": {"page": "page", "components": "[component] [group]"},
    "incidents": {"page": "page", "incidents": "[incident]"},
    "incidents/unresolved": {"page": "page", "incidents": "[incident]"},
    "scheduled-maintenances": {"page": "page", "scheduled_maintenances": "[maintenance]"},
    "scheduled-maintenances/upcoming": {"page": "page", "scheduled_maintenances": "[maintenance]"},
    "scheduled-maintenances/active": {"page": "page", "scheduled_maintenances": "[maintenance]"},
}  # fmt: skip
PLAIN = {str: "str", int: "int", bool: "bool", type(None): "null"}


def faults(found: Any, shape: Shape, path: str, *, is_whole: bool = True) -> Iterator[str]:
    """Return what an object has that its shape has not, and what it lacks, with the objects in it."""
    if is_whole and found.keys() != shape.keys():
        yield f"{path} differs in {sorted(found.keys() ^ shape.keys())}"
    for name, value in found.items():
        yield from _of(value, shape.get(name, "").split(), f"{path}.{name}", is_whole)


def _of(value: Any, kinds: list[str], path: str, is_whole: bool) -> Iterator[str]:
    if isinstance(value, list):
        inner = [each.strip("[]") for each in kinds if each.startswith("[")]
        for number, each in enumerate(value):
            yield from _of(each, inner, f"{path}[{number}]", is_whole)
    elif isinstance(value, dict):
        # A component is a group, or none.
        kind = "group" if value.get("group") and "group" in kinds else next(iter(kinds), "")
        yield from faults(value, SHAPES.get(kind, {}), path, is_whole=is_whole)
    elif PLAIN[type(value)] not in kinds:
        yield f"{path} is {value!r}, and must be {kinds}"


def test_the_table_has_all_files() -> None:
    assert ENDPOINTS.keys() == FILES.keys()


@pytest.mark.parametrize("name", ENDPOINTS)
async def test_each_file_has_the_members_and_types_of_statuspage(same: Served, name: str) -> None:
    await same.take(generated())
    part = await same.change(REGISTER, name="Own", group="Ours")
    await same.change(SET_STATUS, component=part["id"], status="PARTIAL_OUTAGE")
    await same.change(OPEN, name="Mine", body="x", components=[part["id"]])
    file = await same.json(name)
    assert [*faults(file, ENDPOINTS[name], name)] == []
    # Something of each kind was compared.
    assert all(file.values()), file


async def test_files_of_an_empty_page_have_them_too(served: Served) -> None:
    for name, shape in ENDPOINTS.items():
        assert [*faults(await served.json(name), shape, name)] == []


def test_a_file_with_many_incidents_of_a_page_fits_the_table(many: bytes) -> None:
    told = json.loads(many)
    # The file has incidents and maintenances, and was written with fewer members than the page serves.
    both = {**EVERY_INCIDENT, "scheduled_for": "str", "scheduled_until": "str"}
    for incident in told["incidents"]:
        incident.pop("something_new", None)  # the generated file has it, for the import to ignore
        assert [*faults(incident, both, incident["id"], is_whole=False)] == []
    assert [*faults(told["page"], SHAPES["page"], "page", is_whole=False)] == []
