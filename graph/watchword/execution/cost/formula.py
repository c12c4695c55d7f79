"""A cost as a formula: what is known of a document is a number, and what its variables decide is a step.

Steps are evaluated in the order in which they were added, each once, so a formula with fragments in fragments takes
as many steps as the document has selections.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphql.execution import VariableValues

Number = int | float
# Sums and products stop here: with fragments in fragments they grow exponentially.
UNCOUNTED = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Later:
    """A number that a step gives, once the variables are known."""

    step: int


Amount = Number | Later
Given = tuple[list[Number], VariableValues]
"""The numbers of the steps before, and the variables."""
Step = Callable[[list[Number], VariableValues], Number]


class Formula:
    """Steps that give numbers once the variables are known."""

    def __init__(self) -> None:
        self._steps: list[Step] = []

    def later(self, step: Step) -> Later:
        """Add a step, and return what stands for its number."""
        self._steps.append(step)
        return Later(len(self._steps) - 1)

    def total(self, parts: Sequence[Amount]) -> Amount:
        """Return the sum of the parts."""
        return self._joined(parts, sum)

    def largest(self, parts: Sequence[Amount]) -> Amount:
        """Return the largest of the parts, 0 without any."""
        return self._joined(parts, lambda numbers: max(numbers, default=0))

    def not_below_zero(self, amount: Amount) -> Amount:
        """Return the amount, or 0 if it is less."""
        if not isinstance(amount, Later):
            return max(amount, 0)
        return self.later(lambda made, _: max(made[amount.step], 0))

    def times(self, size: Amount, each: Amount) -> Amount:
        """Return the product of a size and the cost of each."""
        if size == 0 or each == 0:
            return 0
        if not isinstance(size, Later) and not isinstance(each, Later):
            return min(size * each, UNCOUNTED)
        return self.later(lambda made, _: min(_read(made, size) * _read(made, each), UNCOUNTED))

    def evaluate(self, amount: Amount, variables: VariableValues) -> Number:
        """Return the number that an amount is with these variables."""
        if not isinstance(amount, Later):
            return amount
        made: list[Number] = []
        for step in self._steps[: amount.step + 1]:
            made.append(step(made, variables))
        return made[amount.step]

    def _joined(
        self, parts: Sequence[Amount], join: Callable[[Sequence[Number]], Number]
    ) -> Amount:
        known = [part for part in parts if not isinstance(part, Later)]
        steps = [part.step for part in parts if isinstance(part, Later)]
        fixed = min(join(known), UNCOUNTED)
        if not steps:
            return fixed
        if len(steps) == 1 and fixed == 0:
            return Later(steps[0])
        return self.later(lambda made, _: min(join([fixed, *(made[n] for n in steps)]), UNCOUNTED))


def _read(made: list[Number], amount: Amount) -> Number:
    return made[amount.step] if isinstance(amount, Later) else amount
