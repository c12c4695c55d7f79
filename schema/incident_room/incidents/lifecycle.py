"""Which status may follow which. Pure: one table is the whole truth."""

from __future__ import annotations

from incident_room.vocabulary import Impact, IncidentStatus
from watchword import BadUserInput

S = IncidentStatus

TRANSITIONS: dict[IncidentStatus, tuple[IncidentStatus, ...]] = {
    S.INVESTIGATING: (S.IDENTIFIED, S.MONITORING, S.RESOLVED),
    S.IDENTIFIED: (S.INVESTIGATING, S.MONITORING, S.RESOLVED),
    S.MONITORING: (S.INVESTIGATING, S.IDENTIFIED, S.RESOLVED),
    # An incident that comes back is opened again.
    S.RESOLVED: (S.INVESTIGATING, S.IDENTIFIED, S.MONITORING, S.POSTMORTEM),
    S.POSTMORTEM: (),
    S.SCHEDULED: (S.IN_PROGRESS, S.COMPLETED),
    S.IN_PROGRESS: (S.VERIFYING, S.COMPLETED),
    S.VERIFYING: (S.IN_PROGRESS, S.COMPLETED),
    S.COMPLETED: (),
}
ENDED = frozenset({S.RESOLVED, S.POSTMORTEM, S.COMPLETED})
# Statuses that resolve an incident; a postmortem only follows.
RESOLUTIONS = frozenset({S.RESOLVED, S.COMPLETED})


def first_status(impact: Impact) -> IncidentStatus:
    """Return how an incident of this impact begins."""
    return S.SCHEDULED if impact is Impact.MAINTENANCE else S.INVESTIGATING


def last_status(status: IncidentStatus) -> IncidentStatus:
    """Return how an incident of this status is resolved: maintenance is completed."""
    maintenance = (S.SCHEDULED, S.IN_PROGRESS, S.VERIFYING, S.COMPLETED)
    return S.COMPLETED if status in maintenance else S.RESOLVED


def check_transition(now: IncidentStatus, then: IncidentStatus) -> None:
    """Raise `BadUserInput` that names what is allowed when `then` may not follow `now`."""
    allowed = TRANSITIONS[now]
    if then not in allowed:
        names = [status.value for status in allowed]
        may = f"may become {', '.join(names)}" if names else "is final"
        raise BadUserInput(
            f"{now.value} cannot become {then.value}; it {may}.", ["input", "status"], allowed=names
        )
