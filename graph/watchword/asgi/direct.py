"""Tells whether a middleware has put functions of its own before those of the server."""

from __future__ import annotations

from types import MethodType

from watchword.asgi.types import WRITE_WHOLE, Receive, Send, of_server
from watchword.libraries.starlette_sends import behind


def is_direct(receive: Receive, send: Send, owner: object) -> bool:
    """Tell whether all that an app receives comes from a server's object as it is, and each part of a body that it sends
    gets there as it is. If not, a middleware may change it, and what is written past the middleware lacks the change."""
    if type(receive) is not MethodType or receive.__self__ is not owner:
        return False
    last = behind(send)
    # Of our own middleware, those in front that look at a response pass whole ones on too.
    is_ours = of_server(last, WRITE_WHOLE) is not None
    return is_ours or (type(last) is MethodType and last.__self__ is owner)
