"""Plans of trusted documents are kept apart from all others, and both within bounds."""

from __future__ import annotations

from dataclasses import dataclass

from watchword.execution.plan_memory import LONGEST_REMEMBERED, USUAL_LENGTH, PlanMemory


@dataclass(frozen=True)
class Made:
    """Stands for a plan."""

    number: int


def test_what_was_not_used_for_longest_makes_place() -> None:
    memory: PlanMemory[Made] = PlanMemory(2)
    memory.put(("a", None), Made(1))
    memory.put(("b", None), Made(2))
    assert memory.get(("a", None)) == Made(1)
    memory.put(("c", None), Made(3))
    assert (memory.get(("a", None)), memory.get(("b", None)), len(memory)) == (Made(1), None, 2)


def test_other_texts_never_drive_out_those_that_are_trusted() -> None:
    memory: PlanMemory[Made] = PlanMemory(2)
    memory.trust(frozenset({"a"}))
    memory.put(("a", None), Made(1))
    for number in range(10):
        memory.put((f"b{number}", None), Made(number))
    assert (memory.get(("a", None)), len(memory)) == (Made(1), 3)


def test_trusted_texts_have_a_bound_too() -> None:
    memory: PlanMemory[Made] = PlanMemory(2)
    memory.trust(frozenset("abc"))
    for number, text in enumerate("abc"):
        memory.put((text, None), Made(number))
    assert (memory.get(("a", None)), len(memory)) == (None, 2)


def test_a_long_text_is_kept_only_if_it_is_trusted() -> None:
    long, other = "a" * (LONGEST_REMEMBERED + 1), "b" * (LONGEST_REMEMBERED + 1)
    memory: PlanMemory[Made] = PlanMemory(LONGEST_REMEMBERED)
    memory.trust(frozenset({long}))
    memory.put((long, None), Made(1))
    memory.put((other, None), Made(2))
    assert (memory.get((long, None)), memory.get((other, None))) == (Made(1), None)


def test_the_length_of_all_texts_is_bounded() -> None:
    memory: PlanMemory[Made] = PlanMemory(2)
    for number in range(5):
        memory.put((f"{number}" + "x" * (2 * USUAL_LENGTH - 10), None), Made(number))
        assert len(memory) == 1


def test_a_plan_that_something_holds_is_found_although_it_is_not_kept() -> None:
    memory: PlanMemory[Made] = PlanMemory(2)
    long, held = "a" * (LONGEST_REMEMBERED + 1), Made(1)
    memory.put((long, None), held)
    assert (memory.get((long, None)), len(memory)) == (held, 0)
    short = Made(2)
    memory.put(("b", None), short)
    for number in range(10):
        memory.put((f"c{number}", None), Made(number))
    assert memory.get(("b", None)) is short
    assert len(memory) == 2
    memory.drop(lambda key: key[0] == long)
    assert memory.get((long, None)) is None
    del held
    memory.put((long, None), Made(3))
    assert memory.get((long, None)) is None
