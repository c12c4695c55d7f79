"""Rules over objects that look something up: asked for all objects of a list at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from watchword.context import Context
from watchword.permissions.rules import Question, Rule
from watchword.permissions.verdict import Requirement


class BatchedRule(Rule):
    """Decides about many objects with one look-up: derive a frozen dataclass from it, with `requires` and `batch`.

    Each object of an operation is asked about once, however many of its fields have the rule, and anew after a
    `write()`. A root field and a router's reference have no object, so nobody passes there.
    """

    is_async = True

    async def batch(
        self, context: Context, objects: Sequence[Any]
    ) -> Sequence[bool | BaseException]:
        """Tell for each object, in this order, whether `context.principal` passes, or the error to raise for it.

        There are at most 500, each once. They are the objects whose fields are read, as their resolvers returned them.
        """
        raise NotImplementedError

    @property
    def requires(self) -> Requirement:
        raise NotImplementedError

    def is_unknown(self, question: Question) -> bool:
        return question.source is None or super().is_unknown(question)

    async def holds_async(self, question: Question) -> bool:
        if question.source is None:
            return False
        context: Context = question.info.context
        return await context.loader(self._answers).load(_Same(question.source))

    async def _answers(
        self, context: Context, objects: list[_Same]
    ) -> Sequence[bool | BaseException]:
        answers = await self.batch(context, [each.of for each in objects])
        for answer in answers:
            if not isinstance(answer, bool | BaseException):
                raise TypeError(
                    f"{type(self).__name__}.batch must answer True or False for each object"
                )
        return answers


class _Same:
    """An object as a key: equal to itself alone, whatever the object says, and kept as long as the key."""

    __slots__ = ("of",)

    def __init__(self, of: Any) -> None:
        self.of = of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.of is self.of

    def __hash__(self) -> int:
        return id(self.of)
