"""A passkey in a real Chromium, with its virtual authenticator: registered, used to sign in and to step
up, refused when the phone is locked, when it is replayed and when it was removed."""

from __future__ import annotations

from pathlib import Path

from tests.clients.script import running
from tests.support.documents import HOW_TO, block
from tests.support.npm_package import bundled
from tests.support.server import LiveServer


async def test_a_person_registers_a_passkey_signs_in_with_it_and_steps_up(
    node: Path, chromium: Path, issuing_server: LiveServer, tmp_path: Path
) -> None:
    options = {
        "url": issuing_server.environment["WATCHWORD_ISSUER"],
        "email": issuing_server.email,
        "password": issuing_server.password,
        "chromium": str(chromium),
        "profile": str(tmp_path / "profile"),
        "package": bundled("index", "passkeys"),
        "documented": block(HOW_TO / "passkeys-and-codes.md", "js", "addPasskey"),
    }
    async with running(node, "passkeys.mjs", **options) as script:
        assert (await script.wait("signed in by password"))["status"] == 200
        registered = await script.wait("registered")
        assert registered["made"]["name"] == "phone"
        assert (registered["relyingParty"], registered["discoverable"]) == ("localhost", True)
        assert (await script.wait("registered twice"))["said"] == "InvalidStateError"
        signed_in = await script.wait("signed in by passkey")
        assert (signed_in["status"], signed_in["replayed"]) == (200, 401)
        assert signed_in["viewer"]["email"] == issuing_server.email
        [passkey] = signed_in["passkeys"]
        assert passkey["name"] == "phone"
        assert passkey["usedAt"] is not None
        assert (await script.wait("stepped up"))["status"] == 200
        assert (await script.wait("locked"))["said"] == "NotAllowedError"
        assert (await script.wait("removed"))["status"] == 401
        documented = await script.wait("documented")
        # Signing in changed who is signed in, twice, and the step-up did not.
        assert documented["changes"] == 2
        assert documented["answer"]["data"]["beginTotp"]["uri"].startswith("otpauth://")
        await script.wait("done")
