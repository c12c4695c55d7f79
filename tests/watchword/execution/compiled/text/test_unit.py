"""Generated text is found by debuggers, and decides once for each part of a function."""

from __future__ import annotations

import gc
import linecache
import traceback

import pytest

from watchword.execution.compiled.text.unit import Unit


def test_a_traceback_shows_the_line() -> None:
    unit = Unit("test")
    unit.function("def made()").line("raise ValueError('shown')")
    unit.build({})
    with pytest.raises(ValueError, match="shown") as caught:
        unit.names["made"]()
    assert "raise ValueError('shown')" in "".join(traceback.format_exception(caught.value))


def test_text_that_was_shown_is_forgotten_with_the_functions() -> None:
    unit = Unit("test")
    unit.function("def made()").line("raise ValueError('shown')")
    unit.build({})
    try:
        unit.names["made"]()
    except ValueError as error:
        traceback.format_exception(error)
        name = error.__traceback__.tb_next.tb_frame.f_code.co_filename  # type: ignore[union-attr]
    assert name in linecache.cache
    del unit
    gc.collect()
    assert name not in linecache.cache


def test_decisions_are_made_before_what_needs_them_and_again_after_a_pause() -> None:
    unit, asked = Unit("test"), list[int]()
    unit.names["ask"] = lambda: asked.append(len(asked)) or len(asked)
    function = unit.function("def made(out)")
    for _ in range(2):
        function.pause()
        for _ in range(2):
            function.line(f"out.append({function.decide('q', 'ask()')})")
    unit.build({})
    out: list[int] = []
    unit.names["made"](out)
    assert out == [1, 1, 2, 2]


def test_objects_are_named_and_never_written() -> None:
    unit = Unit("test")
    name = unit.constant("c", "'); import os; ('")
    function = unit.function("def made()")
    function.line(f"return {name}")
    unit.build({})
    assert unit.names["made"]() == "'); import os; ('"
    assert "import os" not in unit.names["__loader__"].get_source("")
