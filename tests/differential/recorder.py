"""Extensions that record what they see, for the same schema behind two servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from strawberry.extensions import SchemaExtension

# Where an extension can raise: at the beginning and at the end of each hook, and in the methods that are none.
HOOKS = ("on_operation", "on_parse", "on_validate", "on_execute")
PLACES = (*(f"{hook} {edge}" for hook in HOOKS for edge in ("begin", "end")), "get_results")

Record = list[Any]


def recording(
    record: Record, name: str = "", fails_at: str = "", error: type[Exception] = ValueError
) -> type[SchemaExtension]:
    """Make a class of extensions that add to a record what they see, and raise `error` at one of `PLACES`, or at
    `resolve NAME`, which is around the field of this name."""

    class Recording(SchemaExtension):
        def _note(self, place: str) -> None:
            seen = self.execution_context
            result = seen.result
            record.append(
                (
                    name + place,
                    seen.query,
                    seen.variables,
                    seen.operation_name,
                    seen.graphql_document is not None,
                    len(seen.pre_execution_errors or ()),
                    None if result is None else (result.data, len(result.errors or ())),
                )
            )
            if place == fails_at:
                raise error(f"failed at {place}")

        def _around(self, hook: str) -> Iterator[None]:
            self._note(f"{hook} begin")
            yield
            self._note(f"{hook} end")

        def on_operation(self) -> Iterator[None]:
            yield from self._around("on_operation")

        async def on_parse(self) -> AsyncIterator[None]:
            self._note("on_parse begin")
            yield
            self._note("on_parse end")

        def on_validate(self) -> Iterator[None]:
            yield from self._around("on_validate")

        async def on_execute(self) -> AsyncIterator[None]:
            self._note("on_execute begin")
            yield
            self._note("on_execute end")

        async def on_stream_result(self, result: Any) -> AsyncIterator[None]:
            self._note("on_stream_result begin")
            yield

        def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
            record.append((name + "resolve", info.path.as_list(), kwargs))
            if fails_at == f"resolve {info.field_name}":
                raise error(f"failed at {fails_at}")
            return _next(root, info, *args, **kwargs)

        async def get_results(self) -> dict[str, Any]:
            self._note("get_results")
            return {f"{name}recorded": name}

    return Recording
