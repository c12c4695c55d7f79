"""The data that every measured server holds in memory."""

from __future__ import annotations

USERS = 200
Row = dict[str, object]


def made(incidents: int = 1_000, updates: int = 5) -> dict[str, list[Row]]:
    """Return users, services, and incidents with their updates; the same ones each time."""
    return {
        "users": [{"id": f"u{n}", "name": f"User {n:03d}"} for n in range(USERS)],
        "services": [_service(n) for n in range(10)],
        "incidents": [_incident(n, updates) for n in range(incidents)],
    }


def _service(number: int) -> Row:
    status = "OPERATIONAL" if number % 3 else "DEGRADED"
    return {"id": f"s{number}", "name": f"service-{number}", "status": status}


def _incident(number: int, updates: int) -> Row:
    return {
        "id": f"i{number}",
        "title": f"Incident number {number}: elevated error rate",
        "severity": f"SEV{1 + number % 4}",
        "status": ("OPEN", "MITIGATED", "RESOLVED")[number % 3],
        "notes": f"internal note {number}",
        "commander_id": f"u{number % 20}",
        "service_ids": [f"s{(number + n) % 10}" for n in range(3)],
        "posted": [_update(number, n) for n in range(updates)],
    }


def _update(incident: int, number: int) -> Row:
    return {
        "id": f"up{incident}-{number}",
        "body": f"Update {number} of incident {incident}: we are looking into it",
        "visibility": "PUBLIC" if number % 2 else "INTERNAL",
        "author_id": f"u{(incident + number) % 20}",
        "incident_id": f"i{incident}",
    }
