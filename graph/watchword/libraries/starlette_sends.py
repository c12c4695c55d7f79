"""Tells which functions of Starlette, given to an app as its `send`, pass the body of a response on as they get it."""

from __future__ import annotations

from functools import partial
from inspect import getclosurevars
from types import FunctionType, MethodType
from typing import Any

PASSES_BODIES = "passes_bodies"
"""The attribute by which a class says of its method, of which a `partial` has the next `send`, that it passes bodies on."""

# The first two note that a response has begun, and every app of Starlette and FastAPI has them. The last adds headers. They
# are known by name, so that what a server without Starlette needs does not import it.
_PASSING = {
    ("starlette.middleware.errors", "ServerErrorMiddleware.__call__.<locals>._send"),
    (
        "starlette._exception_handler",
        "wrap_app_handling_exceptions.<locals>.wrapped_app.<locals>.sender",
    ),
    ("starlette.middleware.cors", "CORSMiddleware.send"),
}


def behind(send: Any) -> Any:
    """Return the innermost `send` that gets each part of a body as this one does. A middleware's own, which may change
    it, is returned itself."""
    while (inner := _next(send)) is not None:
        send = inner
    return send


def _next(send: Any) -> Any:
    if type(send) is FunctionType and _is_known(send):
        return getclosurevars(send).nonlocals["send"]
    if type(send) is partial and type(send.func) is MethodType and _passes(send.func):
        return send.keywords["send"]
    return None


def _passes(method: MethodType) -> bool:
    return _is_known(method) or getattr(type(method.__self__), PASSES_BODIES, False)


def _is_known(function: FunctionType | MethodType) -> bool:
    return (function.__module__, function.__qualname__) in _PASSING
