"""Reads and checks the files that a Statuspage site serves at /api/v2/*.json. Pure: it uses no database.

Incidents are in incidents.json and incidents/unresolved.json, maintenance in scheduled-maintenances.json
and its parts, components in components.json, and all three in summary.json.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from watchword import Unsafe, mended_text

LISTS = ("components", "incidents", "scheduled_maintenances")
# The page's own indicator follows from its components, so it is not stored.
DERIVED = ("status",)

Text = Field(min_length=1, max_length=255)
Id = Field(min_length=1, max_length=64)
SourceStatus = Literal[
    "investigating", "identified", "monitoring", "resolved", "postmortem",
    "scheduled", "in_progress", "verifying", "completed",
]  # fmt: skip
SourceComponentStatus = Literal[
    "operational", "degraded_performance", "partial_outage", "major_outage", "under_maintenance"
]


class SourceComponent(BaseModel):
    id: str = Id
    name: str = Text
    description: str | None = None
    status: SourceComponentStatus = "operational"
    updated_at: AwareDatetime | None = None
    group: bool | None = None
    group_id: str | None = None


class AffectedComponent(BaseModel):
    code: str = Id
    old_status: SourceComponentStatus
    new_status: SourceComponentStatus


class SourceUpdate(BaseModel):
    id: str = Id
    status: SourceStatus
    body: str = Field(max_length=100_000)
    created_at: AwareDatetime
    display_at: AwareDatetime | None = None
    affected_components: list[AffectedComponent] | None = None

    @property
    def shown_at(self) -> datetime:
        """The time of the update that the page shows."""
        return self.display_at or self.created_at

    @property
    def affected(self) -> list[AffectedComponent]:
        """The component changes that the update reports."""
        return self.affected_components or []


class SourceIncident(BaseModel):
    id: str = Id
    name: str = Text
    status: SourceStatus
    impact: Literal["none", "minor", "major", "critical", "maintenance"]
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    monitoring_at: AwareDatetime | None = None
    resolved_at: AwareDatetime | None = None
    scheduled_for: AwareDatetime | None = None
    scheduled_until: AwareDatetime | None = None
    shortlink: str | None = Field(None, max_length=500)
    incident_updates: list[SourceUpdate] = Field(default_factory=list)
    components: list[SourceComponent] = Field(default_factory=list)

    @property
    def began_at(self) -> datetime:
        """When the incident began, or when maintenance is planned to begin."""
        return self.scheduled_for or self.started_at or self.created_at

    @property
    def changed_at(self) -> datetime:
        """When the source last changed the incident."""
        return self.updated_at or self.created_at

    @property
    def digest(self) -> str:
        """SHA-256 of everything that is imported of the incident, without its components' present status."""
        kept = self.model_dump_json(exclude={"components": {"__all__": set(SourceComponent.model_fields) - {"id"}}})  # fmt: skip
        return hashlib.sha256(kept.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Mention:
    """A component as a file describes it, and the time of that description."""

    component: SourceComponent
    group: str | None
    at: datetime


@dataclass
class File:
    """The content of a file.

    `skipped` names the entries that cannot be imported, with reasons. `notes` say which parts of the
    others are not imported as they are in the file.
    """

    page: str
    incidents: list[SourceIncident] = field(default_factory=list)
    mentions: dict[str, Mention] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(content: bytes, now: datetime) -> File:
    """Read a file that a Statuspage site serves. Where neither component nor page has a time, use `now`.

    Raises `Unsafe` when the content is not such a file.
    """
    value = _parsed(content)
    page = value.get("page") if isinstance(value, dict) else None
    id = page.get("id") if isinstance(page, dict) else None
    is_list = {name: isinstance(value.get(name), list) for name in LISTS} if page else {}
    if not isinstance(id, str) or not 0 < len(id) <= 64 or not _is_known(value, is_list):
        raise Unsafe(
            "This is not what a Statuspage site serves under /api/v2/: it has no"
            f' "page" with an "id", or no list of {_either(LISTS)}.'
        )
    file = File(id)
    for name in value:
        if name not in ("page", *LISTS):
            why = "it follows from the components" if name in DERIVED else "it is not known here"
            file.notes.append(f'"{name}" is left out: {why}.')
    _read_lists(file, value, _time_of(page) or now)
    return file


def _parsed(content: bytes) -> Any:
    try:
        # The standard library's parser accepts UTF-16 and byte order marks, which Windows programs write,
        # and lone surrogates, which are replaced below.
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unsafe(f"This is not JSON: {str(error) or 'it is nested too deep'}.") from error


def _is_known(value: dict[str, Any], is_list: dict[str, bool]) -> bool:
    there = [name for name in LISTS if name in value]
    return all(is_list[name] for name in there) and bool(there or set(DERIVED) & set(value))


def _time_of(page: Any) -> datetime | None:
    try:
        return _Page.model_validate(page).updated_at
    except ValidationError:
        return None


class _Page(BaseModel):
    updated_at: AwareDatetime | None = None


def _read_lists(file: File, value: dict[str, Any], at: datetime) -> None:
    components = list(_valid(file, value.get("components", ()), SourceComponent, "component"))
    for name in ("incidents", "scheduled_maintenances"):
        file.incidents += _valid(file, value.get(name, ()), SourceIncident, "incident")
    for incident in file.incidents:
        components += incident.components
    file.groups = {each.id: each.name for each in components if each.group}
    for each in components:
        _mention(file, each, at)


def _mention(file: File, component: SourceComponent, at: datetime) -> None:
    if component.group:
        return
    found = file.mentions.get(component.id)
    said_at = component.updated_at or at
    # Of two descriptions with the same time, the first wins: lists of components come before incidents.
    if found is None or said_at > found.at:
        group = file.groups.get(component.group_id or "")
        file.mentions[component.id] = Mention(component, group, said_at)


def _valid(file: File, values: Any, model: type[Any], noun: str) -> Iterator[Any]:
    for value in values:
        mended, count = _mended(value)
        try:
            made = model.model_validate(mended)
        except ValidationError as error:
            file.skipped.append((_name(value, noun), _reason(error, noun)))
            continue
        if count:
            name = _name(value, noun)
            file.notes.append(f"{name}: {count} characters that cannot be kept became U+FFFD.")
        yield made


def _mended(value: Any) -> tuple[Any, int]:
    """Replace the characters in a JSON value that cannot be stored; return their number too."""
    if isinstance(value, str):
        return mended_text(value)
    if isinstance(value, list):
        parts = [_mended(each) for each in value]
        return [part for part, _ in parts], sum(count for _, count in parts)
    if isinstance(value, dict):
        named = {name: _mended(each) for name, each in value.items()}
        return {name: part for name, (part, _) in named.items()}, sum(n for _, n in named.values())
    return value, 0


def _name(value: Any, noun: str) -> str:
    id = value.get("id") if isinstance(value, dict) else None
    article = "an" if noun[0] in "aeiou" else "a"
    return _mended(id[:64])[0] if isinstance(id, str) else f"{article} {noun} without an id"


def _reason(error: ValidationError, noun: str) -> str:
    first, *more = error.errors(include_url=False, include_input=False)
    place = ".".join(str(part) for part in first["loc"]) or noun
    others = f" (and {len(more)} more)" if more else ""
    return f"{place}: {first['msg']}{others}"


def _either(names: tuple[str, ...]) -> str:
    *first, last = (f'"{name}"' for name in names)
    return f"{', '.join(first)} or {last}"
