"""A batch loader: collects keys in one turn of the event loop, and loads their values together.

Strawberry's `DataLoader` does the same with several objects and callbacks for each key, which cost more than
the statement that loads a row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from watchword.libraries.strawberry_parts import WrongNumberOfResultsReturned

K = TypeVar("K")
V = TypeVar("V")
_Waiting = list[asyncio.Future[V]]
"""The futures of one key: one for each that waits, or that has asked for it later. They get the same value."""
_Batch = list[tuple[K, _Waiting[V]]]


class Loader(Generic[K, V]):
    """Loads values by their keys, in batches, and keeps them."""

    __slots__ = ("_batch", "_keeps", "_kept", "_load", "_most", "_tasks")

    def __init__(
        self,
        load: Callable[[list[K]], Awaitable[Sequence[V | BaseException]]],
        most: int,
        *,
        keeps: bool = True,
    ) -> None:
        """`load` returns a value, or an error, for each of at most `most` keys, in their order."""
        self._load = load
        self._most = most
        self._keeps = keeps
        self._kept: dict[K, _Waiting[V]] = {}
        # The keys that no call of `load` has yet.
        self._batch: _Batch[K, V] | None = None
        # The event loop keeps only weak references to tasks.
        self._tasks: set[asyncio.Task[None]] = set()

    def load(self, key: K) -> asyncio.Future[V]:
        """Return the value of a key, which is loaded with other keys that are asked for meanwhile."""
        waiting = self._kept.get(key, [])
        for each in waiting:
            if each.cancelled():
                continue
            if each.done():
                return each
            # A future of its own: asyncio cancels the future that a cancelled task waits for.
            future: asyncio.Future[V] = each.get_loop().create_future()
            waiting.append(future)
            return future
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        waiting = [future]
        if self._keeps:
            self._kept[key] = waiting
        batch = self._batch
        if batch is None or len(batch) >= self._most:
            batch = self._batch = []
            # Tasks that are ready now may ask for more keys before the batch's own task begins.
            loop.call_soon(self._begin, batch)
        batch.append((key, waiting))
        return future

    def load_many(self, keys: Iterable[K]) -> Awaitable[list[V]]:
        """Return the values of keys, in their order."""
        return asyncio.gather(*map(self.load, keys))

    def clear(self, key: K) -> None:
        """Forget the value of a key, so that it is loaded again."""
        self._kept.pop(key, None)

    def clear_all(self) -> None:
        """Forget all values."""
        self._kept.clear()

    def _begin(self, batch: _Batch[K, V]) -> None:
        task = asyncio.get_running_loop().create_task(self._run(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, batch: _Batch[K, V]) -> None:
        if self._batch is batch:
            self._batch = None
        if not _Watch(asyncio.current_task(), _futures(batch)).begin():
            return
        try:
            values = list(await self._load([key for key, _ in batch]))
            if len(values) != len(batch):
                raise WrongNumberOfResultsReturned(expected=len(batch), received=len(values))
        except asyncio.CancelledError:
            for future in _futures(batch):
                future.cancel()
            raise
        except Exception as error:
            values = [error] * len(batch)
        for (_, waiting), value in zip(batch, values, strict=True):
            for future in waiting:
                if future.done():  # it was cancelled
                    continue
                if isinstance(value, BaseException):
                    future.set_exception(value)
                else:
                    future.set_result(value)


def _futures(batch: _Batch[Any, V]) -> Iterator[asyncio.Future[V]]:
    """Yield the futures of a batch, with those that are added meanwhile to a key that somebody still waits for."""
    return (future for _, waiting in batch for future in waiting)


class _Watch:
    """Cancels a task when all of the futures that it will set are cancelled: nobody waits for it any more.

    Watches one future at a time, because a callback for each costs as much as loading its value.
    """

    __slots__ = ("_futures", "_task")

    def __init__(
        self, task: asyncio.Task[Any] | None, futures: Iterator[asyncio.Future[Any]]
    ) -> None:
        self._task = task
        self._futures = futures

    def begin(self) -> bool:
        """Watch the next future that is not cancelled. Returns False if all are."""
        for future in self._futures:
            if not future.cancelled():
                future.add_done_callback(self)
                return True
        return False

    def __call__(self, watched: asyncio.Future[Any]) -> None:
        if watched.cancelled() and not self.begin() and self._task is not None:
            self._task.cancel()
