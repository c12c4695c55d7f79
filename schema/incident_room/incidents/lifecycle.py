"""The lifecycle of an incident: which status may follow which, as one table. Pure."""

from __future__ import annotations

from incident_room.vocabulary import Impact, IncidentStatus
from watchword import BadUserInput

S = IncidentStatus

TRANSITIONS: dict[IncidentStatus, tuple[IncidentStatus, ...]] = {
    S.INVESTIGATING: (S.IDENTIFIED, S.MONITORING, S.RESOLVED),
    S.IDENTIFIED: (S.INVESTIGATING, S.MONITORING, S.RESOLVED),
    S.MONITORING: (S.INVESTIGATING, S.IDENTIFIED, S.RESOLVED),
    # A resolved incident may be reopened.
    S.RESOLVED: (S.INVESTIGATING, S.IDENTIFIED, S.MONITORING, S.POSTMORTEM),
    S.POSTMORTEM: (),
    S.SCHEDULED: (S.IN_PROGRESS, S.COMPLETED),
    S.IN_PROGRESS: (S.VERIFYING, S.COMPLETED),
    S.VERIFYING: (S.IN_PROGRESS, S.COMPLETED),
    S.COMPLETED: (),
}
ENDED = frozenset({S.RESOLVED, S.POSTMORTEM, S.COMPLETED})
# The statuses that resolve an incident. A postmortem only follows one of them.
RESOLUTIONS = frozenset({S.RESOLVED, S.COMPLETED})


def first_status(impact: Impact) -> IncidentStatus:
    """Return the first status of an incident with this impact."""
    return S.SCHEDULED if impact is Impact.MAINTENANCE else S.INVESTIGATING


def last_status(status: IncidentStatus) -> IncidentStatus:
    """Return the status that resolves an incident with this status: COMPLETED for maintenance."""
    maintenance = (S.SCHEDULED, S.IN_PROGRESS, S.VERIFYING, S.COMPLETED)
    return S.COMPLETED if status in maintenance else S.RESOLVED


def check_transition(now: IncidentStatus, then: IncidentStatus) -> None:
    """Raise `BadUserInput`, which names the allowed statuses, if `then` may not follow `now`."""
    allowed = TRANSITIONS[now]
    if then not in allowed:
        names = [status.value for status in allowed]
        may = f"may become {', '.join(names)}" if names else "is final"
        raise BadUserInput(
            f"{now.value} cannot become {then.value}; it {may}.", ["input", "status"], allowed=names
        )
