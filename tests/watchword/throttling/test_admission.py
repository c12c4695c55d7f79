"""The limits of open connections and of messages per second."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, multiple, rule

from watchword.errors import RateLimited
from watchword.throttling.admission import Bounds, DocumentQuota, Pace, Quota, Slot


def test_an_address_has_so_many_at_a_time() -> None:
    quota = Quota("connections", Bounds(address=2))
    taken = [quota.take("a"), quota.take("a"), quota.take("b")]
    with pytest.raises(RateLimited, match="Too many connections are open from this") as error:
        quota.take("a")
    assert error.value.extensions["retryAfter"] == 30
    taken[0].give_back()
    taken[0].give_back()
    quota.take("a").give_back()
    assert len(quota) == 2


@pytest.mark.parametrize("order", ["ab", "ba", "aab", "bba"])
def test_a_shared_slot_is_free_when_both_holders_have_given_it_back(order: str) -> None:
    quota = Quota("operations", Bounds())
    slot = quota.take("a")
    holders = {"a": slot, "b": slot.share()}
    *first, last = order
    for each in first:
        holders[each].give_back()
        assert len(quota) == 1
    holders[last].give_back()
    assert quota.is_empty
    quota.take("a")
    for holder in holders.values():
        holder.give_back()
    assert len(quota) == 1


def test_neighbours_have_so_many_together() -> None:
    quota = Quota("connections", Bounds(address=2))
    first = quota.take("2001:db8:1:2::1")
    quota.take("2001:db8:1:2::2")
    quota.take("2001:db8:1:3::1")
    with pytest.raises(RateLimited):
        quota.take("2001:db8:1:2:ffff::1")
    first.give_back()
    quota.take("2001:db8:1:2:ffff::1")


def test_a_site_has_a_higher_limit_than_one_customer() -> None:
    quota, taken = Quota("connections", Bounds(address=2)), []
    for number in range(1_000):
        with suppress(RateLimited):
            taken.append(quota.take(f"2001:db8:1:{number * 65:x}::1"))
    assert len(taken) == 2 * 16
    for each in taken:
        each.give_back()
    assert quota.is_empty


def test_limits_of_a_principal_and_the_process_hold_for_all_addresses() -> None:
    quota = Quota("operations", Bounds(principal=2, process=3))
    quota.take("a", "alice")
    quota.take("b", "alice")
    with pytest.raises(RateLimited, match="for this principal"):
        quota.take("c", "alice")
    # A refused connection counts for none of the limits.
    quota.take("c")
    with pytest.raises(RateLimited, match="on this server"):
        quota.take("d", "bob")
    assert len(quota) == 3


class AnyUse(RuleBasedStateMachine):
    """In any order of taking slots and giving them back, also twice, the counts match the slots that are held."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.quota = Quota("operations", Bounds(3, 2, 5))
        self.open: dict[Slot, tuple[str, str]] = {}

    @rule(target=held, address=st.sampled_from("ab"), subject=st.sampled_from(["", "x", "y"]))
    def takes(self, address: str, subject: str) -> Slot | MultipleResults[Slot]:
        held = list(self.open.values())
        is_free = (
            sum(each[0] == address for each in held) < 3
            and (not subject or sum(each[1] == subject for each in held) < 2)
            and len(held) < 5
        )
        try:
            taken = self.quota.take(address, subject)
        except RateLimited:
            assert not is_free
            return multiple()
        assert is_free
        self.open[taken] = (address, subject)
        return taken

    @rule(taken=held)
    def gives_back(self, taken: Slot) -> None:
        taken.give_back()
        self.open.pop(taken, None)
        assert len(self.quota) == len(self.open)


TestAnyUse = AnyUse.TestCase


def test_a_document_that_several_hold_counts_once_until_the_last_has_ended() -> None:
    quota = DocumentQuota(Bounds(address=10, process=15))
    slots = [quota.take("a", 1, 6) for _ in range(100)]
    assert quota.weight == 6
    with pytest.raises(RateLimited, match="different documents are open from this address"):
        quota.take("a", 2, 5)
    quota.take("b", 1, 6)
    quota.take("b", 2, 4)
    assert quota.weight == 10
    with pytest.raises(RateLimited, match="on this server"):
        quota.take("c", 3, 6)
    for slot in slots:
        slot.give_back()
        slot.give_back()
    assert quota.weight == 10
    quota.take("a", 4, 5)


def test_one_document_always_has_room() -> None:
    quota = DocumentQuota(Bounds(address=1, process=1))
    slot = quota.take("a", 1, 100)
    with pytest.raises(RateLimited):
        quota.take("a", 2, 1)
    slot.give_back()
    assert not quota._weights
    assert not quota._holders
    quota.take("a", 2, 100)


def test_a_slot_frees_another_with_it() -> None:
    quota, documents = Quota("operations", Bounds()), DocumentQuota(Bounds())
    slot = quota.take("a")
    slot.also(documents.take("a", 1, 3))
    with slot:
        assert documents.weight == 3
    slot.give_back()
    assert (len(quota), documents.weight) == (0, 0)


def test_a_pace_begins_anew_each_second() -> None:
    pace = Pace(2)
    assert [pace.is_kept(100.1), pace.is_kept(100.5), pace.is_kept(100.9)] == [True, True, False]
    assert pace.is_kept(101.0)
