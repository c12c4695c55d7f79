"""So many connections, so many messages a second, and no more."""

from __future__ import annotations

import pytest

from graph.errors import RateLimited
from graph.transports.admission import Admission, Pace, address_of


def test_an_address_has_so_many_connections_at_a_time() -> None:
    admission = Admission(2, 1)
    admission.enter("a")
    admission.enter("a")
    admission.enter("b")
    with pytest.raises(RateLimited) as error:
        admission.enter("a")
    assert error.value.extensions["retryAfter"] == 30
    admission.leave("a")
    admission.enter("a")
    for address in "aab":
        admission.leave(address)
    assert not admission._by_address


def test_neighbours_have_so_many_together() -> None:
    admission = Admission(2, 1)
    admission.enter("2001:db8:1:2::1")
    admission.enter("2001:db8:1:2::2")
    admission.enter("2001:db8:1:3::1")
    with pytest.raises(RateLimited):
        admission.enter("2001:db8:1:2:ffff::1")
    admission.leave("2001:db8:1:2::1")
    admission.enter("2001:db8:1:2:ffff::1")


def test_a_site_has_some_more_than_one_customer_and_not_many() -> None:
    admission, entered = Admission(2, 1), []
    for number in range(1_000):
        address = f"2001:db8:1:{number * 65:x}::1"
        try:
            admission.enter(address)
            entered.append(address)
        except RateLimited:
            pass
    assert len(entered) == 2 * 16
    for address in entered:
        admission.leave(address)
    assert not admission._by_address


def test_a_principal_has_so_many() -> None:
    admission = Admission(2, 3)
    admission.check(2)
    with pytest.raises(RateLimited):
        admission.check(3)


def test_a_pace_begins_anew_each_second() -> None:
    pace = Pace(2)
    assert [pace.is_kept(100.1), pace.is_kept(100.5), pace.is_kept(100.9)] == [True, True, False]
    assert pace.is_kept(101.0)


@pytest.mark.parametrize(
    ("client", "address"), [(("192.0.2.1", 5), "192.0.2.1"), (["::1", 5], "::1"), (None, "")]
)
def test_the_address_of_a_client(client: object, address: str) -> None:
    assert address_of(client) == address
