"""The plans that are kept, those of trusted documents apart from all others, and those that are in use anyway."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Set
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

P = TypeVar("P")
# A document's text, and whatever else tells its plans apart.
Key = tuple[str, *tuple[Any, ...]]

# Bounds the memory by length too: the documents of all plans in it together have at most this many
# characters, times the number of plans that it may hold.
USUAL_LENGTH = 500
# A longer document is not kept, unless it is trusted.
LONGEST_REMEMBERED = 16_384


class PlanMemory(Generic[P]):
    """Keeps the plans that were used last: at most `most` of trusted documents, and at most `most` of all others.

    So a client that sends ever new texts cannot drive out the plans of trusted documents. A plan that is not kept is found as
    long as something else holds it: a document that many subscribe to is in memory once, however long it is.
    """

    def __init__(self, most: int) -> None:
        self._trusted: Set[str] = frozenset()
        self._of_trusted = _Latest[P](most)
        self._of_others = _Latest[P](most)
        self._alive: WeakValueDictionary[Key, P] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._of_trusted.plans) + len(self._of_others.plans)

    def trust(self, texts: Set[str]) -> None:
        """Keep the plans of these texts apart from all others, and drop those that lie on the wrong side."""
        self._trusted = texts
        self._of_trusted.drop(lambda key: key[0] not in texts)
        self._of_others.drop(lambda key: key[0] in texts)

    def get(self, key: Key) -> P | None:
        """Return the plan with this key, and note its use; None if it is neither kept nor held by anything else."""
        latest = self._of_trusted if key[0] in self._trusted else self._of_others
        # Asked for each request: a call more would cost as much as what it does.
        plan = latest.plans.get(key)
        if plan is not None:
            latest.plans.move_to_end(key)
            return plan
        if (plan := self._alive.get(key)) is not None:
            self._keep(key, plan)
        return plan

    def put(self, key: Key, plan: P) -> None:
        """Keep a plan in the place of those that were not used for longest, unless its document is too long."""
        self._alive[key] = plan
        self._keep(key, plan)

    def _keep(self, key: Key, plan: P) -> None:
        if len(key[0]) <= LONGEST_REMEMBERED or key[0] in self._trusted:
            self._of(key).put(key, plan)

    def drop(self, is_gone: Callable[[Key], bool]) -> None:
        """Drop the plans whose keys are gone."""
        self._of_trusted.drop(is_gone)
        self._of_others.drop(is_gone)
        for key in [key for key in self._alive if is_gone(key)]:
            self._alive.pop(key, None)

    def _of(self, key: Key) -> _Latest[P]:
        return self._of_trusted if key[0] in self._trusted else self._of_others


class _Latest(Generic[P]):
    """The plans that were used last, bounded by their number and by the length of their documents."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._length = 0
        self.plans: OrderedDict[Key, P] = OrderedDict()

    def put(self, key: Key, plan: P) -> None:
        self.plans[key] = plan
        self._length += len(key[0])
        while len(self.plans) > self._most or self._length > self._most * USUAL_LENGTH:
            (text, *_), _plan = self.plans.popitem(last=False)
            self._length -= len(text)

    def drop(self, is_gone: Callable[[Key], bool]) -> None:
        for key in [key for key in self.plans if is_gone(key)]:
            del self.plans[key]
            self._length -= len(key[0])
