"""A rule chooses the same rows in SQL, in pages, in counts, and one by one; and asks who it is only if it must."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from random import Random
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import ForeignKey, MetaData, Select, String, exists, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, mapped_column, relationship

from tests.support.both_executions import SERVICES
from watchword.context import Context
from watchword.permissions.field import (
    FirstParty,
    HasRole,
    HasScope,
    HasTenant,
    Owner,
    Permission,
    Public,
    RecentlyAuthenticated,
    SignedIn,
    condition,
    observe,
    permission,
)
from watchword.permissions.filters import sees, visible, where
from watchword.permissions.rules import Question, Rule
from watchword.permissions.verdict import Requirement
from watchword.principal import ANONYMOUS, Grants, IdentityAsked, Principal, SharedPrincipal
from watchword.relay.page import page
from watchword.relay.paginate import Order, paginate, total
from watchword.storage.database import Database


class Base(DeclarativeBase):
    metadata = MetaData()


ANN = UUID("7d444840-9dc0-11d1-b245-5ffdce74fad2")


class NoteRow(Base):
    __tablename__ = "filter_notes"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    author: Mapped[str | None]
    number: Mapped[int | None]
    maker: Mapped[UUID | None]
    tenant: Mapped[str | None]
    visibility: Mapped[str | None]


class MemberRow(Base):
    __tablename__ = "filter_members"

    tenant: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)


NOTES = [
    dict(zip(("author", "number", "maker", "tenant", "visibility"), values, strict=True))
    for values in itertools.product(
        (None, "", "7"), (None, 7), (None, ANN), (None, "", "acme"), (None, "PUBLIC", "INTERNAL")
    )
]
BY_ID = Order("id", (NoteRow.id,), descending=False)
SHOWN = select(
    *(NoteRow.id, NoteRow.author, NoteRow.number, NoteRow.maker),
    *(NoteRow.tenant, NoteRow.visibility),
)


@where("a public note")
def is_public(note: Any) -> Any:
    return note.visibility == "PUBLIC"


@where("a note of acme", attribute="row")
def is_of_acme(note: Any) -> Any:
    return note.tenant == "acme"


@where("a note that is not internal")
def is_not_internal(note: Any) -> Any:
    return note.visibility != "INTERNAL"


@where("a note that was not written for its tenant")
def is_for_others(note: Any) -> Any:
    return note.author != note.tenant


@where("a note that was written for its tenant")
def is_for_its_own(note: Any) -> Any:
    return note.author == note.tenant


@where("a note of nobody's")
def is_of_nobody(note: Any) -> Any:
    return note.tenant == None  # noqa: E711 - it is a condition of SQL


@where("a note with a large number")
def is_large(note: Any) -> Any:
    return note.number > 5


@condition("to be asked")
def is_asked(question: Question) -> bool:
    return True


LEAVES = [
    *(Public, SignedIn, HasScope("notes:read"), HasRole("editor"), HasTenant(), FirstParty),
    *(is_public, is_of_acme, RecentlyAuthenticated(60)),
    *(is_not_internal, is_for_others, is_for_its_own, is_of_nobody),
    *(Owner("author"), Owner("row.number"), Owner("maker"), HasTenant("row.tenant")),
]
PRINCIPALS = {
    "anonymous": ANONYMOUS,
    "seven": Principal("7", Grants(tenant="acme"), client="watchword", session="s"),
    "reader": Principal("x", Grants(frozenset({"editor"}), frozenset({"notes:read"}), "other")),
    "ann": Principal(str(ANN), Grants(tenant="")),
    "hex": Principal(ANN.hex, Grants(is_delegated=True), client="theirs"),
    "huge": Principal("9" * 30),
    "odd": Principal("07", Grants(tenant="ACME")),
}


def rules() -> list[type[Permission]]:
    """Every leaf and its opposite, and trees of them."""
    made, chance = [*LEAVES, *(~each for each in LEAVES)], Random(7)
    for _ in range(80):
        left, right = chance.choices(made, k=2)
        both = left & right if chance.random() < 0.5 else left | right
        made.append(~both if chance.random() < 0.4 else both)
    return made


@pytest.fixture
async def notes(database: Database) -> Database:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.write() as db:
        db.add_all(NoteRow(id=f"n{i:03}", **each) for i, each in enumerate(NOTES))
        db.add_all([MemberRow(tenant="acme", name="7"), MemberRow(tenant="acme", name="x")])
    return database


def context(principal: Any) -> Context:
    return Context(SERVICES, principal)


@pytest.mark.parametrize("name", PRINCIPALS)
async def test_the_rows_of_a_list_its_pages_its_count_and_each_row_agree(
    notes: Database, name: str
) -> None:
    asking = context(PRINCIPALS[name])
    rows = await notes.rows(SHOWN.order_by(NoteRow.id))
    chosen: set[tuple[str, ...]] = set()
    for each in rules():
        statement = visible(SHOWN, each, asking)
        expected = [row.id for row in rows if sees(row, each, asking)]
        found = await paginate(notes, statement, BY_ID, page(50, None, None, None))
        assert [row.id for row in found.rows] == expected[:50], each
        assert found.has_next is (len(expected) > 50)
        assert await total(notes, statement) == len(expected)
        # The permission of a field decides the same for an object that has its row where the rule looks for it.
        for row in rows:
            source = SimpleNamespace(**row._asdict(), row=row)
            info = SimpleNamespace(context=asking)
            question = Question(asking.principal, source, info, {})
            assert holds(each.rule, question) is (row.id in expected), (each, row)
        chosen.add(tuple(expected))
    assert len(chosen) > 4, "the rules choose differently"


def holds(rule: Rule, question: Question) -> bool:
    return bool(rule.decide(question))


async def test_a_session_pages_and_counts_them_as_well(notes: Database) -> None:
    statement = visible(select(NoteRow), is_public, context(ANONYMOUS))
    async with notes.read() as db:
        found = await paginate(db, statement, BY_ID, page(5, None, None, None))
        assert {row.visibility for row in found.rows} == {"PUBLIC"}
        assert await total(db, statement) == len(NOTES) // 3


@pytest.mark.parametrize("other", [None, is_public, ~is_public])
async def test_a_row_without_a_value_has_no_order_and_is_in_no_list(
    notes: Database, other: type[Permission] | None
) -> None:
    asking, rows = context(ANONYMOUS), await notes.rows(SHOWN)
    for each in (is_large, ~is_large):
        asked = each if other is None else ~(~each | other)
        found = {row.id for row in await notes.rows(visible(SHOWN, asked, asking))}
        expected = [row for row in rows if row.number is not None and sees(row, asked, asking)]
        assert found == {row.id for row in expected}
    with pytest.raises(TypeError):
        sees(SimpleNamespace(number=None), is_large, asking)


def test_with_the_grants_alone_the_statement_stays_as_it_is_and_can_be_kept() -> None:
    reader, other = context(PRINCIPALS["reader"]), context(Principal("y", Grants()))
    permitted = Owner("author") | is_public | HasScope("notes:read")
    assert visible(SHOWN, permitted, reader) is SHOWN
    either = is_public | HasScope("notes:read")
    assert visible(SHOWN, either, other) is visible(SHOWN, either, context(ANONYMOUS))
    assert visible(SHOWN, is_public & HasScope("notes:read"), other) is visible(
        SHOWN, HasRole("nobody"), other
    )


def test_an_identity_is_read_only_if_grants_do_not_decide() -> None:
    read: Any = SharedPrincipal(Grants(scopes=frozenset({"notes:read"})), False)
    permitted = Owner("author") | HasScope("notes:read") | is_public
    assert visible(SHOWN, permitted, context(read)) is SHOWN
    assert sees(SimpleNamespace(author="x"), permitted, context(read))
    visible(SHOWN, is_public | HasTenant("tenant"), context(read))
    assert not read.was_asked
    without: Any = SharedPrincipal(Grants(), False)
    with pytest.raises(IdentityAsked):
        visible(SHOWN, permitted, context(without))
    assert without.was_asked


@dataclass(frozen=True, slots=True)
class MemberOf(Rule):
    """The caller is a member of the row's tenant."""

    @property
    def requires(self) -> Requirement:
        return {"member": True}

    def condition(self, principal: Principal, rows: Any) -> Any:
        same = MemberRow.tenant == rows.tenant
        return exists().where(same, MemberRow.name == principal.subject)

    def holds(self, question: Question) -> bool:
        return question.source.tenant == "acme" and question.principal.subject in ("7", "x")


