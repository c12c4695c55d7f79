"""Watchword: a GraphQL server that checks a signed token for every field, connection and event.

A mounted schema imports only from here: the names are those of `watchword.public`. That is imported when the first
name is asked for, because the command line is in this package too, and need not wait for it.
"""

from importlib import import_module


def __getattr__(name: str) -> object:
    # Other names that begin with an underscore are those that Python looks for in any package.
    if name == "__all__" or not name.startswith("_"):
        public = import_module(f"{__name__}.public")
        if name in ("__all__", *public.__all__):
            return getattr(public, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
