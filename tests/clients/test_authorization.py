"""A third party's application with a stock OAuth client, and the consent page in a real Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from pyotp import TOTP

from tests.clients.account import Account
from tests.clients.script import Script, running
from tests.support.path_proxy import behind_a_path
from tests.support.server import LiveServer, issuing

# What the browser itself reports: a password was wrong, a link goes nowhere.
REPORTED = ("status of 401", "status of 400")
QUERY = "{ viewer { id scopes } incidents(first: 1) { nodes { name } } }"


def register(server: LiveServer, name: str) -> str:
    """Register a native application; return its client_id."""
    added = server.run(
        *("clients", "add", name, "--public", "--grant", "authorization_code"),
        *("--grant", "refresh_token", "--scope", "incidents:read", "--scope", "members:read"),
        *("--redirect-uri", "http://127.0.0.1/callback"),
    )
    return added.split("Client:")[1].split()[0]


def account_of(server: LiveServer) -> Account:
    return {"url": server.url, "email": server.email, "password": server.password}


@pytest.mark.parametrize("colours", ["light", pytest.param("dark", marks=pytest.mark.exhaustive)])
async def test_a_person_lets_an_application_act_and_takes_it_back(
    colours: str,
    node: Path,
    chromium: Path,
    issuing_server: LiveServer,
    tmp_path: Path,
    screenshots: Path,
) -> None:
    client, account = register(issuing_server, "Pager <b>Bot</b>"), account_of(issuing_server)
    options = {
        "chromium": str(chromium),
        "profile": str(tmp_path / "profile"),
        "client": client,
        "scope": "incidents:read members:read members:write",
        "query": QUERY,
        "colours": colours,
        "screenshots": str(screenshots),
    }
    async with running(node, "authorization.mjs", **options, **account) as script:
        await script.wait("discovered")
        assert (await script.wait("sign-in refused"))["text"]
        # The wrong password alone: to find out that nobody is signed in is no error.
        assert len([step for step in script.seen if step["step"] == "complaint"]) <= 1
        asked = await script.wait("asked")
        assert asked["settling"]
        assert asked["heading"] == "Pager <b>Bot</b> asks for access to your account"
        assert issuing_server.email in asked["account"]
        assert asked["scopes"] == ["See incidents as you see them", "See who the members are"]
        assert asked["stored"] == "{}"
        assert (await script.wait("denied"))["error"] == "access_denied"
        allowed = await script.wait("allowed")
        assert allowed["scope"] == "incidents:read members:read"
        answer = (await script.wait("answer"))["answer"]
        assert answer["data"]["viewer"]["scopes"] == ["incidents:read", "members:read"]
        assert answer["data"]["incidents"]["nodes"]
        consents = (await script.wait("consents"))["answer"]
        assert consents["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        refreshed = await script.wait("refreshed")
        assert refreshed["rotated"]
        assert refreshed["scope"] == allowed["scope"]
        own = (await script.wait("own consents"))["answer"]["data"]["consents"]
        assert own == [
            {"client": client, "scopes": [{"name": "incidents:read"}, {"name": "members:read"}]}
        ]
        withdrawn = await script.wait("withdrawn")
        assert (withdrawn["status"], withdrawn["code"]) == (401, "TOKEN_REVOKED")
        assert (await script.wait("refresh refused"))["error"] == "invalid_grant"
        assert (await script.wait("replay refused"))["error"] == "invalid_grant"
        # After signing out, the remaining cookie marks a known device; it does not sign anybody in.
        assert (await script.wait("other account"))["cookies"] == ["__Host-watchword-device"]
        lost = await script.wait("lost")
        assert lost["url"].startswith(account["url"] + "/oauth/authorize")
        assert "redirect_uri" in lost["text"]
        await script.wait("done")
    assert complaints(script) == []


def bound_options(server: LiveServer, chromium: Path, place: Path) -> dict[str, Any]:
    """Return the options of the script that signs in on a page that binds its tokens to a key."""
    return {
        "chromium": str(chromium),
        "profile": str(place / "profile"),
        "client": register(server, "Pager Bot"),
        "scope": "incidents:read",
        "query": QUERY,
        "dpop": True,
    }


@pytest.mark.exhaustive
async def test_where_every_token_is_bound_the_page_binds_its_own(
    node: Path, chromium: Path, tmp_path: Path
) -> None:
    bound = {"WATCHWORD_DPOP": "required", "WATCHWORD_DPOP_NONCE": "true"}
    with issuing(tmp_path / "home", **bound) as server:
        options = bound_options(server, chromium, tmp_path)
        account = account_of(server)
        async with running(node, "authorization.mjs", **options, **account) as script:
            assert (await script.wait("allowed"))["type"] == "dpop"
            answer = (await script.wait("answer"))["answer"]
            assert answer["data"]["viewer"]["scopes"] == ["incidents:read"]
            assert (await script.wait("stolen"))["status"] == 401
            await script.wait("done")
    assert complaints(script) == []


async def test_behind_a_path_that_a_proxy_takes_away_the_page_asks_nobody_else_and_binds_its_own(
    node: Path, chromium: Path, tmp_path: Path
) -> None:
    async with behind_a_path(tmp_path / "home", WATCHWORD_DPOP="required") as server:
        options = bound_options(server, chromium, tmp_path)
        account = account_of(server)
        async with running(node, "authorization.mjs", **options, **account) as script:
            assert (await script.wait("allowed"))["type"] == "dpop"
            answer = (await script.wait("answer"))["answer"]
            assert answer["data"]["viewer"]["scopes"] == ["incidents:read"]
            await script.wait("done")
    assert complaints(script) == []


async def test_a_person_with_a_second_factor_or_a_passkey_signs_in_on_the_page(
    node: Path, chromium: Path, tmp_path: Path
) -> None:
    with issuing(tmp_path / "home") as server:
        account = account_of(server)
        options = {
            "chromium": str(chromium),
            "profile": str(tmp_path / "profile"),
            "client": register(server, "Pager Bot"),
            "scope": "incidents:read",
            "recovery": await recovery_code(account),
        }
        async with running(node, "authorization.mjs", **options, **account) as script:
            assert (await script.wait("code refused"))["text"]
            assert server.email in (await script.wait("asked"))["account"]
            assert server.email in (await script.wait("asked"))["account"]
            await script.wait("done")
    assert complaints(script) == []


async def recovery_code(account: Account) -> str:
    """Turn on one-time codes for the account, and return a recovery code."""
    async with httpx2.AsyncClient(base_url=account["url"], timeout=30) as client:
        body = {"email": account["email"], "password": account["password"], "delivery": "body"}
        token = (await client.post("/api/auth/login", json=body)).json()["access_token"]

        async def change(document: str) -> Any:
            headers = {"authorization": f"Bearer {token}"}
            answer = await client.post("/graphql", json={"query": document}, headers=headers)
            return answer.json()["data"]

        secret = (await change("mutation { beginTotp { secret } }"))["beginTotp"]["secret"]
        codes = await change(f'mutation {{ confirmTotp(otp: "{TOTP(secret).now()}") }}')
    return str(codes["confirmTotp"][0])


def complaints(script: Script) -> list[str]:
    """Return the page's errors, without those that the browser itself reports."""
    said = [step["text"] for step in script.seen if step["step"] == "complaint"]
    return [text for text in said if not any(known in text for known in REPORTED)]
