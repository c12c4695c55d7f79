"""Verdicts are values, and a denial is falsy."""

from __future__ import annotations

from watchword.permissions.verdict import ALLOWED, Denied, all_of, any_of


def test_a_denial_is_falsy_and_says_what_was_needed() -> None:
    denied = Denied({"role": "keeper"})
    assert not denied
    assert denied.requires == {"role": "keeper"}
    assert ALLOWED


WHOLE = {"whole": True}
NEVER, OLD = Denied({}), Denied({}, 60)
KEY, EITHER, OTHER = (Denied({}, acr_values=each) for each in (("k",), ("c", "k"), ("x",)))


def test_a_new_authentication_is_enough_if_it_mends_all_parts() -> None:
    both = {"allOf": [{}, {}]}
    assert all_of(WHOLE, [OLD]) == OLD
    assert all_of(WHOLE, [OLD, Denied({}, 30)]) == Denied(both, 30)
    assert all_of(WHOLE, [OLD, EITHER]) == Denied(both, 60, acr_values=("c", "k"))
    assert all_of(WHOLE, [EITHER, KEY]) == Denied(both, acr_values=("k",))
    for parts in ([EITHER, OTHER], [OLD, NEVER], [KEY, OTHER, OLD]):
        assert all_of(WHOLE, parts) == Denied(WHOLE), "no authentication is enough"


def test_a_new_authentication_is_enough_if_it_mends_one_part_of_several() -> None:
    assert any_of(WHOLE, [NEVER]) == any_of(WHOLE, []) == Denied(WHOLE)
    assert any_of(WHOLE, [NEVER, OLD, KEY]) == OLD
    assert any_of(WHOLE, [KEY, OLD]) == KEY
