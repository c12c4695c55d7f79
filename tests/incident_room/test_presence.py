"""Who has an incident open now: seen by those who see what is internal, and by nobody else."""

from __future__ import annotations

from base64 import b64decode

import pytest

from tests.incident_room.documents import OPEN
from tests.support.mounted_room import (  # noqa: F401
    watchword_app,
    watchword_database_url,
    watchword_settings,
)
from watchword.testing import App, Caller, Subscription

CONNECTIONS = "query ($of: String) { liveConnections(subject: $of) { nodes { id places } } }"
END = "mutation ($id: ID!) { endConnection(id: $id) }"
HERE = "subscription Here($id: ID!) { respondersHere(incidentId: $id) { since member { name } } }"


async def opened(caller: Caller) -> str:
    made = await caller.mutate(OPEN, input={"name": "Checkout fails", "body": "We are looking."})
    return str(made["openIncident"]["id"])


async def names(here: Subscription) -> list[str]:
    # Those who came at one moment are in no order.
    return sorted(each["member"]["name"] for each in (await here.next())["respondersHere"])


async def test_all_windows_see_who_comes_and_who_goes(watchword: App) -> None:
    rosa = watchword.as_user(roles=["responder"], name="Rosa")
    carl = watchword.as_user(roles=["commander"], name="Carl")
    id = await opened(rosa)
    async with rosa.subscribe(HERE, id=id) as hers:
        assert await names(hers) == ["Rosa"]
        async with carl.subscribe(HERE, id=id) as his:
            assert await names(his) == ["Carl", "Rosa"]
            assert await names(hers) == ["Carl", "Rosa"]
        await hers.quiet()
        watchword.clock.move(5)
        assert await names(hers) == ["Rosa"]


async def test_a_second_window_and_another_incident_change_nothing(watchword: App) -> None:
    rosa = watchword.as_user(roles=["responder"], name="Rosa")
    id, other = await opened(rosa), await opened(rosa)
    async with rosa.subscribe(HERE, id=id) as first:
        assert await names(first) == ["Rosa"]
        async with rosa.subscribe(HERE, id=id) as second, rosa.subscribe(HERE, id=other):
            assert await names(second) == ["Rosa"]
            await first.quiet()


async def test_the_public_and_viewers_do_not_see_who_is_here(watchword: App) -> None:
    id = await opened(watchword.as_user(roles=["responder"]))
    async with watchword.as_user(roles=["viewer"]).subscribe(HERE, id=id) as here:
        assert (await here.refused()).code == "FORBIDDEN"
    async with watchword.anonymous.subscribe(HERE, id=id) as here:
        assert (await here.refused()).code == "UNAUTHENTICATED"


async def test_who_loses_the_role_is_here_no_more(watchword: App) -> None:
    rosa = watchword.as_user(roles=["responder"], name="Rosa")
    carl = watchword.as_user(roles=["commander"], name="Carl")
    id = await opened(rosa)
    async with carl.subscribe(HERE, id=id) as his, rosa.subscribe(HERE, id=id) as hers:
        assert await names(his) == ["Carl"]
        assert await names(his) == await names(hers) == ["Carl", "Rosa"]
        watchword.set_roles(rosa, ["viewer"])
        assert (await hers.refused()).code == "FORBIDDEN"
        watchword.clock.move(5)
        assert await names(his) == ["Carl"]


async def test_admins_see_what_a_connection_has_open_and_who_ends_it_ends_that(
    watchword: App,
) -> None:
    rosa = watchword.as_user(roles=["responder"], name="Rosa")
    carl = watchword.as_user(roles=["commander"], name="Carl")
    admin = watchword.as_user(roles=["admin"])
    id = await opened(rosa)
    async with rosa.subscribe(HERE, id=id) as hers, carl.subscribe(HERE, id=id) as his:
        assert await names(his) == ["Carl", "Rosa"]
        assert await names(hers) == ["Rosa"]
        assert await names(hers) == ["Carl", "Rosa"]
        found = (await admin.query(CONNECTIONS, of=carl.id))["liveConnections"]
        [theirs] = found["nodes"]
        assert theirs["places"] == [f"incident/{b64decode(id + '==').decode().partition(':')[2]}"]
        await admin.mutate(END, id=theirs["id"])
        assert (await his.closed()).code == 4401
        await hers.quiet()
        watchword.clock.move(5)
        assert await names(hers) == ["Rosa"]


@pytest.mark.parametrize("is_disabled", [True, False], ids=["the account", "the session"])
async def test_who_is_kept_out_is_here_no_more(watchword: App, is_disabled: bool) -> None:
    rosa = watchword.as_user(roles=["responder"], name="Rosa")
    carl = watchword.as_user(roles=["commander"], name="Carl")
    id = await opened(rosa)
    async with rosa.subscribe(HERE, id=id) as hers:
        assert await names(hers) == ["Rosa"]
        async with carl.subscribe(HERE, id=id) as his:
            assert await names(hers) == ["Carl", "Rosa"]
            (watchword.disable if is_disabled else watchword.revoke)(carl)
            await his.closed()
            await hers.quiet()
            watchword.clock.move(5)
            assert await names(hers) == ["Rosa"]


async def test_an_incident_that_is_not_there_has_nobody(watchword: App) -> None:
    async with watchword.as_user(roles=["responder"]).subscribe(HERE, id="SW5jaWRlbnQ6eA") as here:
        assert (await here.refused()).code in ("NOT_FOUND", "BAD_USER_INPUT")
