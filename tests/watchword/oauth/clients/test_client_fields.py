"""Clients in GraphQL: only for admins who signed in recently, and never with more scopes than the admin has."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import pytest

from incident_room import domain, schema
from tests.support.clock import MovedClock
from tests.support.oauth import keyed
from tests.support.principals import open_services
from watchword.context import Context
from watchword.errors import WatchwordError
from watchword.principal import FIRST_PARTY, Grants, Principal
from watchword.storage.database import Database

ADD = """
mutation ($input: AddClientInput!) { addClient(input: $input) {
  secret
  client { id name authentication grants scopes roles redirectUris jwks needsDpop mayIntrospect
           createdAt disabledAt version secrets { id createdAt } }
} }"""
CHANGE = (
    "mutation ($input: ChangeClientInput!) { changeClient(input: $input) { name scopes version } }"
)
MACHINE = {
    "name": "Board",
    "grants": ["CLIENT_CREDENTIALS"],
    "scopes": ["incidents:read"],
    "roles": ["viewer"],
}


@dataclass
class Office:
    """Runs operations about clients, as an admin unless another principal is given."""

    context: Context
    admin: Principal

    async def run(self, query: str, who: Principal | None = None, **variables: Any) -> Any:
        context = Context(self.context.services, who or self.admin)
        return await schema.execute(query, variables, context)

    async def data(self, query: str, **variables: Any) -> Any:
        result = await self.run(query, **variables)
        assert result.errors is None, result.errors
        return result.data

    async def refusal(
        self, query: str, who: Principal | None = None, **variables: Any
    ) -> WatchwordError:
        result = await self.run(query, who, **variables)
        assert result.errors is not None, result.data
        cause = result.errors[0].original_error
        assert isinstance(cause, WatchwordError), result.errors
        return cause

    async def add(self, **changes: Any) -> Any:
        return (await self.data(ADD, input=MACHINE | changes))["addClient"]


@pytest.fixture
async def office(database: Database, clock: MovedClock) -> Office:
    services, _ = await open_services(database, clock)
    roles = frozenset({"admin"})
    admin = Principal(
        "admin",
        Grants(roles, domain.scopes(roles)),
        client=FIRST_PARTY,
        session="s1",
        authenticated_at=clock.now(),
    )
    return Office(Context(services, admin), admin)


async def test_a_client_is_added_and_its_secret_is_shown_once(office: Office) -> None:
    added = await office.add()
    assert len(added["secret"]) == 43
    client = added["client"]
    assert client["id"].startswith("client_")
    assert (client["authentication"], client["grants"]) == ("SECRET", ["CLIENT_CREDENTIALS"])
    assert (client["scopes"], client["roles"]) == (["incidents:read"], ["viewer"])
    assert (client["jwks"], client["disabledAt"], client["version"]) == (None, None, 1)
    assert len(client["secrets"]) == 1
    query = "{ clients(first: 10) { totalCount nodes { id secrets { id } } } }"
    listed = (await office.data(query))["clients"]
    assert listed["totalCount"] == 1
    assert listed["nodes"] == [
        {"id": client["id"], "secrets": [{"id": client["secrets"][0]["id"]}]}
    ]


async def test_a_client_with_keys_has_no_secret(office: Office) -> None:
    jwks = keyed()[0].jwks
    added = await office.add(authentication="KEY", jwks=jwks)
    assert added["secret"] is None
    assert added["client"]["jwks"] == jwks


async def test_secrets_are_rotated(office: Office) -> None:
    id = (await office.add())["client"]["id"]
    another = (
        "mutation ($id: ID!) { addClientSecret(client: $id) { secret client { secrets { id } } } }"
    )
    added = (await office.data(another, id=id))["addClientSecret"]
    [_, second] = [secret["id"] for secret in added["client"]["secrets"]]
    assert (await office.refusal(another, id=id)).code == "BAD_USER_INPUT"
    remove = "mutation ($id: ID!, $secret: ID!) { removeClientSecret(client: $id, secret: $secret) { secrets { id } } }"
    left = (await office.data(remove, id=id, secret=second))["removeClientSecret"]["secrets"]
    assert second not in [secret["id"] for secret in left]
    assert (await office.refusal(remove, id=id, secret=second)).code == "NOT_FOUND"


async def test_what_is_left_out_of_a_change_stays(office: Office) -> None:
    client = (await office.add(scopes=["incidents:read", "members:read"]))["client"]
    changed = {"client": client["id"], "scopes": ["incidents:read"], "version": 1}
    answer = await office.data(CHANGE, input=changed)
    assert answer["changeClient"] == {"name": "Board", "scopes": ["incidents:read"], "version": 2}
    assert (await office.refusal(CHANGE, input=changed)).code == "CONFLICT"


@pytest.mark.parametrize("name", ["disableClient", "revokeClient"])
async def test_a_client_is_ended(office: Office, name: str) -> None:
    id = (await office.add())["client"]["id"]
    end = f"mutation ($id: ID!) {{ {name}(client: $id) {{ disabledAt version }} }}"
    ended = (await office.data(end, id=id))[name]
    assert ended["version"] == 2
    assert (ended["disabledAt"] is not None) == (name == "disableClient")
    found = await office.data("query ($id: ID!) { client(id: $id) { version } }", id=id)
    assert found["client"]["version"] == 2


@pytest.mark.parametrize(
    ("roles", "scopes"),
    [
        ({"viewer"}, {"clients:write", "incidents:read"}),
        # All scopes of the roles, without the roles, which open fields of their own.
        ({"viewer"}, domain.roles["admin"]),
        # The roles, in a token with fewer scopes.
        ({"admin"}, {"clients:write", "incidents:read"}),
    ],
)
async def test_nobody_gives_a_client_more_than_it_has_itself(
    roles: set[str], scopes: Collection[str], office: Office
) -> None:
    id = (await office.add(scopes=["members:write"], roles=["admin"]))["client"]["id"]
    app = {"grants": ["AUTHORIZATION_CODE"], "redirectUris": ["https://app.example/cb"]}
    taken = {"client": id, **app, "scopes": ["incidents:read"], "roles": []}
    helper = replace(office.admin, grants=Grants(frozenset(roles), frozenset(scopes)))
    secret = "mutation ($id: ID!) { addClientSecret(client: $id) { secret } }"
    for query, variables in (
        (ADD, {"input": MACHINE | {"scopes": ["members:write"], "roles": ["admin"]}}),
        (ADD, {"input": MACHINE | {"roles": ["responder"]}}),
        (CHANGE, {"input": {"client": id, "name": "Mine"}}),
        # The scopes before the change count too: people have consented to them.
        (CHANGE, {"input": taken}),
        (secret, {"id": id}),
    ):
        error = await office.refusal(query, helper, **variables)
        assert (error.code, "no more than you" in error.message) == ("FORBIDDEN", True)
    found = await office.data("{ clients(first: 9) { nodes { id name secrets { id } } } }")
    [node] = found["clients"]["nodes"]
    assert (node["id"], node["name"], len(node["secrets"])) == (id, "Board", 1)
    own = MACHINE | {"scopes": ["incidents:read"], "roles": ["viewer"]}
    assert (await office.run(ADD, helper, input=own)).errors is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"client": "client_third"}, "FORBIDDEN"),
        ({"authenticated_at": 0.0}, "STEP_UP_REQUIRED"),
        ({"grants": Grants(frozenset({"admin"}), frozenset({"members:write"}))}, "FORBIDDEN"),
        ({"subject": ""}, "UNAUTHENTICATED"),
    ],
)
async def test_who_manages_clients_is_a_person_that_is_there(
    office: Office, change: dict[str, Any], code: str
) -> None:
    id = (await office.add())["client"]["id"]
    other = replace(office.admin, **change)
    for query in (
        "mutation ($id: ID!) { disableClient(client: $id) { id } }",
        "mutation ($id: ID!) { revokeClient(client: $id) { id } }",
        "mutation ($id: ID!) { addClientSecret(client: $id) { secret } }",
        'mutation ($id: ID!) { removeClientSecret(client: $id, secret: "x") { id } }',
    ):
        assert (await office.refusal(query, other, id=id)).code == code
    assert (await office.refusal(ADD, other, input=MACHINE)).code == code
    assert (await office.refusal(CHANGE, other, input={"client": id, "name": "x"})).code == code
    seen = await office.run("query ($id: ID!) { client(id: $id) { id } }", other, id=id)
    assert (seen.errors is None) == (code == "STEP_UP_REQUIRED")


async def test_whatever_is_sent_for_an_id_is_not_found(office: Office) -> None:
    for id in ("", "nonsense", "a\x00b", "x" * 5000, "\ud800", "' OR 1=1"):
        query = "query ($id: ID!) { client(id: $id) { id } }"
        assert (await office.refusal(query, id=id)).code == "NOT_FOUND"
        query = "mutation ($id: ID!) { disableClient(client: $id) { id } }"
        assert (await office.refusal(query, id=id)).code == "NOT_FOUND"


async def test_what_cannot_be_used_is_named(office: Office) -> None:
    for change, path in (
        ({"scopes": ["nothing"]}, ["input", "scopes"]),
        ({"redirectUris": ["https://x"]}, ["input", "redirectUris"]),
        ({"jwks": "text"}, ["input", "jwks"]),
        ({"authentication": "KEY", "jwks": [1]}, ["input", "jwks"]),
    ):
        error = await office.refusal(ADD, input=MACHINE | change)
        assert (error.code, error.extensions["path"]) == ("BAD_USER_INPUT", path)
