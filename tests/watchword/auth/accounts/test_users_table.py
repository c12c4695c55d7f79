"""`UsersTable` reads a table of SQLAlchemy's, by engines and sessions of either kind, and lets nobody in by mistake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import ForeignKey, LargeBinary, create_engine, update
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    scoped_session,
    sessionmaker,
)

from tests.support.clock import MovedClock
from tests.support.identity import DOMAIN, SignInDesk, sign_in_desk
from watchword.auth.accounts.users_table import UsersTable
from watchword.domain import Domain
from watchword.errors import Unsafe
from watchword.hooks import ExternalAccount
from watchword.storage.database import Database

ADA = ExternalAccount("7", "Ada@their.example", "Ada", ["keeper"])
PASSWORD = "their own secret"
KEY = UUID(int=7)


class Base(DeclarativeBase): ...


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    name: Mapped[str | None]
    secret: Mapped[str]
    is_active: Mapped[bool | None] = mapped_column(default=True)
    badges: Mapped[list[Badge]] = relationship(lazy="joined")

    @property
    def roles(self) -> list[str]:
        return [each.name for each in self.badges]


class Badge(Base):
    __tablename__ = "badges"
    name: Mapped[str] = mapped_column(primary_key=True)
    user: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)


class Tenant(Base):
    __tablename__ = "tenants"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    login: Mapped[str]
    disabled: Mapped[bool]


class Pair(Base):
    __tablename__ = "pairs"
    left: Mapped[int] = mapped_column(primary_key=True)
    right: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]


class Odd(Base):
    __tablename__ = "odd"
    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    email: Mapped[str]


def is_password(user: User, password: str) -> bool:
    return user.secret == password


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A database with Ada, Bob in lower case, two users with one address, and a tenant."""
    made = f"{tmp_path}/users.db"
    engine = create_engine(f"sqlite:///{made}")
    Base.metadata.create_all(engine)
    with Session(engine) as db, db.begin():
        db.add(
            User(id=7, email=ADA.email, name="Ada", secret=PASSWORD, badges=[Badge(name="keeper")])
        )
        badges = [Badge(name="keeper"), Badge(name="admin")]
        db.add(User(id=8, email="bob@their.example", secret=PASSWORD, badges=badges))
        db.add_all(User(id=n, email="twin@their.example", secret=PASSWORD) for n in (9, 10))
        db.add(Tenant(id=KEY, login="ten", disabled=False))
    engine.dispose()
    return made


Connect = Callable[[str], Any]
DATABASES: dict[str, Connect] = {
    "engine": lambda path: create_engine(f"sqlite:///{path}"),
    "sessions": lambda path: sessionmaker(create_engine(f"sqlite:///{path}")),
    "async engine": lambda path: create_async_engine(f"sqlite+aiosqlite:///{path}"),
    "async sessions": lambda path: async_sessionmaker(
        create_async_engine(f"sqlite+aiosqlite:///{path}")
    ),
}


@pytest.fixture(params=DATABASES)
async def connected(request: pytest.FixtureRequest, path: str) -> AsyncIterator[Any]:
    database = DATABASES[request.param](path)
    yield database
    made = getattr(database, "kw", {}).get("bind", database)
    if (disposed := made.dispose()) is not None:
        await disposed


@pytest.fixture
def engine(path: str) -> Any:
    return create_engine(f"sqlite:///{path}")


async def test_it_reads_the_usual_columns_by_engines_and_sessions(connected: Any) -> None:
    table = UsersTable(connected, User, is_password)
    assert await table.authenticate(ADA.email, PASSWORD) == ADA
    assert await table.authenticate(ADA.email, "another") is None
    assert await table.authenticate("nobody@their.example", PASSWORD) is None
    found = await asyncio.gather(*(table.find(key) for key in ("7", "8", "11")))
    bob = ExternalAccount("8", "bob@their.example", "bob@their.example", ["keeper", "admin"])
    assert [found[0], found[2]] == [ADA, None]
    assert found[1] is not None
    assert replace(found[1], roles=sorted(found[1].roles)) == replace(
        bob, roles=["admin", "keeper"]
    )


@pytest.mark.parametrize("subject", ["07", "+7", "7 ", "٧", "seven", "", "7_0"])
async def test_a_subject_that_is_no_key_as_written_is_nobodys(subject: str, engine: Any) -> None:
    assert await UsersTable(engine, User, is_password).find(subject) is None


