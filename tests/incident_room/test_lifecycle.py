"""The table of transitions."""

from __future__ import annotations

import itertools

import pytest

from incident_room.incidents.lifecycle import (
    ENDED,
    TRANSITIONS,
    check_transition,
    first_status,
    last_status,
)
from incident_room.vocabulary import Impact, IncidentStatus
from watchword import BadUserInput

PAIRS = list(itertools.product(IncidentStatus, repeat=2))


def test_every_status_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(IncidentStatus)


@pytest.mark.parametrize(("now", "then"), PAIRS)
def test_what_is_not_in_the_table_is_refused(now: IncidentStatus, then: IncidentStatus) -> None:
    if then in TRANSITIONS[now]:
        check_transition(now, then)
        return
    with pytest.raises(BadUserInput) as error:
        check_transition(now, then)
    assert error.value.extensions["allowed"] == [status.value for status in TRANSITIONS[now]]


@pytest.mark.parametrize("impact", list(Impact))
def test_every_incident_can_be_brought_to_its_end(impact: Impact) -> None:
    status = first_status(impact)
    assert last_status(status) in TRANSITIONS[status]
    assert last_status(status) in ENDED


def test_incidents_and_maintenance_do_not_mix() -> None:
    maintenance = {s for s in IncidentStatus if last_status(s) is IncidentStatus.COMPLETED}
    for now, then in PAIRS:
        if then in TRANSITIONS[now]:
            assert (now in maintenance) == (then in maintenance)
