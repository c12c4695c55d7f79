"""The page of settings: `Settings` and `TrustedIssuer`, with types, limits, units and defaults."""

from __future__ import annotations

from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from docs.generator import markdown
from docs.generator.markdown import code, table
from incident_room.pages.settings import PREFIX as PAGE_PREFIX
from incident_room.pages.settings import PageSettings
from watchword.config.auth_settings import AuthSettings
from watchword.config.document_settings import DocumentSettings
from watchword.config.limit_settings import LimitSettings
from watchword.config.live_settings import LiveSettings
from watchword.config.metric_settings import MetricSettings
from watchword.config.settings import PREFIX, Settings
from watchword.config.trace_settings import TraceSettings
from watchword.config.trusted_issuer import TrustedIssuer
from watchword.config.upload_settings import UploadSettings

ABOUT = f"""\
Settings are environment variables or lines in a file `.env` in the working directory. They are read once, at the
start; one that cannot be used stops the start with a sentence that says what to do. An empty value counts as not set.

Lists are JSON (`["https://app.example.com"]`), except `{PREFIX}ENCRYPTION_KEYS`, which has commas between its keys."""
TYPES = {str: "text", int: "integer", float: "number", bool: "`true` or `false`", Path: "path"}
UNITS = ("seconds", "bytes", "characters", "bits", "events")
LARGER = ((86400, "days"), (3600, "hours"), (60, "minutes"))


def page() -> str:
    """Return the page."""
    auth, live = AuthSettings.model_fields, LiveSettings.model_fields
    files, traces = UploadSettings.model_fields, TraceSettings.model_fields
    measured, documents = MetricSettings.model_fields, DocumentSettings.model_fields
    limits = LimitSettings.model_fields
    others = {*auth, *limits, *live, *files, *traces, *measured, *documents}
    general = {name: field for name, field in Settings.model_fields.items() if name not in others}
    return markdown.page(
        "Settings",
        ABOUT,
        "## The server, its database and requests",
        _table(general, PREFIX),
        "## What operations may cost",
        _table(limits, PREFIX),
        "## Sign-in and tokens",
        _table(auth, PREFIX),
        "## Live connections, operations and the log of events",
        _table(live, PREFIX),
        "## Documents",
        _table(documents, PREFIX),
        "## Files",
        _table(files, PREFIX),
        "## Traces",
        _table(traces, PREFIX),
        "## Metrics",
        _table(measured, PREFIX),
        "## The public page",
        "Of the built-in incident room: see docs/how-to/public-page.md.",
        _table(PageSettings.model_fields, PAGE_PREFIX),
        "## A trusted issuer",
        f"Each member of the list `{PREFIX}TRUSTED_ISSUERS` is a JSON object with these members.",
        markdown.doc(TrustedIssuer).partition("\n\n")[2],
        _table(TrustedIssuer.model_fields, ""),
    )


def _table(fields: dict[str, FieldInfo], prefix: str) -> str:
    rows = [
        [
            code(f"{prefix}{name.upper()}" if prefix else name),
            _type(field.annotation) + _limits(field),
            _default(name, field),
            _unit(name),
            field.description or "",
        ]
        for name, field in fields.items()
    ]
    return table(["name", "type", "default", "unit", "description"], rows)


def _type(kind: Any) -> str:
    """Return what an operator has to write, in a word or two."""
    arguments = [each for each in get_args(kind) if each not in (type(None), ...)]
    if get_origin(kind) is Literal:
        return " or ".join(code(each) for each in arguments)
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(map(_type, arguments))
    if get_origin(kind) is dict:
        return "object"
    if get_origin(kind) is tuple:
        return f"list of {_type(arguments[0]).replace('text', 'texts')}"
    return TYPES.get(kind, "objects")


def _limits(field: FieldInfo) -> str:
    found = {
        name: getattr(limit, name)
        for limit in field.metadata
        for name in ("ge", "gt", "le", "max_length")
        if getattr(limit, name, None) is not None
    }
    low, above, high = found.get("ge"), found.get("gt"), found.get("le")
    if low is not None:
        return f", {low} to {high}" if high is not None else f", at least {low}"
    if above is not None:
        return f", over {above}" + (f", at most {high}" if high is not None else "")
    return f", at most {found['max_length']} characters" if "max_length" in found else ""


def _default(name: str, field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "required"
    if value is None or value == "":
        return "not set"
    if value in ((), {}):
        return "none"
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, tuple):
        return ", ".join(map(code, value))
    return code(value) + (_in_words(value) if _unit(name) == "seconds" else "")


def _in_words(seconds: float) -> str:
    for size, unit in LARGER:
        if seconds >= 2 * size and seconds % size == 0:
            return f" ({seconds // size:g} {unit})"
    return ""


def _unit(name: str) -> str:
    last = name.rpartition("_")[2]
    return last if last in UNITS else ""
