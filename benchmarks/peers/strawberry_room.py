"""The measured list of the incident room on Strawberry's FastAPI router, with SQLAlchemy and data loaders,
as their documentations show."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import jwt
import strawberry
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import aliased
from starlette.requests import HTTPConnection
from strawberry.dataloader import DataLoader
from strawberry.fastapi import GraphQLRouter
from strawberry.permission import BasePermission

from incident_room.tables import ComponentRow, IncidentComponentRow, IncidentRow, UpdateRow
from incident_room.vocabulary import ComponentStatus, Impact, IncidentStatus
from watchword import Account, encode_id

TRUST = json.loads((Path(os.environ["BENCH_HOME"]) / "trust.json").read_text())
# Read once: PyJWT would parse the text of the key for each token.
KEY = cast(RSAPublicKey, load_pem_public_key(TRUST["key"].encode()))
sessions = async_sessionmaker(
    create_async_engine(os.environ["WATCHWORD_DATABASE_URL"]), expire_on_commit=False
)


class SeesMembers(BasePermission):
    message = "needs scope members:read"

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        return "members:read" in info.context["scopes"]


async def load_components(keys: list[str]) -> list[list[ComponentRow]]:
    statement = (
        select(IncidentComponentRow.incident_id, ComponentRow)
        .join(ComponentRow, ComponentRow.id == IncidentComponentRow.component_id)
        .where(IncidentComponentRow.incident_id.in_(keys))
        .order_by(ComponentRow.position, ComponentRow.id)
    )
    found: dict[str, list[ComponentRow]] = defaultdict(list)
    async with sessions() as db:
        for key, row in await db.execute(statement):
            found[key].append(row)
    return [found[key] for key in keys]


async def load_members(keys: list[str]) -> list[Account | None]:
    async with sessions() as db:
        rows = (await db.execute(select(Account).where(Account.id.in_(keys)))).scalars()
    found = {row.id: row for row in rows}
    return [found.get(key) for key in keys]


async def load_updates(keys: list[tuple[str, int]]) -> list[list[UpdateRow]]:
    """Load the newest updates of each incident; all keys of a request ask for the same number."""
    order = (UpdateRow.display_at.desc(), UpdateRow.id.desc())
    number = func.row_number().over(partition_by=UpdateRow.incident_id, order_by=order)
    numbered = (
        select(UpdateRow, number.label("number"))
        .where(UpdateRow.incident_id.in_([key for key, _ in keys]))
        .subquery()
    )
    row = aliased(UpdateRow, numbered)
    statement = select(row).where(numbered.c.number <= keys[0][1]).order_by(numbered.c.number)
    found: dict[str, list[UpdateRow]] = defaultdict(list)
    async with sessions() as db:
        for update in (await db.execute(statement)).scalars():
            found[update.incident_id].append(update)
    return [found[key] for key, _ in keys]


@strawberry.type
class Component:
    id: strawberry.ID
    name: str
    status: ComponentStatus


@strawberry.type
class Member:
    id: strawberry.ID
    name: str


@strawberry.type
class IncidentUpdate:
    id: strawberry.ID
    status: IncidentStatus
    body: str
    display_at: datetime


@strawberry.type
class Updates:
    nodes: list[IncidentUpdate]


@strawberry.type
class Incident:
    row: strawberry.Private[IncidentRow]
    id: strawberry.ID
    name: str
    impact: Impact
    status: IncidentStatus
    started_at: datetime

    @strawberry.field
    async def components(self, info: strawberry.Info) -> list[Component]:
        rows = await info.context["components"].load(self.row.id)
        return [
            Component(
                id=encode_id("Component", row.id), name=row.name, status=ComponentStatus(row.status)
            )
            for row in rows
        ]

    @strawberry.field(permission_classes=[SeesMembers])
    async def commander(self, info: strawberry.Info) -> Member | None:
        if self.row.commander_id is None:
            return None
        account = await info.context["members"].load(self.row.commander_id)
        return Member(id=encode_id("Member", account.id), name=account.name) if account else None

    @strawberry.field
    async def updates(self, info: strawberry.Info, first: int = 20) -> Updates:
        rows = await info.context["updates"].load((self.row.id, first))
        return Updates(nodes=[update(row) for row in rows])


def update(row: UpdateRow) -> IncidentUpdate:
    return IncidentUpdate(
        id=encode_id("IncidentUpdate", row.id),
        status=IncidentStatus(row.status),
        body=row.body,
        display_at=row.display_at,
    )


def incident(row: IncidentRow) -> Incident:
    return Incident(
        row=row,
        id=encode_id("Incident", row.id),
        name=row.name,
        impact=Impact(row.impact),
        status=IncidentStatus(row.status),
        started_at=row.started_at,
    )


@strawberry.type
class Incidents:
    nodes: list[Incident]


@strawberry.type
class Query:
    @strawberry.field
    async def incidents(self, info: strawberry.Info, first: int = 20) -> Incidents:
        order = (IncidentRow.started_at.desc(), IncidentRow.id.desc())
        rows = await info.context["db"].execute(select(IncidentRow).order_by(*order).limit(first))
        return Incidents(nodes=[incident(row) for row in rows.scalars()])


async def context(connection: HTTPConnection) -> AsyncIterator[dict[str, Any]]:
    db: AsyncSession
    async with sessions() as db:
        yield {
            "db": db,
            "scopes": scopes(connection.headers.get("authorization", "")),
            "components": DataLoader(load_components),
            "members": DataLoader(load_members),
            "updates": DataLoader(load_updates),
        }


def scopes(authorization: str) -> list[str]:
    claims = jwt.decode(
        authorization.removeprefix("Bearer "),
        KEY,
        algorithms=["RS256"],
        audience=TRUST["audience"],
        issuer=TRUST["issuer"],
    )
    return str(claims["scope"]).split()


router: GraphQLRouter[Any, None] = GraphQLRouter(
    strawberry.Schema(Query), path="/graphql", context_getter=context
)
app = FastAPI()
app.include_router(router)
