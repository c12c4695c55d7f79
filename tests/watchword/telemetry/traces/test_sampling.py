"""Which requests are traced: by a ratio, and because their callers say so, as far as the budget goes."""

from __future__ import annotations

import pytest

from watchword.errors import Unsafe
from watchword.telemetry.traces.sampling import Budget, Choice, Sampling, choice


class Now:
    """A time in seconds, which a test moves."""

    at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.mark.parametrize(
    ("sampler", "argument", "chosen"),
    [
        ("", "", Choice(0.25)),
        ("always_on", "", Choice(1, False)),
        ("always_off", "0.5", Choice(0, False)),
        ("traceidratio", "0.5", Choice(0.5, False)),
        ("parentbased_always_on", "", Choice(1)),
        ("parentbased_always_off", "", Choice(0)),
        (" ParentBased_TraceIdRatio ", " 0.125 ", Choice(0.125)),
        ("parentbased_traceidratio", "", Choice(1)),
        ("jaeger_remote", "", Choice(None, False)),
    ],
)
def test_opentelemetry_s_variables_count_and_else_the_setting(
    sampler: str, argument: str, chosen: Choice
) -> None:
    environment = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}
    assert choice(environment, 0.25) == chosen


@pytest.mark.parametrize("argument", ["1.5", "-1", "half", "nan"])
def test_a_ratio_that_is_none_stops_the_start(argument: str) -> None:
    environment = {
        "OTEL_TRACES_SAMPLER": "traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": argument,
    }
    with pytest.raises(Unsafe, match="OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1"):
        choice(environment, 0.25)


def test_a_budget_allows_so_many_in_a_second_and_no_more_after_a_pause() -> None:
    now = Now()
    budget = Budget(2, now)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    now.at += 0.5
    assert [budget.take() for _ in range(2)] == [True, False]
    now.at += 3600
    assert [budget.take() for _ in range(3)] == [True, True, False]


def test_a_budget_below_one_allows_one_in_so_many_seconds() -> None:
    now = Now()
    budget = Budget(0.1, now)
    assert [budget.take() for _ in range(2)] == [True, False]
    now.at += 9
    assert not budget.take()
    now.at += 1.1
    assert budget.take()


def test_a_clock_that_is_set_back_adds_nothing_and_takes_nothing() -> None:
    now = Now()
    budget = Budget(1, now)
    assert budget.take()
    now.at -= 50
    assert not budget.take()
    now.at += 1
    assert budget.take()


def test_requests_are_chosen_at_random_in_the_ratio() -> None:
    numbers = iter([0.0, 0.2499, 0.25, 0.9])
    sampling = Sampling(Choice(0.25), Budget(1, Now()), lambda: next(numbers))
    assert [sampling.chooses() for _ in range(4)] == [True, True, False, False]


@pytest.mark.parametrize(("ratio", "chosen"), [(0, False), (1, True), (None, True)])
def test_all_or_none_are_chosen_and_without_a_ratio_the_provider_is_asked(
    ratio: float | None, chosen: bool
) -> None:
    for number in (0.0, 0.999_999):
        sampling = Sampling(Choice(ratio), Budget(1, Now()), lambda number=number: number)
        assert sampling.chooses() is chosen


@pytest.mark.parametrize(
    ("made", "callers", "follows"),
    [(Choice(0.1), 1, True), (Choice(0.1), 0, False), (Choice(0.1, False), 1, False)],
)
def test_callers_count_unless_the_sampler_or_the_budget_says_no(
    made: Choice, callers: float, follows: bool
) -> None:
    assert Sampling(made, Budget(callers, Now())).follows_callers is follows
