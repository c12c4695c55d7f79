"""Random documents have the same answers with both executors on real services, and the same SQL statements.

The services are the built-in one and the tutorial's. Each executor has its own copy of the same database. The order
of errors is not compared: it depends on the connections of the database.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import aiosqlite
import pytest
from hypothesis import given

from tests.differential import values
from tests.differential.arena import Arena, Case
from tests.differential.documents import document
from tests.differential.homes import connect_at_once, execute_at_once, ids, league_arena, room_arena
from tests.differential.profile import IGNORED, SEEDS, compare, documents
from tests.differential.stage import stage
from watchword.libraries.strawberry_parts import definition

pytestmark = IGNORED


@pytest.fixture(scope="module")
def steady() -> Iterator[None]:
    """Let both executors draw the same ids and secrets, and the database answer in a fixed order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aiosqlite.Connection, "_execute", execute_at_once)
        patch.setattr(aiosqlite.Connection, "_connect", connect_at_once)
        patch.setattr(secrets, "token_bytes", lambda length=32: stage.dice.randbytes(length))
        patch.setattr(secrets, "token_hex", lambda length=32: stage.dice.randbytes(length).hex())
        patch.setattr(
            secrets, "token_urlsafe", lambda length=32: f"{stage.dice.getrandbits(96):024x}"
        )
        yield


@pytest.fixture(scope="module")
def room(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, steady: None
) -> Iterator[Arena]:
    with room_arena(sqlite_template, tmp_path_factory.mktemp("room")) as arena, known(arena):
        yield arena


@pytest.fixture(scope="module")
def league(tmp_path_factory: pytest.TempPathFactory, steady: None) -> Iterator[Arena]:
    with league_arena(tmp_path_factory.mktemp("league")) as arena, known(arena):
        yield arena


@contextmanager
def known(arena: Arena) -> Iterator[None]:
    """Draw the ids of arguments from those in the database."""
    found = ids(arena)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(values.SCALARS, "ID", lambda dice: dice.choice(found))
        yield


def test_attempts_that_are_refused_after_too_many_have_the_same_answers(room: Arena) -> None:
    case = Case('mutation { confirmTotp(otp: "a") }', {}, "admin")
    answers = [room.compare(case).answer for _ in range(20)]
    assert "RATE_LIMITED" in answers[-1]


@documents(share=0.05)
@given(seed=SEEDS)
def test_the_incident_room_has_the_same_answers(room: Arena, seed: int) -> None:
    dice = Random(seed)
    compare(room, document(definition(room.schema), dice), dice, room.compare)


@documents(share=0.05)
@given(seed=SEEDS)
def test_the_league_has_the_same_answers(league: Arena, seed: int) -> None:
    dice = Random(seed)
    compare(league, document(definition(league.schema), dice), dice, league.compare)
