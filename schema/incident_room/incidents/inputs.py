"""The GraphQL inputs about incidents."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import strawberry

from incident_room.incidents.store import Wanted
from incident_room.tables import IncidentRow
from incident_room.vocabulary import Impact, IncidentStatus, Visibility
from watchword import BadUserInput, Order, checked_moment, decode_id

MOST_COMPONENTS = 100
# The importer takes no longer ones. The statements of filters are kept with the values in them: without this limit,
# anybody could fill the memory with them.
LONGEST_SOURCE_ID = 64


@strawberry.enum
class IncidentOrder(Enum):
    STARTED_AT_DESC = "STARTED_AT_DESC"
    STARTED_AT_ASC = "STARTED_AT_ASC"
    UPDATED_AT_DESC = "UPDATED_AT_DESC"
    UPDATED_AT_ASC = "UPDATED_AT_ASC"


def order_of(choice: IncidentOrder) -> Order:
    """Return the columns of an order; the id comes last, so that no two rows are equal in it."""
    return _ORDERS[choice]


def _order(choice: IncidentOrder) -> Order:
    is_by_start = choice in (IncidentOrder.STARTED_AT_DESC, IncidentOrder.STARTED_AT_ASC)
    column = IncidentRow.started_at if is_by_start else IncidentRow.updated_at
    return Order(choice.value, (column, IncidentRow.id), choice.value.endswith("DESC"))


_ORDERS = {choice: _order(choice) for choice in IncidentOrder}


@strawberry.input(description="Selects the incidents that match all given members.")
class IncidentFilter:
    statuses: list[IncidentStatus] | None = None
    impacts: list[Impact] | None = None
    components: list[strawberry.ID] | None = None
    open: bool | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None
    source_id: str | None = strawberry.field(
        default=None, description="The id that it has where it was imported from."
    )

    def wanted(self) -> Wanted:
        """Check the filter. Raises `BadUserInput` for an invalid component id, date or source id."""
        id = self.source_id or ""
        if len(id) > LONGEST_SOURCE_ID or not id.isprintable():
            raise BadUserInput(
                f"A source id has at most {LONGEST_SOURCE_ID} characters, and no control characters.",
                ["filter", "sourceId"],
            )
        return Wanted(
            statuses=None if self.statuses is None else frozenset(self.statuses),
            impacts=None if self.impacts is None else frozenset(self.impacts),
            components=None
            if self.components is None
            else frozenset(component_keys(self.components, "filter")),
            open=self.open,
            started_after=_moment(self.started_after, ["filter", "startedAfter"]),
            started_before=_moment(self.started_before, ["filter", "startedBefore"]),
            source_id=self.source_id,
        )


def component_keys(ids: list[strawberry.ID], argument: str) -> list[str]:
    """Return the keys of components by their global ids.

    Raises `BadUserInput` naming an invalid id, or when there are too many.
    """
    if len(ids) > MOST_COMPONENTS:
        raise BadUserInput(
            f"At most {MOST_COMPONENTS} components can be named.", [argument, "components"]
        )
    return [decode_id(id, "Component", [argument, "components", at]) for at, id in enumerate(ids)]


def _moment(value: datetime | None, path: list[str]) -> datetime | None:
    return None if value is None else checked_moment(value, path)


@strawberry.input
class OpenIncidentInput:
    name: str
    body: str = strawberry.field(description="The first update, for the public.")
    impact: Impact = Impact.MINOR
    status: IncidentStatus | None = None
    components: list[strawberry.ID] | None = None
    started_at: datetime | None = None

    def began_at(self, now: datetime) -> datetime:
        """Return when the incident began; `now` if not given. Raises `BadUserInput` for an invalid date."""
        return _moment(self.started_at, ["input", "startedAt"]) or now


@strawberry.input
class PostUpdateInput:
    incident: strawberry.ID
    body: str
    visibility: Visibility = Visibility.PUBLIC
    status: IncidentStatus | None = None
    version: int | None = None


@strawberry.input
class ChangeVisibilityInput:
    update: strawberry.ID
    visibility: Visibility


@strawberry.input
class ChangeStatusInput:
    incident: strawberry.ID
    status: IncidentStatus
    body: str | None = None
    version: int | None = None


@strawberry.input
class ChangeImpactInput:
    incident: strawberry.ID
    impact: Impact
    version: int | None = None


@strawberry.input
class AssignCommanderInput:
    incident: strawberry.ID
    member: strawberry.ID | None = None
    version: int | None = None


@strawberry.input
class SetAffectedComponentsInput:
    incident: strawberry.ID
    components: list[strawberry.ID]
    version: int | None = None


@strawberry.input
class ResolveIncidentInput:
    incident: strawberry.ID
    body: str | None = None
    version: int | None = None
