"""The page about rules over rows: lists, their pages and counts, and single notes show each caller the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.documents import HOW_TO, block
from watchword.testing import App, Caller

PAGE = HOW_TO / "rules.md"


@pytest.fixture(scope="session")
def watchword_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("page")
    migrations = folder / "notes_migrations"
    migrations.mkdir()
    (migrations / "__init__.py").touch()
    (migrations / "0001_notes.py").write_text(block(PAGE, "python", "0001_notes"))
    (folder / "notes.py").write_text(block(PAGE, "python", "# notes.py"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield "notes:schema"


@pytest.fixture
def callers(watchword: App) -> Mapping[str, Caller]:
    """Two authors, an admin and the public; each author has two public notes and two internal ones."""
    from notes import InviteRow, NoteRow  # the page's module, which the fixture has made importable

    made = {
        "ann": watchword.as_user(roles=["author"]),
        "bob": watchword.as_user(roles=["author"]),
        "admin": watchword.as_user(roles=["admin"]),
        "anyone": watchword.anonymous,
    }

    async def fill(unit: Any) -> None:
        for name in ("ann", "bob"):
            for number, visibility in enumerate(("PUBLIC", "INTERNAL", "PUBLIC", "INTERNAL")):
                id = f"{name}{number}"
                unit.db.add(
                    NoteRow(id=id, author=made[name].id, visibility=visibility, text=id.upper())
                )

        unit.db.add(InviteRow(note="bob0", reader=made["ann"].id))

    watchword.write(fill)
    return made


PUBLIC = ["ann0", "ann2", "bob0", "bob2"]
SEEN = {
    "ann": ["ann0", "ann1", "ann2", "ann3", "bob0", "bob2"],
    "bob": ["ann0", "ann2", "bob0", "bob1", "bob2", "bob3"],
    "admin": ["ann0", "ann1", "ann2", "ann3", "bob0", "bob1", "bob2", "bob3"],
    "anyone": PUBLIC,
}


@pytest.mark.parametrize("name", SEEN)
async def test_a_list_its_pages_its_count_and_single_notes_show_the_same(
    callers: Mapping[str, Caller], name: str
) -> None:
    caller, seen = callers[name], SEEN[name]
    found, after = [], None
    while True:
        asked = "query($a: String) { notes(first: 3, after: $a) { totalCount nodes { id text } pageInfo { endCursor hasNextPage } } }"
        notes = (await caller.query(asked, a=after))["notes"]
        assert notes["totalCount"] == len(seen)
        assert len(notes["nodes"]) == min(3, len(seen) - len(found)), "a page is full"
        found += notes["nodes"]
        after = notes["pageInfo"]["endCursor"]
        if not notes["pageInfo"]["hasNextPage"]:
            break
    assert [each["id"] for each in found] == seen
    assert [each["text"] for each in found] == [id.upper() for id in seen]
    for id in SEEN["admin"]:
        note = (await caller.query("query($id: ID!) { note(id: $id) { id } }", id=id))["note"]
        assert note == ({"id": id} if id in seen else None)


@pytest.mark.parametrize(
    ("name", "open_to"),
    [("ann", {"ann0", "ann1", "ann2", "ann3", "bob0"}), ("admin", set()), ("anyone", set())],
)
async def test_remarks_are_for_the_owner_and_those_who_are_invited(
    callers: Mapping[str, Caller], name: str, open_to: set[str]
) -> None:
    answer = await callers[name].ask("{ notes { nodes { id remarks } } }")
    nodes = answer.data["notes"]["nodes"]
    assert {each["id"] for each in nodes if each["remarks"] is not None} == open_to
    assert len(answer.problems) == len(nodes) - len(open_to)
