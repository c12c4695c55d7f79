"""Manifests that change are read again; one that cannot be used changes nothing, and is logged."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import pytest
import strawberry

from tests.support.clock import MovedClock
from watchword.errors import Unsafe
from watchword.execution.documents.documents import Documents
from watchword.execution.documents.follower import LOOK_SECONDS, ManifestFollower
from watchword.execution.documents.manifest import read_manifests
from watchword.execution.documents.trusted import TrustedDocuments
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.process.background import Background

HELLO, TWICE = "{ hello }", "{ hello again: hello }"


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "hello"


class Made:
    """A manifest in a directory, and what follows it."""

    def __init__(self, folder: Path, clock: MovedClock) -> None:
        self.file = folder / "web.json"
        self.write({"one": HELLO})
        engine = Engine(strawberry.Schema(Query), Limits(1_000, 10, 10, 1_000), 10)
        trusted = TrustedDocuments(read_manifests(folder))
        self.documents = Documents(engine, trusted=trusted)
        self.planner = engine.planner
        self.follower = ManifestFollower(folder, self.documents, engine.planner, clock)

    def write(self, manifest: object) -> None:
        """Put a manifest in the place of the last one, as a deployment does."""
        new = self.file.with_suffix(".new")
        new.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
        new.replace(self.file)

    def finds(self, id: str) -> str | None:
        assert self.documents.trusted is not None
        return self.documents.trusted.find(id)


@pytest.fixture
def made(tmp_path: Path, clock: MovedClock) -> Made:
    return Made(tmp_path, clock)


async def test_what_a_new_manifest_lists_is_trusted_and_what_it_lacks_no_more(made: Made) -> None:
    assert not await made.follower.turn()
    made.write({"two": TWICE})
    assert await made.follower.turn()
    assert (made.finds("one"), made.finds("two")) == (None, TWICE)
    assert not await made.follower.turn()


async def test_a_manifest_that_is_added_or_removed_counts(made: Made) -> None:
    other = made.file.with_name("app.json")
    other.write_text(json.dumps({"two": TWICE}))
    assert await made.follower.turn()
    assert (made.finds("one"), made.finds("two")) == (HELLO, TWICE)
    other.unlink()
    assert await made.follower.turn()
    assert (made.finds("one"), made.finds("two")) == (HELLO, None)


async def test_a_file_that_was_only_touched_changes_nothing(made: Made) -> None:
    await made.follower.turn()
    before = made.documents.trusted
    made.write({"one": HELLO})
    assert not await made.follower.turn()
    assert made.documents.trusted is before


@pytest.mark.parametrize("broken", ["{", "{}", '{"one": 1}', '{"sha256:00": "{ hello }"}'])
async def test_a_manifest_that_cannot_be_used_leaves_the_last_one_in_force(
    broken: str, made: Made
) -> None:
    await made.follower.turn()
    made.write(broken)
    for _ in range(2):
        with pytest.raises(Unsafe):
            await made.follower.turn()
        assert made.finds("one") == HELLO
    made.write({"two": TWICE})
    assert await made.follower.turn()
    assert made.finds("two") == TWICE


async def test_plans_are_kept_apart_by_what_is_trusted_now(made: Made) -> None:
    for text in (HELLO, TWICE):
        made.planner.plan(text, None)
    assert len(made.planner) == 2
    made.write({"two": TWICE})
    await made.follower.turn()
    assert made.planner.known(HELLO, None, None) is None
    assert made.planner.known(TWICE, None, None) is None
    assert len(made.planner) == 0


async def test_the_background_looks_again_and_again_and_logs_what_is_wrong(
    made: Made, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "watchword")
    background = Background(clock)
    made.follower.open(background)

    async def looked(sentence: str) -> None:
        async with asyncio.timeout(20):
            while sentence not in caplog.text:
                clock.move(LOOK_SECONDS)
                # A thread reads the files.
                await asyncio.to_thread(int)

    try:
        await looked("all 1 trusted documents can be run")
        made.write("{")
        await looked("is not JSON")
        assert made.finds("one") == HELLO
        made.write({"two": "{ nothing }"})
        await looked("the manifests have changed: 1 documents are trusted")
        await looked("1 of 1 trusted documents cannot be run")
    finally:
        await background.close()
