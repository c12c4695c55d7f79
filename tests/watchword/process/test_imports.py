"""What is imported without the garbage collector is left alone by it afterwards."""

from __future__ import annotations

import gc

import pytest

from watchword.process.imports import without_collector


def test_the_collector_is_off_in_the_block_and_on_after_it() -> None:
    with without_collector():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_made_in_the_block_is_not_looked_at_again() -> None:
    with without_collector():
        made = [[] for _ in range(1000)]  # type: ignore[var-annotated]
    looked_at = {id(each) for each in gc.get_objects()}
    assert not looked_at & {id(each) for each in made}


def test_a_failed_import_leaves_it_on_and_a_block_in_a_block_leaves_it_off() -> None:
    with pytest.raises(ImportError), without_collector():
        raise ImportError
    with without_collector():
        with without_collector():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
