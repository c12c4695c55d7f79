"""Answers are read from their JSON, and failures say the message, the path and the code."""

from __future__ import annotations

import pytest

from watchword.testing.outcome import Failed, Problem, answer_of, data_of, refusal_of

SENT = {
    "data": {"toy": None},
    "errors": [
        {
            "message": "You may not.",
            "path": ["toy", 0, "price"],
            "extensions": {"code": "FORBIDDEN", "requires": {"scope": "toys:price"}},
        }
    ],
    "extensions": {"cursor": "c"},
}


def test_an_answer_with_errors_fails_with_all_that_is_known() -> None:
    with pytest.raises(Failed) as failed:
        data_of("{ toy { price } }", answer_of(SENT))
    said = str(failed.value)
    for part in ("FORBIDDEN at toy.0.price: You may not.", "toys:price", "{ toy { price } }"):
        assert part in said
    assert failed.value.problems[0].code == "FORBIDDEN"
    assert failed.value.data == {"toy": None}
    assert isinstance(failed.value, AssertionError)


def test_a_long_document_is_cut_in_the_message() -> None:
    with pytest.raises(Failed) as failed:
        data_of("x" * 10_000, answer_of(SENT))
    assert len(str(failed.value)) < 1_000


def test_the_first_error_is_the_refusal_and_success_is_none() -> None:
    refusal = refusal_of("{ toy }", answer_of(SENT))
    assert refusal == Problem(
        "You may not.",
        "FORBIDDEN",
        ("toy", 0, "price"),
        {"code": "FORBIDDEN", "requires": {"scope": "toys:price"}},
    )
    with pytest.raises(AssertionError, match="succeeded: {'toy': 1}"):
        refusal_of("{ toy }", answer_of({"data": {"toy": 1}}))


def test_an_error_without_path_and_code_is_read() -> None:
    [problem] = answer_of({"errors": [{"message": "No."}]}, 400).problems
    assert (problem.code, problem.path, str(problem)) == ("", (), "no code: No.")
