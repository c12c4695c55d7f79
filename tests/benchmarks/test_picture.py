"""The pictures of the benchmark; matplotlib is installed by `make bench` only."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.growth import SWEEPS
from benchmarks.samples import Samples

# `make test-all` installs matplotlib, as `make bench` does; `make test` needs no picture.
pytestmark = pytest.mark.exhaustive


def test_each_server_of_a_measure_has_a_bar_with_its_cost(tmp_path: Path) -> None:
    from benchmarks.picture import draw

    samples = Samples(titles={"list": "20 incidents"})
    samples.add("list", "watchword", {"cpu": 1234.5})
    samples.add("list", "mercurius", {"cpu": 432.1})
    draw(samples, tmp_path)
    drawn = (tmp_path / "figures.svg").read_text()
    for text in ("20 incidents, µs", "Watchword", "Mercurius", "1,234", "432"):
        assert text in drawn


def test_a_sweep_is_drawn_over_its_numbers(tmp_path: Path) -> None:
    from benchmarks.picture import draw

    samples = Samples()
    for number, name in enumerate(SWEEPS[0].measures(), 1):
        samples.add(name, "watchword", {"cpu": 100.0 * number})
    draw(samples, tmp_path)
    assert SWEEPS[0].over in (tmp_path / "growth.svg").read_text()
    assert not (tmp_path / "figures.svg").exists()
