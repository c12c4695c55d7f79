"""How much is compared, by the profile of hypothesis, and the fixtures and checks that all modules here share."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any

import pytest
import strawberry
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.differential import outcomes
from tests.differential.arena import Arena, Case
from tests.differential.documents import Document
from tests.differential.smaller import smallest
from tests.differential.stage import Script
from watchword.execution.compiled import programs

# The documents that all tests together compare.
DOCUMENTS = {"quick": 120, "thorough": 2_000, "soak": 20_000}
SEEDS = st.integers(0, 2**64 - 1)
# Random comparisons of which most must have been compiled. Among fewer, chance may leave most to graphql-core.
ENOUGH = 40
CASES = {"quick": 2, "thorough": 5, "soak": 5}


def profile() -> str:
    name = settings.get_current_profile_name()
    return name if name in DOCUMENTS else "quick"


def documents(share: float) -> settings:
    """Return the settings of a test that compares this share of all documents.

    A document that fails is made smaller by `smaller.py`, because it is made from one number.
    """
    return settings(
        max_examples=max(1, round(DOCUMENTS[profile()] * share)),
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def arena_of(schema: strawberry.Schema, is_usual: bool = True) -> Iterator[Arena]:
    """An arena for a block, in which operations are compiled at once.

    At the end of usual documents most must have been compiled, or the comparison would mean nothing.

    graphql-core cancels what it does not need any more, perhaps before its first step. Python warns of
    coroutines that were never awaited; the effects show that both executors leave the same ones.
    """
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        patch.setattr(programs, "COMPILED_AT_USE", 1)
        arena = Arena(schema)
        try:
            yield arena
            if is_usual and arena.compared >= ENOUGH:
                assert arena.fallbacks.total() < arena.compared / 2, arena.fallbacks
            assert not arena.fallbacks["a mistake in the compiler"]
        finally:
            arena.close()
            # The errors that resolvers share hold the coroutines of the last run, which are to go while the filter is on.
            outcomes.forget()
            gc.collect()


def compare(
    arena: Arena,
    document: Document,
    dice: Random,
    how: Callable[[Case], object] | None = None,
    times: int | None = None,
) -> None:
    """Compare a document several times, each with other variables, another caller and another script.

    `how` compares one case, by default as a query or a mutation. If that fails, the smallest case that fails
    is reported.
    """
    cases = [_case(arena, document, dice) for _ in range(times or CASES[profile()])]
    if how is None and dice.random() < 0.25:
        arena.compare_together(cases)
    how = how or arena.compare
    for case in cases:
        try:
            how(case)
        except AssertionError:
            how(smallest(case, partial(_differs, arena, how)))
            raise


def _case(arena: Arena, document: Document, dice: Random) -> Case:
    caller = dice.choice(list(arena.callers))
    return Case(document.text, document.draw(dice), caller, script(dice))


def script(dice: Random) -> Script:
    """Return a random script. Many resolvers wait, or none; many fail, or few, or none."""
    return Script(
        dice.randrange(2**32),
        dice.choice((0, 0, 8, 40)),
        dice.choice((0, 60, 255)),
        dice.random() < 0.2,
    )


def _differs(arena: Arena, how: Callable[[Case], object], case: Case) -> bool:
    try:
        arena.renew()
        how(case)
    except AssertionError:
        return True
    except Exception:
        return False
    return False


IGNORED: Any = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
