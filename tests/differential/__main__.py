"""Compares one document again: `python -m tests.differential market SEED`, with the seed that a failed test printed."""

from __future__ import annotations

import argparse
from random import Random

from tests.differential import market, workshop
from tests.differential.documents import document
from tests.differential.profile import CASES, arena_of, compare
from watchword.libraries.strawberry_parts import definition

SCHEMAS = {"market": market.schema, "workshop": workshop.schema}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("schema", choices=SCHEMAS)
    parser.add_argument("seed", type=int)
    parser.add_argument("--profile", choices=CASES, default="quick", help="of the test that failed")
    given = parser.parse_args()
    dice = Random(given.seed)
    with arena_of(SCHEMAS[given.schema]) as arena:
        made = document(definition(arena.schema), dice)
        compare(arena, made, dice, times=CASES[given.profile])
        print(f"{made.text}\nThe executors do the same.")


main()
