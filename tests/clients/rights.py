"""What the room offers to each role, and what the server answers to each role that asks for the same."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from incident_room.pages.assets import FOLDER
from tests.support.server import PASSWORD, LiveServer

MANIFEST = FOLDER / "built/documents.json"
ROLES = ("viewer", "responder", "commander", "admin")
RESPONDS, COMMANDS, ADMIN = {*ROLES[1:]}, {*ROLES[2:]}, {"admin"}
# The answers to somebody who may do a thing, but not with these values.
VALUES = {None, "CONFLICT", "BAD_USER_INPUT", "NOT_FOUND"}
# In the place of an id: what is asked for is not there.
NONE = "bm9uZTpub25l"

Table = dict[str, tuple[set[str], str, dict[str, Any]]]


def documents() -> dict[str, str]:
    """Return the queries and mutations of the pages by their names; of two forms, the one for those who see members."""
    operations = json.loads(MANIFEST.read_text())["operations"]
    found = [each for each in operations if each["type"] != "subscription"]
    return {each["name"]: each["body"] for each in reversed(found)}


class Rights:
    """Two incidents, one of which the responder commands, and everybody who asks."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http
        self._tokens: dict[str, str] = {}
        self._documents = documents()
        self.incidents: list[str] = []
        self.table: Table = {}

    @classmethod
    @asynccontextmanager
    async def of(cls, server: LiveServer) -> AsyncIterator[Rights]:
        """Open the incidents, and sign everybody in."""
        async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
            made = cls(http)
            for role in ROLES:
                who = {"email": f"{role}@example.com", "password": PASSWORD}
                answer = (await http.post("/api/auth/login", json=who)).json()
                made._tokens[role] = answer["access_token"]
            await made._prepare()
            yield made

    async def ask(self, role: str, name: str, variables: dict[str, Any]) -> Any:
        headers = {"authorization": f"Bearer {self._tokens[role]}"}
        body = {"query": self._documents[name], "operationName": name, "variables": variables}
        return (await self._http.post("/graphql", json=body, headers=headers)).json()

    async def allowed(self, button: str) -> set[str]:
        """Return the roles to which the server does not refuse what a button does."""
        _, name, variables = self.table[button]
        found = set()
        for role in ROLES:
            answer = await self.ask(role, name, variables)
            code = answer.get("errors", [{}])[0].get("extensions", {}).get("code")
            # Where the schema hides the field from a role, the operation is no valid one, and there is no data.
            if "data" in answer and code in VALUES:
                found.add(role)
        return found

    async def _prepare(self) -> None:
        members = (await self.ask("admin", "RoomMembers", {}))["data"]["members"]["nodes"]
        rosa = next(each["id"] for each in members if each["name"] == "Rosa Responder")
        for name, member in (("Nobody commands", None), ("Rosa commands", rosa)):
            given = {"name": name, "body": "We look.", "impact": "MINOR"}
            made = await self.ask("admin", "RoomOpen", {"input": given})
            incident = made["data"]["openIncident"]["id"]
            self.incidents.append(incident)
            assigned = {"incident": incident, "member": member}
            await self.ask("admin", "RoomAssign", {"input": assigned})
        everywhere = await self._of_incident("an incident", self.incidents[0], COMMANDS)
        where_rosa = "an incident that Rosa commands"
        led = await self._of_incident(where_rosa, self.incidents[1], RESPONDS)
        self.table = {**everywhere, **led, **OF_PAGES}

    async def _of_incident(self, place: str, incident: str, leads: set[str]) -> Table:
        """Return what is offered at an incident. No incident has the version -1, so that nothing is changed."""
        found = (await self.ask("admin", "RoomIncident", {"id": incident}))["data"]["incident"]
        update = found["updates"]["nodes"][0]["id"]
        known = {"incident": incident, "version": -1}
        post = {**known, "body": "Here."}
        buttons: Table = {
            "Public update": (RESPONDS, "RoomPost", {**post, "visibility": "PUBLIC"}),
            "Internal note": (RESPONDS, "RoomPost", {**post, "visibility": "INTERNAL"}),
            "Post update": (RESPONDS, "RoomPost", {**post, "visibility": "PUBLIC"}),
            "Hide from the public": (
                RESPONDS,
                "RoomVisibility",
                {"update": update, "visibility": "PUBLIC"},
            ),
            "Change status": (RESPONDS, "RoomStatus", {**known, "status": "MONITORING"}),
            "Change impact": (RESPONDS, "RoomImpact", {**known, "impact": "MAJOR"}),
            "Components": (RESPONDS, "RoomAffect", {**known, "components": []}),
            "Assign commander": (leads, "RoomAssign", {**known, "member": None}),
            "Resolve": (leads, "RoomResolve", known),
        }
        return {
            f"{place}: {button}": (roles, name, {"input": given})
            for button, (roles, name, given) in buttons.items()
        }


OF_PAGES: Table = {
    "incidents: Open an incident": (RESPONDS, "RoomOpen", {"input": {"name": "", "body": ""}}),
    "components: Register a component": (RESPONDS, "RoomRegister", {"input": {"name": ""}}),
    "members: Roles": (
        ADMIN,
        "RoomSetRoles",
        {"input": {"member": NONE, "roles": [], "version": -1}},
    ),
    "members: Sign out": (ADMIN, "RoomSignOut", {"account": NONE}),
    "members: Disable": (ADMIN, "RoomDisable", {"account": NONE}),
    "connections: End": (ADMIN, "RoomEnd", {"id": NONE}),
    "clients: Add a client": (
        ADMIN,
        "RoomAddClient",
        {"input": {"name": "", "grants": [], "scopes": []}},
    ),
    "keys: Make a new key": (ADMIN, "RoomKeys", {}),
    "audit: Load again": (ADMIN, "RoomAudit", {}),
}
