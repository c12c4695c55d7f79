"""Users of a test have accounts, sessions and tokens as people have them; slips of the pen are named."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import strawberry

from tests.support import toy_schema
from watchword.config.settings import Settings
from watchword.context import Info
from watchword.domain import Domain
from watchword.events.waker import Waker
from watchword.hooks import AccountInfo, ExternalAccount
from watchword.mounting.asgi_app import Watchword
from watchword.permissions.field import HasClaim, SignedIn
from watchword.testing import App, Failed
from watchword.testing.app import served
from watchword.testing.databases import Databases

PRICE = '{ toy(id: "bear") { price } }'


async def test_a_user_has_the_roles_and_their_scopes(watchword: App) -> None:
    keeper, child = watchword.as_user(roles=["keeper"]), watchword.as_user()
    assert await keeper.query("{ count }") == {"count": 3}
    assert (await child.refusal("{ count }")).code == "FORBIDDEN"
    assert await child.query("{ me }") == {"me": child.id}
    assert keeper.email != child.email


async def test_scopes_narrow_the_token_and_its_successors(watchword: App) -> None:
    narrow = watchword.as_user(roles=["keeper"], scopes=["toys:count"])
    for _ in range(2):
        assert await narrow.query("{ count }") == {"count": 3}
        assert (await narrow.refusal(PRICE)).extensions["requires"] == {"scope": "toys:price"}
        await narrow.renew()
    asked = {"refresh_token": narrow.refresh_token}
    answer = await watchword.anonymous.post("/api/auth/refresh", json=asked)
    assert answer.json()["scope"] == "toys:count"


async def test_a_token_may_carry_a_scope_without_the_role(watchword: App) -> None:
    visitor = watchword.as_user(scopes=["toys:count", "toys:price"])
    assert await visitor.query(PRICE) == {"toy": {"price": 8}}
    assert (await visitor.refusal("{ count }")).code == "FORBIDDEN"


async def test_a_new_token_takes_the_place_of_the_old_one(watchword: App) -> None:
    ann = watchword.as_user()
    before = ann.token
    watchword.clock.move(watchword.settings.access_token_seconds)
    assert (await ann.refusal("{ me }")).code == "TOKEN_EXPIRED"
    await ann.renew()
    assert ann.token != before
    assert await ann.query("{ me }") == {"me": ann.id}


async def test_an_account_with_a_password_signs_in_by_the_route(watchword: App) -> None:
    ann = watchword.as_user(email="ann@example.com", password="correct horse battery")
    again = watchword.sign_in("ann@example.com", "correct horse battery")
    assert again.id == ann.id
    watchword.revoke(ann)
    assert (await ann.refusal("{ me }")).code == "TOKEN_REVOKED"
    await again.renew()
    assert await again.query("{ me }") == {"me": ann.id}
    with pytest.raises(AssertionError, match="ann@example.com was refused with 401"):
        watchword.sign_in("ann@example.com", "wrong horse battery")


async def test_roles_change_and_accounts_are_disabled(watchword: App) -> None:
    ann = watchword.as_user()
    watchword.set_roles(ann, ["keeper"])
    outdated = await ann.refusal("{ count }")
    assert (outdated.code, "a change to its account" in outdated.message) == ("TOKEN_EXPIRED", True)
    await ann.renew()
    assert await ann.query("{ count }") == {"count": 3}
    watchword.disable(ann)
    with pytest.raises(Failed, match="TOKEN_REVOKED"):
        await ann.query("{ me }")


async def test_a_revocation_has_been_heard_of_when_it_returns(
    watchword: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(waker: Waker) -> None:
        asyncio.get_running_loop().call_later(0.05, begin, waker)

    begin = Waker._begin
    monkeypatch.setattr(Waker, "_begin", late)
    ann = watchword.as_user()
    watchword.revoke(ann)
    assert (await ann.refusal("{ me }")).code == "TOKEN_REVOKED"


def test_a_role_or_a_scope_that_the_domain_lacks_is_named(watchword: App) -> None:
    with pytest.raises(ValueError, match="no role 'keper'; it has keeper"):
        watchword.as_user(roles=["keper"])
    with pytest.raises(ValueError, match="no scope 'toys:cuont'; it has toys:count, toys:price"):
        watchword.as_user(scopes=["toys:cuont"])
    with pytest.raises(TypeError, match=r"roles=\['keeper'\]"):
        watchword.as_user(roles="keeper")
    with pytest.raises(TypeError, match="methods is a list"):
        watchword.as_user(methods="pwd")
    ann = watchword.as_user()
    with pytest.raises(ValueError, match="no role 'keper'"):
        watchword.set_roles(ann, ["keper"])


@pytest.mark.parametrize("given", [None, {"department": "sales"}, {}])
async def test_claims_are_those_of_the_domain_or_of_the_test(
    given: dict[str, str] | None, tmp_path: Path
) -> None:
    async def claims(account: AccountInfo) -> dict[str, str]:
        return {"department": account.name.lower()}

    @strawberry.type
    class Query:
        @strawberry.field(permission_classes=[SignedIn])
        def claims(self, info: Info) -> str:
            return json.dumps(dict(info.context.principal.claims))

        @strawberry.field(permission_classes=[HasClaim("department", "billing")])
        def bills(self) -> int:
            return 3

    inner = Watchword(
        strawberry.Schema(Query), Settings(_env_file=None), domain=Domain(claims=claims)
    )
    databases = Databases(tmp_path)
    with served(inner, {}, "", databases, tmp_path, "process") as app:
        ann = app.as_user(name="Billing", claims=given)
        for _ in range(2):
            said = await ann.query("{ claims }")
            assert json.loads(said["claims"]) == (
                {"department": "billing"} if given is None else given
            )
            answer = await ann.ask("{ bills }")
            assert (answer.data == {"bills": 3}) is (given is None)
            await ann.renew()
        with pytest.raises(ValueError, match="'sub', whose meaning is fixed"):
            app.as_user(claims={"sub": "somebody"})
    databases.close()


class Nobody:
    """A users table with nobody in it."""

    async def authenticate(self, email: str, password: str) -> ExternalAccount | None:
        return None

    async def find(self, subject: str) -> ExternalAccount | None:
        return None


async def test_beside_a_users_table_accounts_are_made_without_a_password(tmp_path: Path) -> None:
    domain = Domain(roles={"keeper": frozenset({"toys:count"})}, accounts=Nobody())
    inner = Watchword(toy_schema.schema, Settings(_env_file=None), domain=domain)
    databases = Databases(tmp_path)
    with served(inner, {}, "", databases, tmp_path, "process") as app:
        ann = app.as_user(roles=["keeper"])
        await ann.renew()
        assert await ann.query("{ count }") == {"count": 3}
        with pytest.raises(ValueError, match="add a user to your own table"):
            app.as_user(password="correct horse battery")
    databases.close()
