"""Only the person decides on a consent, in our own page and with a token."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.support.authorization import (
    LOOPBACK,
    ConsentDesk,
)
from tests.support.identity import ORIGIN

EVIL = "https://evil.example"


async def test_an_application_cannot_consent_for_its_user(room: ConsentDesk) -> None:
    got = (await room.exchange(await room.code())).json()
    accomplice = await room.register(name="Accomplice")
    for decision in ("ask", "allow"):
        for client in (room.client.id, accomplice.id):
            decided = await room.decide(decision, got["access_token"], client_id=client)
            assert decided.status_code == 403
            assert "redirect_to" not in decided.json()
    assert len(await room.audited("CONSENT_GIVEN")) == 1


async def test_a_cookie_decides_nothing(room: ConsentDesk) -> None:
    await room.desk.login()
    assert room.desk.client.cookies
    for decision in ("ask", "allow"):
        assert (await room.decide(decision)).status_code == 401


@pytest.mark.parametrize("origin", [EVIL, "null", f"{ORIGIN}.evil.example"])
async def test_no_other_page_decides_even_with_a_token(origin: str, room: ConsentDesk) -> None:
    decided = await room.decide("allow", await room.token(), {"origin": origin})
    assert decided.status_code == 403


@pytest.mark.parametrize(
    "media_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"]
)
async def test_no_form_decides(media_type: str, room: ConsentDesk) -> None:
    headers = {"content-type": media_type, "authorization": f"Bearer {await room.token()}"}
    body = urlencode(room.asked() | {"decision": "allow"})
    decided = await room.desk.client.post("/oauth/authorize", content=body, headers=headers)
    assert decided.status_code == 415


async def test_a_token_in_the_url_decides_nothing(room: ConsentDesk) -> None:
    token = await room.token()
    decided = await room.desk.client.post(
        f"/oauth/authorize?access_token={token}", json=room.asked() | {"decision": "allow"}
    )
    assert decided.status_code == 401


async def test_a_link_alone_grants_an_app_on_the_device_nothing(room: ConsentDesk) -> None:
    # Any app can listen on loopback and use a public client_id (RFC 8252, section 8.6).
    token = await room.token()
    await room.told("allow", token, redirect_uri=LOOPBACK)
    again = await room.decide("ask", token, redirect_uri="http://127.0.0.1:6666/callback")
    assert "redirect_to" not in again.json()
