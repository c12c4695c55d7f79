"""A quick run of the benchmark: the servers answer the same, and each measure takes a sample."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks import tables
from benchmarks.compare import Different, same
from benchmarks.home import Home
from benchmarks.measures import MEASURES
from benchmarks.measures.events import Events
from benchmarks.measures.storm import Storm
from benchmarks.run import Run
from benchmarks.servers import ALIKE, SERVERS


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return asyncio.run(Home.make(tmp_path_factory.mktemp("home")))


@pytest.mark.exhaustive
def test_watchword_and_strawberrys_view_are_compared_and_measured(home: Home) -> None:
    measures = [MEASURES["viewer"], MEASURES["list"], Events("few", "a few", 3)]
    run = Run({"": home}, ["watchword", "strawberry"], measures, rounds=1, seconds=0.05, warm=0)
    run.measure()
    for measure in measures:
        by_server = run.samples.by_measure[measure.name]
        assert set(by_server) == {"watchword", "strawberry"}
        assert all(sample["median"] > 0 for [sample] in by_server.values())
    assert "| Strawberry |" in tables.markdown(run.samples, "figures.svg")


def test_a_server_that_answers_differently_is_named_with_the_operation() -> None:
    same("viewer", {"watchword": b'{"a": 1}', "yoga": b'{"a":1}'})
    with pytest.raises(Different, match="yoga answers viewer differently from watchword"):
        same("viewer", {"watchword": b'{"a": 1}', "yoga": b'{"a": 2}'})


@pytest.mark.exhaustive
def test_every_installed_server_answers_the_same_and_survives_a_storm(home: Home) -> None:
    names = [name for name in ALIKE if SERVERS[name].is_installed]
    storm = Storm("storm", "a storm", 20, tuple(names))
    run = Run({"": home}, names, [MEASURES["document"], storm], rounds=1, seconds=0.05, warm=0)
    run.measure()
    assert set(run.samples.by_measure["storm"]) == set(names)
