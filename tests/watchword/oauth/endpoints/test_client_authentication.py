"""A client authenticates by exactly one method, the one that it is registered with."""

from __future__ import annotations

import base64
from dataclasses import replace
from urllib.parse import quote

from sqlalchemy import select

from tests.support.clock import MovedClock
from tests.support.identity import ORIGIN
from tests.support.oauth import APP, MACHINE, keyed, token_desk
from watchword.auth.tables import AuditEntry
from watchword.oauth.clients.client_assertion import TYPE
from watchword.storage.database import Database

GRANT = {"grant_type": "client_credentials"}


async def test_a_secret_is_shown_in_the_header_or_in_the_form(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        machine = await desk.register()
        form = GRANT | {"client_id": machine.id, "client_secret": machine.secret}
        assert (await desk.post("/oauth/token", form)).status_code == 200
        # Form-encoded in the header (RFC 6749, section 2.3.1), with the id in the form too.
        assert machine.secret is not None
        encoded = "".join(f"%{ord(letter):02X}" for letter in machine.secret)
        pair = base64.b64encode(f"{quote(machine.id)}:{encoded}".encode()).decode()
        for scheme in ("Basic", "basic", "BASIC"):
            response = await desk.post(
                "/oauth/token",
                GRANT | {"client_id": machine.id},
                headers={"authorization": f"{scheme} {pair}"},
            )
            assert response.status_code == 200, response.text


async def test_who_is_refused_hears_how_to_come_in(database: Database, clock: MovedClock) -> None:
    async with token_desk(database, clock) as desk:
        machine = await desk.register()
        for response in (
            await desk.token(replace(machine, secret="wrong")),
            await desk.post("/oauth/token", GRANT | {"client_id": machine.id}),
            await desk.post("/oauth/token", GRANT),
        ):
            assert response.status_code == 401
            assert response.json()["error"] == "invalid_client"
            assert response.headers["www-authenticate"].startswith("Basic ")


async def test_nobody_learns_which_clients_there_are(database: Database, clock: MovedClock) -> None:
    async with token_desk(database, clock) as desk:
        machine = await desk.register()
        wrong = await desk.token(replace(machine, secret="wrong"))
        unknown = await desk.token(replace(machine, id="client_unknown"))
        assert (wrong.status_code, wrong.text) == (unknown.status_code, unknown.text)
        async with database.read() as db:
            refused = select(AuditEntry.client_id).filter_by(action="CLIENT_REFUSED")
            found = await db.execute(refused.order_by(AuditEntry.position))
        assert list(found.scalars()) == [machine.id, None]


async def test_a_client_id_beside_an_assertion_is_its_own(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        asked, key = keyed()
        signer = await desk.register(asked, key)
        shown = GRANT | {"client_assertion_type": TYPE}
        for number, (id, status) in enumerate([(signer.id, 200), ("client_other", 400)]):
            assertion = signer.assertion(clock.now(), jti=str(number))
            form = shown | {"client_assertion": assertion, "client_id": id}
            assert (await desk.post("/oauth/token", form)).status_code == status


async def test_the_key_that_replaces_another_is_the_only_one(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        asked, key = keyed()
        other = replace(await desk.register(asked, key), key=keyed()[1])
        assert (await desk.token(other)).status_code == 401


async def test_an_assertion_is_good_once_until_it_has_ended(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        asked, key = keyed()
        signer, second = await desk.register(asked, key), await desk.register(asked, key)
        form = GRANT | {"client_assertion_type": TYPE}
        assertion = signer.assertion(clock.now(), aud=ORIGIN)
        statuses = [
            (await desk.post("/oauth/token", form | {"client_assertion": each})).status_code
            for each in (assertion, assertion, second.assertion(clock.now()))
        ]
        # The ids must be of the same client.
        assert statuses == [200, 401, 200]
        clock.move(64)
        late = await desk.post("/oauth/token", form | {"client_assertion": assertion})
        assert late.status_code == 401


async def test_a_public_client_needs_no_proof_and_may_show_none(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        app, machine = await desk.register(APP), await desk.register(MACHINE)
        who = await desk.session(app)
        form = {"grant_type": "refresh_token", "refresh_token": who.refresh_token}
        shown = form | {"client_id": app.id, "client_secret": machine.secret}
        assert (await desk.post("/oauth/token", shown)).status_code == 401
        assert (await desk.post("/oauth/token", form | {"client_id": app.id})).status_code == 200