async def test_a_rule_of_ones_own_chooses_by_any_condition(notes: Database) -> None:
    permitted = permission(MemberOf()) & ~is_public
    rows = await notes.rows(SHOWN)
    for name, expected in (("seven", len(NOTES) // 3 * 2 // 3), ("ann", 0)):
        asking = context(PRINCIPALS[name])
        assert await total(notes, visible(SHOWN, permitted, asking)) == expected
        assert sum(sees(row, permitted, asking) for row in rows) == expected


async def test_an_alias_is_named(notes: Database) -> None:
    note, other = aliased(NoteRow), aliased(NoteRow)
    joined = select(note.id, other.id.label("o")).join(other, note.id == other.id)
    asking = context(ANONYMOUS)
    with pytest.raises(TypeError, match="Name the class as `rows`"):
        visible(joined, is_public, asking)
    assert await total(notes, visible(joined, is_public, asking, note)) == len(NOTES) // 3
    counted = select(func.count()).select_from(NoteRow)
    with pytest.raises(TypeError, match="Name the class"):
        visible(counted, is_public, asking)
    [(count,)] = await notes.rows(visible(counted, is_public, asking, NoteRow))
    assert count == len(NOTES) // 3


@pytest.mark.parametrize(
    "permitted", [is_asked, is_public & is_asked, ~is_asked, observe(is_public)]
)
def test_other_rules_choose_no_rows(permitted: type[Permission]) -> None:
    for call in (lambda: visible(SHOWN, permitted, context(ANONYMOUS)), lambda: sees(None, permitted, context(ANONYMOUS))):  # fmt: skip
        with pytest.raises(TypeError, match="cannot choose rows"):
            call()


def test_a_function_that_does_not_compare_is_an_error() -> None:
    words = where("to be odd")(lambda note: "yes")
    with pytest.raises(TypeError, match="True or False for a row"):
        sees(SimpleNamespace(), words, context(ANONYMOUS))
    nobody = Question(ANONYMOUS, None, None, {})
    assert not holds(is_public.rule, nobody)
    assert not holds((~is_public).rule, nobody)


def test_a_column_of_another_kind_is_named() -> None:
    class Odd(Base):
        __tablename__ = "filter_odd"
        id: Mapped[float] = mapped_column(primary_key=True)

    with pytest.raises(TypeError, match="cannot be compared"):
        visible(select(Odd.id), Owner("id"), context(PRINCIPALS["seven"]))


class ShelfRow(Base):
    __tablename__ = "filter_shelves"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    author: Mapped[str]


class BookRow(Base):
    """A row with an author of its own, which is not that of the shelf on which it stands."""

    __tablename__ = "filter_books"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    author: Mapped[str]
    shelf_id: Mapped[str] = mapped_column(ForeignKey("filter_shelves.id"))
    shelf: Mapped[ShelfRow] = relationship()


@pytest.mark.parametrize(
    "permitted",
    [
        Owner("shelf.author"),
        ~Owner("shelf.author"),
        HasScope("books:all") | HasTenant("shelf.author"),
        where("a public shelf", attribute="shelf")(lambda shelf: shelf.author == "PUBLIC"),
    ],
)
def test_what_is_reached_over_a_relationship_is_not_taken_from_the_row_itself(
    permitted: type[Permission],
) -> None:
    asking = context(PRINCIPALS["seven"])
    book = BookRow(id="b", author="7", shelf=ShelfRow(id="s", author="8"))
    for choose in (
        lambda: visible(select(BookRow), permitted, asking),
        lambda: visible(select(aliased(BookRow)), permitted, asking),
        lambda: sees(book, permitted, asking),
    ):
        with pytest.raises(TypeError, match="shelf is a relationship of BookRow"):
            choose()
    assert sees(book, Owner("row.author"), asking)


def test_the_class_of_a_statement_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    describe = Select.column_descriptions.fget  # type: ignore[attr-defined]
    counting = property(lambda statement: asked.append(statement) or describe(statement))
    monkeypatch.setattr(Select, "column_descriptions", counting)
    statement = select(NoteRow.id, NoteRow.author)
    for subject in ("7", "8"):
        visible(statement, Owner("author"), Context(SERVICES, Principal(subject, Grants())))
    assert len(asked) == 1
