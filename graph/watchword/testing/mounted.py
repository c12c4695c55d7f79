"""Finds what is to be tested: a schema by its name, or an app with a `Watchword` mounted in it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from starlette.types import ASGIApp

from watchword.config.settings import Settings, read
from watchword.domain import load
from watchword.errors import Unsafe
from watchword.libraries.fastapi_parts import mounted
from watchword.mounting.asgi_app import Watchword

NAMED = "Name it in pytest's settings, as watchword_mount = module:attribute, or return it from a fixture `watchword_app`."


@dataclass(frozen=True, slots=True)
class Target:
    """The app to test, the `Watchword` in it, and the path at which that is mounted, "" if it is the app."""

    app: ASGIApp
    watchword: Watchword
    path: str = ""


def target(given: object) -> Target:
    """Return what to test: the name of a schema or an app as module:attribute, or the thing itself.

    "" is the schema that `watchword serve` mounts (`WATCHWORD_MOUNT`, in the environment or in `.env`). Raises `Unsafe`
    if there is no such thing, or no `Watchword` in the app.
    """
    if isinstance(given, str):
        return _named(given)
    if isinstance(given, strawberry.Schema):
        raise Unsafe(
            "`watchword_app` is a bare schema. Return its name, as module:attribute, or Watchword(schema, domain=…)."
        )
    if isinstance(given, Watchword):
        return Target(given, given)
    found = [(path, inner) for path, inner in mounted(given) if isinstance(inner, Watchword)]
    if len(found) != 1:
        said = "no Watchword" if not found else "more than one Watchword"
        raise Unsafe(f"There is {said} in the routes of {given!r}. {NAMED}")
    path, inner = found[0]
    return Target(given, inner, path)  # type: ignore[arg-type]


def _named(name: str) -> Target:
    settings = read()
    if name and not isinstance(_attribute(name), strawberry.Schema):
        return target(_attribute(name))
    if not name and "mount" not in settings.model_fields_set:
        raise Unsafe(f"It is not said what to test. {NAMED}")
    mount = load(name or settings.mount)
    inner = Watchword(mount.schema, settings, domain=mount.domain)
    return Target(inner, inner)


def _attribute(name: str) -> Any:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise Unsafe(f"{name!r} is not like module:attribute. {NAMED}")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise Unsafe(
            f"There is no module {error.name!r} to load {name!r} from. pytest finds your modules if it is told where they"
            " are: pythonpath = . in its settings."
        ) from error
    except AttributeError as error:
        raise Unsafe(f"{module} has no {attribute!r}. {NAMED}") from error


def for_tests(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Return settings for tests, with the test's own changes: no service outside of the test is used.

    Limits per second are lifted. The clock of a test stands still, so they would count for the whole test. Raises
    `Unsafe` for a change of no setting, and pydantic's `ValidationError` for a value that cannot be used.
    """
    if unknown := sorted(changes.keys() - Settings.model_fields.keys()):
        raise Unsafe(
            f"`watchword_settings` has {unknown[0]!r}, which is no field of watchword.Settings."
        )
    if changes:
        settings = Settings(_env_file=None, **(settings.model_dump() | dict(changes)))
    alone = {
        "bus_url": "memory://",
        "workers": 1,
        "unpublished_writes": "raise",
        "max_messages_per_second": 1_000_000,
        "drain_seconds": 0,
    }
    return settings.model_copy(update=alone)
