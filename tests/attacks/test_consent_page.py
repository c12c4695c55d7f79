"""The consent page shows all text as text, cannot be framed, and splits no header."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.support.authorization import ConsentDesk

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "</script><script>alert(1)</script>",
    "{script}{0.__class__}",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_input_is_never_markup(payload: str, room: ConsentDesk) -> None:
    named = await room.register(name=payload)
    quiet = (await room.show()).text
    for changes in (
        {"client_id": named.id},
        {"state": payload},
        {"scope": f"toys:count {quote(payload)}"},
        {"more": payload},
        {"login_hint": payload},
    ):
        shown = await room.show(**changes)
        assert shown.status_code == 200
        assert shown.text.count("<script") == quiet.count("<script")
        assert "<img" not in shown.text
    for changes in ({"redirect_uri": payload}, {"client_id": payload}):
        assert payload not in (await room.show(**changes)).text


async def test_a_header_cannot_be_split_by_what_comes_back(room: ConsentDesk) -> None:
    shown = await room.show(state="x\r\nset-cookie: a=b\r\n\r\n<html>", response_type="token")
    assert shown.status_code == 303
    assert "set-cookie" not in shown.headers
    assert "\n" not in shown.headers["location"]


async def test_no_page_shows_it_in_a_frame(room: ConsentDesk) -> None:
    for shown in (await room.show(), await room.show(client_id="nobody")):
        assert shown.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in shown.headers["content-security-policy"]
