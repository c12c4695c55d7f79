"""`consents` and `withdrawConsent` are for the person, and never for an application."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import strawberry

from tests.support.authorization import ConsentDesk, consent_desk
from tests.support.clock import MovedClock
from watchword.context import Context
from watchword.oauth.authorize.consent_fields import ConsentMutation, ConsentQuery
from watchword.principal import Principal
from watchword.storage.database import Database

schema = strawberry.Schema(ConsentQuery, ConsentMutation)
CONSENTS = "{ consents { client name scopes { name description } grantedAt usedAt } }"
WITHDRAW = "mutation ($client: ID!) { withdrawConsent(client: $client) { client name } }"


async def ask(
    room: ConsentDesk, principal: Principal, document: str, **variables: Any
) -> tuple[Any, Any]:
    context = Context(room.desk.auth.services, principal)
    result = await schema.execute(document, variables, context_value=context)
    error = result.errors[0].original_error if result.errors else None
    return result.data, getattr(error, "code", None)


async def test_a_person_sees_and_withdraws(database: Database, clock: MovedClock) -> None:
    async with consent_desk(database, clock) as room:
        me = await room.desk.auth.verify(await room.token())
        assert await ask(room, me, CONSENTS) == ({"consents": []}, None)
        who = await room.redeem(await room.code())
        assert who is not None
        data, _ = await ask(room, me, CONSENTS)
        (consent,) = data["consents"]
        assert consent.pop("grantedAt")
        assert consent.pop("usedAt")
        assert consent == {
            "client": room.client.id,
            "name": "Toy Counter",
            "scopes": [{"name": "toys:count", "description": "Count the toys"}],
        }
        data, _ = await ask(room, me, WITHDRAW, client=room.client.id)
        assert data["withdrawConsent"] == {"client": room.client.id, "name": "Toy Counter"}
        assert await ask(room, me, CONSENTS) == ({"consents": []}, None)
        for client in (room.client.id, "nobody", "\x00"):
            _, code = await ask(room, me, WITHDRAW, client=client)
            assert code == "NOT_FOUND"


async def test_nobody_elses_and_no_application(database: Database, clock: MovedClock) -> None:
    async with consent_desk(database, clock) as room:
        who = await room.redeem(await room.code())
        assert who is not None
        application = await room.desk.auth.verify((await room.desk.auth.issue(who)).token)
        for document in (CONSENTS, WITHDRAW):
            data, code = await ask(room, application, document, client=room.client.id)
            assert code == "FORBIDDEN"
        me = await room.desk.auth.verify(await room.token())
        bob = replace(me, subject="bob")
        assert await ask(room, bob, CONSENTS) == ({"consents": []}, None)
        _, code = await ask(room, bob, WITHDRAW, client=room.client.id)
        assert code == "NOT_FOUND"
        data, _ = await ask(room, me, CONSENTS)
        assert len(data["consents"]) == 1
