"""Tells from the source of a function what it does first."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from textwrap import dedent
from typing import Any

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def waits_first(function: Callable[..., Any]) -> bool:
    """Tell whether what a function makes must be awaited: it is async, a generator with an `await` before its `yield`, or
    async below a decorator that hides this, as `@asynccontextmanager` does."""
    try:
        return _waits_first(function)
    except TypeError:  # an object that has no hash
        return _found_to_wait(function)


def _found_to_wait(function: Any) -> bool:
    if not inspect.isroutine(function) and not isinstance(function, partial):
        function = type(function).__call__
    inner = inspect.unwrap(function)
    is_hidden = inspect.isasyncgenfunction(inner) and not inspect.isasyncgenfunction(function)
    return (
        inspect.iscoroutinefunction(inner) or is_hidden or await_before_yield(function) is not None
    )


_waits_first = lru_cache(64)(_found_to_wait)


def await_before_yield(function: Callable[..., Any]) -> int | None:
    """Return the line, in its file, of an `await` before the first `yield` of an async generator function.

    None if there is none, or no source. An `async with` before the `yield` does not count: many do not wait.
    """
    function = inspect.unwrap(function)
    if not inspect.isasyncgenfunction(function):
        return None
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return None
    body = [node for each in _statements(tree) for node in _own(each)]
    yields = [_end(node) for node in body if isinstance(node, ast.Yield)]
    for node in body if yields else []:
        if isinstance(node, ast.Await) and _end(node) <= min(yields):
            return first + node.lineno - 1
    return None


def _statements(tree: ast.Module) -> list[ast.stmt]:
    """Return the body of the function that the source holds."""
    found = tree.body[0]
    return found.body if isinstance(found, ast.AsyncFunctionDef) else []


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function's body that run in it, and not in a function inside."""
    if isinstance(node, _Function):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _own(child)


def _end(node: ast.expr) -> tuple[int, int]:
    """Return where an expression ends: what it contains is done before."""
    return node.end_lineno or 0, node.end_col_offset or 0
