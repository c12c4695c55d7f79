"""Reads and checks the files that a Statuspage site serves at /api/v2/*.json. Pure: it uses no database.

Incidents are in incidents.json and incidents/unresolved.json, maintenance in scheduled-maintenances.json
and its parts, components in components.json, and all three in summary.json.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, ValidationError

from incident_room.importers.json_members import members
from watchword import Unsafe, mended_text

LISTS = ("components", "incidents", "scheduled_maintenances")
# The page's own indicator follows from its components, so it is not stored.
DERIVED = ("status",)


def _in_years_that_are_shown(at: datetime) -> datetime:
    """Refuse a time that is out of range in some time zone, or has a year that Atom cannot write."""
    if not 1970 <= at.year < 9999:
        raise ValueError("the year must be between 1970 and 9998")
    return at


Time = Annotated[AwareDatetime, AfterValidator(_in_years_that_are_shown)]
Text = Field(min_length=1, max_length=255)
Id = Field(min_length=1, max_length=64)
# Readers of /api/v2 make links of it, in which another scheme, such as javascript:, could run a script.
WEB_ADDRESS = "^(https?://|$)"
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
    updated_at: Time | None = None
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
    created_at: Time
    display_at: Time | None = None
    affected_components: list[AffectedComponent] | None = None

    @property
    def shown_at(self) -> datetime:
        """The time of the update that the page shows."""
        return self.display_at or self.created_at

    @property
    def affected(self) -> Collection[AffectedComponent]:
        """The component changes that the update reports, the last one of each component."""
        return {each.code: each for each in self.affected_components or ()}.values()


class SourceIncident(BaseModel):
    id: str = Id
    name: str = Text
    status: SourceStatus
    impact: Literal["none", "minor", "major", "critical", "maintenance"]
    created_at: Time
    started_at: Time | None = None
    updated_at: Time | None = None
    monitoring_at: Time | None = None
    resolved_at: Time | None = None
    scheduled_for: Time | None = None
    scheduled_until: Time | None = None
    shortlink: str | None = Field(None, max_length=500, pattern=WEB_ADDRESS)
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
    def updates(self) -> dict[str, SourceUpdate]:
        """The updates by their ids. Of several with one id, the last one counts."""
        return {each.id: each for each in self.incident_updates}

    @property
    def digest(self) -> str:
        """SHA-256 of everything that is imported of the incident, however the file orders and writes it."""
        said = {
            **values_of_incident(self),
            **marks_of_import(self, ""),
            "id": self.id,
            "components": sorted({each.id for each in self.components if not each.group}),
            "updates": sorted(
                (
                    each.id,
                    *values_of_update(each).values(),
                    sorted((part.code, part.old_status, part.new_status) for part in each.affected),
                )
                for each in self.updates.values()
            ),
        }
        kept = json.dumps(said, default=_in_utc, sort_keys=True)
        return hashlib.sha256(kept.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Mention:
    """A component as a file describes it, and the time of that description."""

    component: SourceComponent
    group: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """An incident of a file, as compact JSON: a file may have more than fit into memory as objects."""

    id: str
    created_at: datetime
    changed_at: datetime
    digest: str
    json: bytes

    @classmethod
    def of(cls, incident: SourceIncident) -> Entry:
        plain = zlib.compress(incident.model_dump_json().encode(), 1)
        return cls(incident.id, incident.created_at, incident.changed_at, incident.digest, plain)

    @property
    def incident(self) -> SourceIncident:
        return SourceIncident.model_validate_json(zlib.decompress(self.json))


@dataclass
class File:
    """The content of a file.

    `skipped` names the entries that cannot be imported, with reasons. `notes` say which parts of the
    others are not imported as they are in the file.
    """

    page: str
    incidents: list[Entry] = field(default_factory=list)
    mentions: dict[str, Mention] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(content: bytes, now: datetime) -> File:
    """Read a file that a Statuspage site serves. Where neither component nor page has a time, use `now`.

    Raises `Unsafe` when the content is not such a file.
    """
    reading = _Reading()
    for name, value, is_item in _parsed(content):
        reading.take(name, value, is_item)
    return reading.file(now)


def _parsed(content: bytes) -> Iterator[tuple[str, Any, bool]]:
    try:
        # Programs on Windows write UTF-16 and byte order marks. Lone surrogates are replaced below.
        yield from members(content, LISTS)
    except (ValueError, RecursionError) as error:
        raise Unsafe(f"This is not JSON: {str(error) or 'it is nested too deep'}.") from error


class _List:
    """The valid items of one list, and what was wrong with others."""

    def __init__(self) -> None:
        self.skipped: list[tuple[str, str]] = []
        self.notes: list[str] = []
        self.incidents: list[Entry] = []
        # Most incidents describe the same few components in the same words: keep each description once.
        self.components: dict[str, SourceComponent] = {}

    def take(self, value: Any, model: type[BaseModel], noun: str) -> None:
        mended, count = _mended(value)
        try:
            made = model.model_validate(mended)
        except ValidationError as error:
            self.skipped.append((_name(value, noun), _reason(error, noun)))
            return
        if count:
            name = _name(value, noun)
            self.notes.append(f"{name}: {count} characters that cannot be kept became U+FFFD.")
        if isinstance(made, SourceIncident):
            self.incidents.append(Entry.of(made))
        for each in made.components if isinstance(made, SourceIncident) else [made]:
            self.components.setdefault(each.model_dump_json(), each)  # type: ignore[arg-type]


class _Reading:
    """Collects the members of a file."""

    def __init__(self) -> None:
        self._members: dict[str, Any] = {}
        self._lists = {name: _List() for name in LISTS}

    def take(self, name: str, value: Any, is_item: bool) -> None:
        if not is_item:
            self._members[name] = value
        elif name == "components":
            self._lists[name].take(value, SourceComponent, "component")
        else:
            self._lists[name].take(value, SourceIncident, "incident")

    def file(self, now: datetime) -> File:
        """Return the file. Raises `Unsafe` if the members are not those of a Statuspage site."""
        page = self._members.get("page")
        id = page.get("id") if isinstance(page, dict) else None
        if not isinstance(id, str) or not 0 < len(id) <= 64 or not self._is_known():
            raise Unsafe(
                "This is not what a Statuspage site serves under /api/v2/: it has no"
                f' "page" with an "id", or no list of {_either(LISTS)}.'
            )
        file = File(id)
        for name in self._members:
            if name not in ("page", *LISTS):
                why = (
                    "it follows from the components" if name in DERIVED else "it is not known here"
                )
                file.notes.append(f'"{name}" is left out: {why}.')
        self._add_lists(file, _time_of(page) or now)
        return file

    def _is_known(self) -> bool:
        there = [self._members[name] for name in LISTS if name in self._members]
        is_known = bool(there or set(DERIVED) & set(self._members))
        return is_known and all(isinstance(each, list) for each in there)

    def _add_lists(self, file: File, at: datetime) -> None:
        components: list[SourceComponent] = []
        for each in self._lists.values():
            file.incidents += each.incidents
            file.skipped += each.skipped
            file.notes += each.notes
            components += each.components.values()
        file.groups = {each.id: each.name for each in components if each.group}
        for component in components:
            _mention(file, component, at)


def _time_of(page: Any) -> datetime | None:
    try:
        return _Page.model_validate(page).updated_at
    except ValidationError:
        return None


class _Page(BaseModel):
    updated_at: Time | None = None


def _mention(file: File, component: SourceComponent, at: datetime) -> None:
    if component.id in file.groups:
        return
    found = file.mentions.get(component.id)
    said_at = component.updated_at or at
    # Of two descriptions with the same time, the first wins: lists of components come before incidents.
    if found is None or said_at > found.at:
        group = file.groups.get(component.group_id or "")
        file.mentions[component.id] = Mention(component, group, said_at)


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


def in_order(updates: Iterable[SourceUpdate]) -> list[SourceUpdate]:
    """Sort updates, the oldest first."""
    return sorted(updates, key=lambda each: (each.shown_at, each.created_at))


def values_of_incident(incident: SourceIncident) -> dict[str, Any]:
    """Return the columns that show what the source says, but for the time of the last change."""
    return {
        "name": incident.name,
        "status": incident.status.upper(),
        "impact": incident.impact.upper(),
        "shortlink": incident.shortlink or None,
        "created_at": incident.created_at,
        "started_at": incident.began_at,
        "monitoring_at": incident.monitoring_at,
        "resolved_at": incident.resolved_at,
        "scheduled_until": incident.scheduled_until,
    }


def marks_of_import(incident: SourceIncident, digest: str) -> dict[str, Any]:
    """Return the columns by which the next import recognises what it has imported already."""
    return {"source_updated_at": incident.changed_at, "source_digest": digest}


def values_of_update(update: SourceUpdate) -> dict[str, Any]:
    """Return the columns of an update that an import sets."""
    return {
        "status": update.status.upper(),
        "body": update.body,
        "created_at": update.created_at,
        "display_at": update.shown_at,
    }


def _in_utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
