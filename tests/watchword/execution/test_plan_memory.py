"""Plans of trusted documents are kept apart from all others, and both within bounds."""

from __future__ import annotations

from watchword.execution.plan_memory import LONGEST_REMEMBERED, USUAL_LENGTH, PlanMemory


def test_what_was_not_used_for_longest_makes_place() -> None:
    memory: PlanMemory[int] = PlanMemory(2)
    memory.put(("a", None), 1)
    memory.put(("b", None), 2)
    assert memory.get(("a", None)) == 1
    memory.put(("c", None), 3)
    assert (memory.get(("a", None)), memory.get(("b", None)), len(memory)) == (1, None, 2)


def test_other_texts_never_drive_out_those_that_are_trusted() -> None:
    memory: PlanMemory[int] = PlanMemory(2)
    memory.trust(frozenset({"a"}))
    memory.put(("a", None), 1)
    for number in range(10):
        memory.put((f"b{number}", None), number)
    assert (memory.get(("a", None)), len(memory)) == (1, 3)


def test_trusted_texts_have_a_bound_too() -> None:
    memory: PlanMemory[int] = PlanMemory(2)
    memory.trust(frozenset("abc"))
    for number, text in enumerate("abc"):
        memory.put((text, None), number)
    assert (memory.get(("a", None)), len(memory)) == (None, 2)


def test_a_long_text_is_kept_only_if_it_is_trusted() -> None:
    long, other = "a" * (LONGEST_REMEMBERED + 1), "b" * (LONGEST_REMEMBERED + 1)
    memory: PlanMemory[int] = PlanMemory(LONGEST_REMEMBERED)
    memory.trust(frozenset({long}))
    memory.put((long, None), 1)
    memory.put((other, None), 2)
    assert (memory.get((long, None)), memory.get((other, None))) == (1, None)


def test_the_length_of_all_texts_is_bounded() -> None:
    memory: PlanMemory[int] = PlanMemory(2)
    for number in range(5):
        memory.put((f"{number}" + "x" * (2 * USUAL_LENGTH - 10), None), number)
        assert len(memory) == 1
