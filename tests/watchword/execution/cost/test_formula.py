"""A formula gives numbers at once for what is known, and for the rest when the variables are."""

from __future__ import annotations

from graphql.execution import VariableValues

from watchword.execution.cost.formula import UNCOUNTED, Formula, Later

GIVEN = VariableValues({}, {"n": 5})


def test_what_is_known_is_a_number_without_a_step() -> None:
    made = Formula()
    assert made.total([1, 2.5, made.times(3, 2), made.largest([1, 4])]) == 13.5
    assert made.largest([]) == made.total([]) == 0


def test_a_step_is_evaluated_with_the_variables() -> None:
    made = Formula()
    size = made.later(lambda _, given: given.coerced["n"])
    amount = made.total([1, made.times(size, 3), made.largest([size, 2])])
    assert isinstance(amount, Later)
    assert made.evaluate(amount, GIVEN) == 1 + 15 + 5


def test_nothing_times_anything_takes_no_step() -> None:
    made = Formula()
    size = made.later(lambda _, given: given.coerced["n"])
    assert made.times(0, size) == made.times(size, 0) == 0


def test_products_stop_at_the_most_that_is_counted() -> None:
    made = Formula()
    size = made.later(lambda *_: UNCOUNTED)
    assert made.evaluate(made.times(size, size), GIVEN) == UNCOUNTED
    assert made.times(UNCOUNTED, 2) == UNCOUNTED
