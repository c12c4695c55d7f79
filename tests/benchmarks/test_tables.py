"""The page of a run says of new documents only what can be compared."""

from __future__ import annotations

from benchmarks.samples import Samples
from benchmarks.tables import markdown


def test_new_documents_are_compared_with_parsing_and_are_not_in_the_summary() -> None:
    samples = Samples({"viewer": "viewer", "document": "a document never seen before"})
    for server, viewer, document in (("watchword", 60.0, 900.0), ("mercurius", 30.0, -2.0)):
        samples.add("viewer", server, {"cpu": viewer})
        samples.add("document", server, {"cpu": document})
    samples.add("document", "core", {"cpu": 1_000.0})
    summary, _ = markdown(samples, "figures.svg").split("![", 1)
    assert "| viewer | 60.0 | 30.0 | 2.00 (2.00 to 2.00) |" in summary
    assert "| a document never seen before |" not in summary
    assert "Watchword needs 0.90 (0.90 to 0.90) of graphql-core, parse and validate." in summary
