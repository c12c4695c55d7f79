"""Demo people: one for each role, made and kept only where nobody but this machine reaches the server."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.support import toy_schema
from tests.support.clock import MovedClock
from watchword.auth.accounts.demo_people import able, invent
from watchword.auth.sign_in.passwords import matching_form
from watchword.auth.tables import Password
from watchword.bootstrap import Started, bootstrap
from watchword.config.settings import Settings
from watchword.domain import Domain, Mount
from watchword.storage.database import Database
from watchword.transaction import Transaction

PEOPLE = {"keeper": "Kim Keeper", "Guest": "Gus Guest"}
ROLES = {"admin": frozenset[str](), "keeper": frozenset[str](), "Guest": frozenset[str]()}
NAMED = ["guest@demo.example", "keeper@demo.example"]


async def demo(unit: Transaction) -> None:
    pass


MOUNT = Mount(toy_schema.schema, Domain(roles=ROLES, demo=demo, demo_people=PEOPLE))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


async def start(home: Path, *, is_local: bool = True, **changes: object) -> Started:
    settings = Settings(_env_file=None, home=home, **changes)  # type: ignore[arg-type]
    return await bootstrap(settings, MOUNT, MovedClock(), is_local=is_local)


async def present(home: Path) -> list[str]:
    database = Database(f"sqlite+aiosqlite:///{home}/watchword.db")
    async with database.read() as db:
        found = [each.email for each in await able(db, PEOPLE)]
    await database.close()
    return found


async def test_the_first_start_makes_them_and_shows_their_passwords_once(home: Path) -> None:
    first, second = await start(home), await start(home)
    assert sorted(each.email for each in first.people) == NAMED
    assert second.people == ()
    assert await present(home) == NAMED
    database = Database(f"sqlite+aiosqlite:///{home}/watchword.db")
    async with database.read() as db:
        # Also if the roles have other names by now.
        accounts = {each.email: each for each in await able(db, {"renamed": "Rita"})}
        for person in first.people:
            account = accounts[person.email]
            assert (account.name, account.roles) == (person.name, [person.role])
            hash = (await db.get_one(Password, account.id)).hash
            assert await matching_form(person.password, hash) is not None
    await database.close()


async def test_passwords_are_made_up_and_not_shown_by_repr() -> None:
    one, other = invent({"keeper": "Kim"}), invent({"keeper": "Kim"})
    assert one[0].password != other[0].password
    assert one[0].password not in repr(one)
    assert len(one[0].password) >= 12


@pytest.mark.parametrize(
    ("changes", "is_local"),
    [
        ({}, False),
        ({"demo_people": False}, True),
        ({"demo": False}, True),
        ({"admin_password": "correct horse battery"}, True),
        ({"demo_people": True}, False),
    ],
)
async def test_others_have_none(home: Path, changes: dict[str, object], is_local: bool) -> None:
    started = await start(home, is_local=is_local, **changes)
    assert started.is_first
    assert started.people == ()
    assert await present(home) == []


async def test_they_can_be_asked_for_beside_a_chosen_password(home: Path) -> None:
    chosen = {"admin_password": "correct horse battery", "demo_people": True}
    assert len((await start(home, **chosen)).people) == 2


@pytest.mark.parametrize(("changes", "is_local"), [({}, False), ({"demo_people": False}, True)])
async def test_they_are_disabled_when_the_server_is_for_others_too(
    home: Path, changes: dict[str, object], is_local: bool, caplog: pytest.LogCaptureFixture
) -> None:
    await start(home)
    with caplog.at_level(logging.WARNING, "watchword.bootstrap"):
        await start(home, is_local=is_local, **changes)
    assert await present(home) == []
    assert "demo people are disabled" in caplog.text
    await start(home)
    assert await present(home) == [], "a later start on a loopback address does not enable them"


async def test_each_start_logs_that_they_are_there(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await start(home)
    with caplog.at_level(logging.WARNING, "watchword.bootstrap"):
        await start(home)
    assert "demo people can sign in: guest@demo.example, keeper@demo.example" in caplog.text


@pytest.mark.parametrize(
    ("host", "issuer", "is_local"),
    [
        ("127.0.0.1", "http://localhost:8000", True),
        ("::1", "http://127.0.0.1:8000", True),
        ("0.0.0.0", "http://localhost:8000", False),
        ("127.0.0.1", "https://status.example.com", False),
        ("10.0.0.7", "http://localhost:8000", False),
    ],
)
def test_a_server_is_local_if_host_and_issuer_are(host: str, issuer: str, is_local: bool) -> None:
    assert Settings(_env_file=None, host=host, issuer=issuer).is_local is is_local
