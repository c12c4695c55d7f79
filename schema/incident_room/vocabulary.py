"""Enums with the vocabulary of Statuspage: https://developer.statuspage.io."""

from __future__ import annotations

from enum import Enum

import strawberry


@strawberry.enum
class ComponentStatus(Enum):
    OPERATIONAL = "OPERATIONAL"
    DEGRADED_PERFORMANCE = "DEGRADED_PERFORMANCE"
    PARTIAL_OUTAGE = "PARTIAL_OUTAGE"
    MAJOR_OUTAGE = "MAJOR_OUTAGE"
    UNDER_MAINTENANCE = "UNDER_MAINTENANCE"


@strawberry.enum
class Impact(Enum):
    NONE = "NONE"
    MINOR = "MINOR"
    MAJOR = "MAJOR"
    CRITICAL = "CRITICAL"
    MAINTENANCE = "MAINTENANCE"


@strawberry.enum
class IncidentStatus(Enum):
    INVESTIGATING = "INVESTIGATING"
    IDENTIFIED = "IDENTIFIED"
    MONITORING = "MONITORING"
    RESOLVED = "RESOLVED"
    POSTMORTEM = "POSTMORTEM"
    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN_PROGRESS"
    VERIFYING = "VERIFYING"
    COMPLETED = "COMPLETED"


@strawberry.enum
class Visibility(Enum):
    PUBLIC = "PUBLIC"
    INTERNAL = "INTERNAL"


@strawberry.enum
class Role(Enum):
    VIEWER = "viewer"
    RESPONDER = "responder"
    COMMANDER = "commander"
    ADMIN = "admin"
