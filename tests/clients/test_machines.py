"""Other services with a stock OAuth client: they get tokens by secret and by key, introspect and revoke them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec

from tests.clients.account import Account
from tests.clients.documents import SUBSCRIPTION
from tests.clients.responder import Responder
from tests.clients.script import running
from tests.support.server import LiveServer
from watchword.tokens.keys import encode, generate

QUERY = "{ viewer { id name roles scopes } incidents(first: 1) { edges { node { name } } } }"
MACHINE = ("--grant", "client_credentials", "--scope", "incidents:read")


def added(server: LiveServer, name: str, *options: str) -> dict[str, str]:
    """Register a client with the command line, and return its id and secret."""
    said = [line.split() for line in server.run("clients", "add", name, *options).splitlines()]
    words = {line[0]: line[1] for line in said if line and line[0] in ("Client:", "Secret:")}
    return {"client_id": words["Client:"], "secret": words.get("Secret:", "")}


def private_jwk() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a key pair: the private JWK for the client, and the public JWK to register."""
    key = generate("ES256", 0)
    assert isinstance(key.private, ec.EllipticCurvePrivateKey)
    secret = key.private.private_numbers().private_value.to_bytes(32, "big")
    public: dict[str, Any] = key.jwk()
    return public | {"d": encode(secret)}, {"keys": [public]}


async def test_machines_get_tokens_use_them_and_lose_them(
    node: Path, issuing_server: LiveServer, tmp_path: Path
) -> None:
    server = issuing_server
    account: Account = {
        "url": server.environment["WATCHWORD_ISSUER"],
        "email": server.email,
        "password": server.password,
    }
    key, jwks = private_jwk()
    (tmp_path / "jwks.json").write_bytes(orjson.dumps(jwks))
    machine = added(server, "Board", *MACHINE, "--scope", "members:read", "--role", "viewer")
    signer = added(server, "Signer", *MACHINE, "--jwks", str(tmp_path / "jwks.json"))
    options = {
        "machine": machine,
        "signer": signer | {"key": key},
        "bound": added(server, "Bound", *MACHINE, "--dpop"),
        "gateway": added(server, "Gateway", "--introspect"),
        "query": QUERY,
        "subscription": SUBSCRIPTION,
    }
    async with (
        Responder.signed_in(account) as responder,
        running(node, "machines.mjs", **options, **account) as script,
    ):
        assert "client_credentials" in (await script.wait("discovered"))["grants"]
        got = await script.wait("machine")
        assert (got["scope"], got["refresh"]) == ("incidents:read members:read", False)
        asked = await script.wait("asked")
        assert asked["status"] == 200
        viewer = asked["answer"]["data"]["viewer"]
        assert viewer["id"] == machine["client_id"]
        assert (viewer["name"], viewer["roles"]) == (None, ["viewer"])
        assert asked["answer"]["data"]["incidents"]["edges"]
        assert (await script.wait("narrow"))["scope"] == "incidents:read"
        assert (await script.wait("too much"))["error"] == "invalid_scope"
        wrong = await script.wait("wrong")
        assert "invalid_client" in str(wrong) or wrong["status"] == 401
        assert (await script.wait("signer"))["scope"] == "incidents:read"
        assert (await script.wait("unbound"))["error"] == "invalid_dpop_proof"
        assert (await script.wait("bound"))["type"].lower() == "dpop"
        assert (await script.wait("bound asked"))["status"] == 200
        assert (await script.wait("bound stolen"))["status"] == 401
        told = (await script.wait("introspected"))["told"]
        assert (told["active"], told["token_type"]) == (True, "DPoP")
        assert "jkt" in told["cnf"]
        assert (await script.wait("stranger"))["error"] == "unauthorized_client"
        assert (await script.wait("validated"))["sub"] == machine["client_id"]
        revoked = await script.wait("revoked")
        assert (revoked["status"], revoked["told"]) == (401, {"active": False})
        await script.wait("ready")
        heard = await responder.open_until(lambda: script.wait("next"))
        assert responder.knows(heard["answer"])
        await asyncio.to_thread(server.run, "clients", "disable", machine["client_id"])
        assert (await script.wait("closed"))["code"] == 4401
        disabled = await script.wait("disabled")
        assert "invalid_client" in str(disabled) or disabled["status"] == 401
        assert (await script.wait("disabled asked"))["status"] == 401
    assert machine["secret"] not in server.log
