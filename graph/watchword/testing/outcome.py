"""What operations come to: answers, errors, and the close of a socket, with failures that say what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Data = dict[str, Any]
# Characters of a document or an answer that a failure shows.
LONGEST_SHOWN = 400


@dataclass(frozen=True, slots=True)
class Problem:
    """One error of an answer. `code` is `extensions.code`, and "" if there is none."""

    message: str
    code: str
    path: tuple[str | int, ...] = ()
    extensions: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        place = f" at {'.'.join(map(str, self.path))}" if self.path else ""
        more = {name: value for name, value in self.extensions.items() if name != "code"}
        return f"{self.code or 'no code'}{place}: {self.message}" + (f" {more}" if more else "")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was sent: its data, its errors, its extensions. `status` is that of HTTP, 0 on a socket."""

    data: Data | None
    problems: Sequence[Problem] = ()
    extensions: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0


@dataclass(frozen=True, slots=True)
class Closed:
    """The close of a socket by the server: its code, as in the reference of errors, and its reason."""

    code: int
    reason: str


class Failed(AssertionError):
    """An operation failed that was expected to succeed. `problems` are its errors, `data` the rest of the answer."""

    def __init__(self, document: str, answer: Answer) -> None:
        self.problems = tuple(answer.problems)
        self.data = answer.data
        shown = document.strip()
        if len(shown) > LONGEST_SHOWN:
            shown = f"{shown[:LONGEST_SHOWN]} …"
        errors = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"The operation failed:\n{errors}\nof the document\n  {shown}")


def answer_of(sent: Mapping[str, Any], status: int = 0) -> Answer:
    """Read an answer from its JSON. An error may be of GraphQL, or of a refused request."""
    return Answer(
        sent.get("data"), problems_of(sent.get("errors", ())), sent.get("extensions", {}), status
    )


def problems_of(errors: Sequence[Mapping[str, Any]]) -> tuple[Problem, ...]:
    """Read errors from their JSON."""
    return tuple(
        Problem(
            error.get("message", ""),
            error.get("extensions", {}).get("code", ""),
            tuple(error.get("path") or ()),
            error.get("extensions", {}),
        )
        for error in errors
    )


def data_of(document: str, answer: Answer) -> Data:
    """Return the data of an answer. Raises `Failed` if it has errors."""
    if answer.problems or answer.data is None:
        raise Failed(document, answer)
    return answer.data


def refusal_of(document: str, answer: Answer) -> Problem:
    """Return the first error of an answer. Raises `AssertionError` if it has none."""
    if not answer.problems:
        raise AssertionError(
            f"The operation was to be refused, and succeeded: {answer.data}\nof the document\n  {document.strip()}"
        )
    return answer.problems[0]
