"""Components and incidents in Statuspage's own shape, made of the answers of /graphql. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from incident_room.pages.overall import indicator
from incident_room.pages.words import Words
from watchword import decode_id

Answer = Mapping[str, Any]


class Export:
    """Writes what one answer has. `page_id` is the id of the page, and `base` its URL."""

    def __init__(self, page_id: str, base: str, words: Words, data: Answer) -> None:
        self._page_id = page_id
        self._base = base
        self._words = words
        self._data = data
        self._components = {each["id"]: each for each in data["components"] if "id" in each}

    def page(self, name: str, time_zone: str) -> dict[str, Any]:
        """Return the member `page` of all files."""
        moments = [node["updatedAt"] for node in self._data["changed"]["nodes"]]
        moments += [_changed_at(each) for each in self._data["components"]]
        changed = max(map(datetime.fromisoformat, moments), default=datetime.fromtimestamp(0, UTC))
        return {
            "id": self._page_id,
            "name": name,
            "url": self._base,
            "time_zone": "Etc/UTC" if time_zone == "UTC" else time_zone,
            "updated_at": _utc(changed.isoformat()),
        }

    def status(self, incidents: Iterable[Answer]) -> dict[str, str]:
        """Return the state of everything, in a word and in the words of the page's language."""
        found = indicator(self._data["components"], incidents)
        return {"indicator": found, "description": self._words(f"overall.{found}")}

    def components(self) -> list[dict[str, Any]]:
        """Return all components, each group as one of them before its members."""
        members: dict[str, list[Answer]] = defaultdict(list)
        for each in self._data["components"]:
            members[each["group"] or ""].append(each)
        written: list[dict[str, Any]] = []
        for name, those in members.items():
            if name:
                written.append(self._group(name, those))
            written += map(self._component, those)
        return written

    def incidents(self, nodes: Iterable[Answer]) -> list[dict[str, Any]]:
        """Return incidents, or maintenance."""
        return [self._incident(node) for node in nodes]

    def _id(self, node: Answer, kind: str) -> str:
        """Return the id at the page that a thing was imported from if it is this page, and else that of its row."""
        source = node["source"]
        if source is not None and source["page"] == self._page_id:
            return str(source["id"])
        return decode_id(node["id"], kind)

    def _group_id(self, name: str) -> str:
        return blake2b(f"{self._page_id}/{name}".encode(), digest_size=6).hexdigest()

    def _group(self, name: str, members: list[Answer]) -> dict[str, Any]:
        worst = max(members, key=lambda each: _RANKS.index(each["status"]))
        return {
            **self._component(worst),
            "id": self._group_id(name),
            "name": name,
            "description": None,
            "position": members[0]["position"],
            "start_date": None,
            "group_id": None,
            "group": True,
            "components": [self._id(each, "Component") for each in members],
        }

    def _component(self, node: Answer) -> dict[str, Any]:
        return {
            "id": self._id(node, "Component"),
            "name": node["name"],
            "status": node["status"].lower(),
            "created_at": _utc(node["createdAt"]),
            "updated_at": _utc(_changed_at(node)),
            "position": node["position"],
            "description": node["description"],
            "showcase": True,
            "start_date": node["createdAt"][:10],
            "group_id": self._group_id(node["group"]) if node["group"] else None,
            "page_id": self._page_id,
            "group": False,
            "only_show_if_degraded": False,
        }

    def _incident(self, node: Answer) -> dict[str, Any]:
        id = self._id(node, "Incident")
        # The impact of a maintenance can be another one.
        planned = node["impact"] == "MAINTENANCE" or node["scheduledUntil"] is not None
        # A component that was added after the components were read is in the next answer.
        parts = [
            self._components[each["id"]]
            for each in node["components"]
            if each["id"] in self._components
        ]
        changes: dict[str, list[Answer]] = defaultdict(list)
        for each in node["componentChanges"]:
            changes[each["update"]["id"]].append(each["change"])
        written = {
            "id": id,
            "name": node["name"],
            "status": node["status"].lower(),
            "created_at": _utc(node["createdAt"]),
            "updated_at": _utc(node["updatedAt"]),
            "monitoring_at": _utc(node["monitoringAt"]),
            "resolved_at": _utc(node["resolvedAt"]),
            "impact": node["impact"].lower(),
            "shortlink": node["shortlink"]
            or f"{self._base}/incidents/{decode_id(node['id'], 'Incident')}",
            "started_at": _utc(node["startedAt"]),
            "page_id": self._page_id,
            "incident_updates": [
                self._update(id, each, changes[each["id"]]) for each in node["updates"]["nodes"]
            ],
            "components": [self._component(each) for each in parts],
        }
        if not planned:
            return {**written, "reminder_intervals": None}
        planned_for, until = _utc(node["startedAt"]), _utc(node["scheduledUntil"])
        return {**written, "scheduled_for": planned_for, "scheduled_until": until}

    def _update(self, incident: str, node: Answer, changes: list[Answer]) -> dict[str, Any]:
        order = [*self._components]
        known = [each for each in changes if (each["component"] or {}).get("id") in order]
        known.sort(key=lambda each: order.index(each["component"]["id"]))
        affected = [self._affected(each) for each in known]
        return {
            "id": self._id(node, "IncidentUpdate"),
            "status": node["status"].lower(),
            "body": node["body"],
            "incident_id": incident,
            "created_at": _utc(node["createdAt"]),
            "updated_at": _utc(node["displayAt"]),
            "display_at": _utc(node["displayAt"]),
            "affected_components": affected or None,
            "deliver_notifications": True,
            "custom_tweet": None,
            "tweet_id": None,
        }

    def _affected(self, change: Answer) -> dict[str, Any]:
        component = self._components[change["component"]["id"]]
        name, group = component["name"], component["group"]
        return {
            "code": self._id(component, "Component"),
            "name": f"{group} - {name}" if group else name,
            "old_status": change["oldStatus"].lower(),
            "new_status": change["newStatus"].lower(),
        }


_RANKS = (
    "OPERATIONAL",
    "UNDER_MAINTENANCE",
    "DEGRADED_PERFORMANCE",
    "PARTIAL_OUTAGE",
    "MAJOR_OUTAGE",
)


def _changed_at(component: Answer) -> str:
    """Return when a component changed last."""
    moments = [component["createdAt"], *(each["at"] for each in component["changes"]["nodes"])]
    return str(max(moments))


def _utc(at: str | None) -> str | None:
    """Return a time as Statuspage writes it, with milliseconds, or finer where it is finer."""
    if at is None:
        return None
    moment = datetime.fromisoformat(at).astimezone(UTC)
    is_fine = moment.microsecond % 1000
    return moment.isoformat(timespec="microseconds" if is_fine else "milliseconds").replace(
        "+00:00", "Z"
    )
