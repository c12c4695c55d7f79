"""Signing keys in GraphQL: for admins that signed in recently, without the private part."""

from __future__ import annotations

import pytest

from tests.support.mounted_room import watchword_app, watchword_settings  # noqa: F401
from watchword.testing import App

KEYS = "{ signingKeys { id algorithm state createdAt signsAt retiresAt } }"
ROTATE = (
    "mutation ($now: Boolean!) { rotateSigningKeys(atOnce: $now) { id state signsAt retiresAt } }"
)


async def test_the_first_key_signs(watchword: App) -> None:
    admin = watchword.as_user(roles=["admin"])
    watchword.clock.move(1)
    [key] = (await admin.query(KEYS))["signingKeys"]
    assert (key["algorithm"], key["state"], key["retiresAt"]) == ("ES256", "SIGNS", None)


async def test_a_new_key_is_published_and_signs_later(watchword: App) -> None:
    admin = watchword.as_user(roles=["admin"])
    # The first key signs from the moment when the database was made, which may be the second that has begun.
    watchword.clock.move(1)
    [old] = (await admin.query(KEYS))["signingKeys"]
    new, kept = (await admin.mutate(ROTATE, now=False))["rotateSigningKeys"]
    assert (new["state"], kept["state"]) == ("PUBLISHED", "SIGNS")
    assert (kept["id"], kept["retiresAt"] > new["signsAt"]) == (old["id"], True)
    log = await admin.query("{ auditLog(action: KEY_ADDED, first: 1) { nodes { actor detail } } }")
    [entry] = log["auditLog"]["nodes"]
    assert entry["detail"]["kid"] == new["id"]
    assert entry["actor"] == admin.id


async def test_a_key_that_replaces_another_at_once_lets_it_verify(watchword: App) -> None:
    admin = watchword.as_user(roles=["admin"])
    await admin.mutate(ROTATE, now=True)
    watchword.clock.move(60)
    states = [each["state"] for each in (await admin.query(KEYS))["signingKeys"]]
    assert states == ["SIGNS", "VERIFIES"]


@pytest.mark.parametrize("role", ["viewer", "responder", "commander"])
async def test_others_see_no_keys(watchword: App, role: str) -> None:
    caller = watchword.as_user(roles=[role])
    assert (await caller.refusal(KEYS)).code == "FORBIDDEN"
    assert (await caller.refusal(ROTATE, now=True)).code == "FORBIDDEN"


async def test_an_unattended_browser_makes_no_key(watchword: App) -> None:
    admin = watchword.as_user(roles=["admin"])
    watchword.clock.move(400)
    await admin.query(KEYS)
    assert (await admin.refusal(ROTATE, now=True)).code == "STEP_UP_REQUIRED"