async def test_an_address_is_found_as_typed_and_in_lower_case(engine: Any) -> None:
    table = UsersTable(engine, User, is_password)
    found = await table.authenticate("BOB@their.example", PASSWORD)
    assert found is not None
    assert found.subject == "8"
    # Ada's has a capital, so another one with small letters is somebody else's.
    assert await table.authenticate("ada@their.example", PASSWORD) is None
    with Session(engine) as db, db.begin():
        db.add(User(id=11, email="ada@their.example", secret="other"))
    assert await table.authenticate(ADA.email, PASSWORD) == ADA
    assert await table.authenticate(ADA.email, "other") is None


async def test_an_address_of_several_users_signs_none_of_them_in(engine: Any) -> None:
    with pytest.raises(LookupError, match="several users have this address"):
        await UsersTable(engine, User, is_password).authenticate("twin@their.example", PASSWORD)


@pytest.mark.parametrize(("value", "is_disabled"), [(True, False), (False, True), (None, True)])
async def test_a_user_that_is_not_active_is_disabled(
    value: bool | None, is_disabled: bool, engine: Any
) -> None:
    with engine.begin() as db:
        db.execute(update(User).values(is_active=value))
    found = await UsersTable(engine, User, is_password).find("7")
    assert found == replace(ADA, is_disabled=is_disabled)


async def test_other_keys_columns_and_roles_are_named(engine: Any) -> None:
    table = UsersTable(
        engine, Tenant, lambda _, password: password == PASSWORD, email="login", roles=["tenant"]
    )
    assert await table.authenticate("ten", PASSWORD) == ExternalAccount(
        KEY.hex, "ten", "ten", ["tenant"]
    )
    with engine.begin() as db:
        db.execute(update(Tenant).values(disabled=True))
    found = await table.find(KEY.hex)
    assert found is not None
    assert found.is_disabled
    assert await table.find(str(KEY)) is None
    by_function = UsersTable(engine, User, is_password, roles=lambda user: [user.name or "?"])
    assert await by_function.find("7") == replace(ADA, roles=["Ada"])
    made = UsersTable(engine, User, is_password, account=lambda _: ADA)
    assert await made.find("7") is ADA


@pytest.mark.parametrize("value", [None, 1, "yes"])
async def test_a_check_that_does_not_say_yes_or_no_lets_nobody_in(value: Any, engine: Any) -> None:
    with pytest.raises(TypeError, match="is_password returned no bool, but"):
        await UsersTable(engine, User, lambda *_: value).authenticate(ADA.email, PASSWORD)


async def is_password_later(user: User, password: str) -> bool:
    return is_password(user, password)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((User, is_password_later), "UsersTable takes a function is_password"),
        ((User, "secret"), "UsersTable takes a function is_password"),
        ((dict, is_password), "UsersTable takes a class that SQLAlchemy maps to a table, not"),
        ((Tenant, is_password), "Tenant has no 'email'. Name the attribute with the address"),
        ((Pair, is_password), "The primary key of Pair is not one column of integers, texts"),
        ((Odd, is_password), "The primary key of Odd is not one column of integers, texts"),
    ],
)
def test_what_cannot_be_used_is_refused_with_advice(arguments: Any, said: str, engine: Any) -> None:
    with pytest.raises(Unsafe, match=f"^{said}"):
        UsersTable(engine, *arguments)


def test_a_session_that_threads_would_share_is_no_database(engine: Any) -> None:
    made = sessionmaker(engine)
    for database in (made(), scoped_session(made), lambda: made()):
        with pytest.raises(Unsafe, match="^UsersTable takes an engine or a sessionmaker of SQLAl"):
            UsersTable(database, User, is_password)  # type: ignore[arg-type]


@pytest.fixture
async def desk(database: Database, clock: MovedClock, engine: Any) -> AsyncIterator[SignInDesk]:
    domain = Domain(roles=DOMAIN.roles, accounts=UsersTable(engine, User, is_password))
    async with sign_in_desk(database, clock, domain) as own:
        yield own


async def test_people_sign_in_until_the_table_disables_them(desk: SignInDesk, engine: Any) -> None:
    said = {"email": ADA.email, "delivery": "body"}
    assert (await desk.login(**said, password="another")).status_code == 401
    tokens = (await desk.login(**said, password=PASSWORD)).json()
    with engine.begin() as db:
        db.execute(update(User).values(is_active=False))
    assert (await desk.login(**said, password=PASSWORD)).status_code == 401
    assert (await desk.refresh(tokens["refresh_token"])).status_code == 401


async def test_a_table_that_is_away_is_unavailable(desk: SignInDesk, engine: Any) -> None:
    Base.metadata.drop_all(engine)
    assert (await desk.login(email=ADA.email, password=PASSWORD)).status_code == 503
