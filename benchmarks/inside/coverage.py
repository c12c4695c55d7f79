"""Measures what the coverage of all fields adds to a start: `python -m benchmarks.inside.coverage`.

A schema of 2,000 types, each with five fields and permissions, is made by Strawberry and mounted, in a process for each
round: with `WATCHWORD_COVERAGE` `strict`, which looks at all fields, and `roots`, which looks at those of the root types.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from typing import Any, get_args

import strawberry

from watchword import Domain, HasScope, Public, guarded_by
from watchword.permissions import coverage
from watchword.permissions.additions import Coverage

PERMISSIONS = (HasScope("a:read"), HasScope("b:read") | HasScope("c:read"))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.inside.coverage", description=__doc__
    )
    parser.add_argument("--types", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--once", choices=get_args(Coverage))
    options = parser.parse_args()
    if options.once:
        print(*_start(options.types, options.once))
        return
    command = [sys.executable, "-m", "benchmarks.inside.coverage", "--types", str(options.types)]
    shares = []
    for _ in range(options.rounds):
        made, covered = _round(command, "strict")
        _, roots = _round(command, "roots")
        shares.append((covered - roots) / (made + roots))
        print(f"schema {made:.2f} s, strict {covered:.3f} s, roots {roots:.3f} s", flush=True)
    print(f"strict adds {statistics.median(shares):.1%} to the start of {options.types} types")


def _round(command: list[str], mode: str) -> tuple[float, float]:
    made = subprocess.run([*command, "--once", mode], check=True, capture_output=True, text=True)
    schema, covered = made.stdout.split()
    return float(schema), float(covered)


def _start(size: int, mode: Any) -> tuple[float, float]:
    """Return the seconds of processor time for the schema, and for its coverage."""
    began = time.process_time()
    schema = strawberry.Schema(_query(size))
    made = time.process_time()
    coverage.cover(schema, Domain(), mode)
    return made - began, time.process_time() - made


def _query(size: int) -> type:
    types = [_type(number) for number in range(size)]
    fields = {f"t{number}": _field(each, Public) for number, each in enumerate(types)}
    return strawberry.type(type("Query", (), fields))


def _type(number: int) -> type:
    fields = {f"f{n}": _field(str, PERMISSIONS[n % 2]) for n in range(4)} | {"f4": _field(int)}
    made: type = strawberry.type(type(f"Type{number}", (), fields))
    return guarded_by(PERMISSIONS[0])(made)


def _field(kind: Any, *permissions: Any) -> Any:
    def resolve(self: Any) -> Any:
        return None

    resolve.__annotations__ = {"return": kind | None}
    return strawberry.field(resolver=resolve, permission_classes=[*permissions])


if __name__ == "__main__":
    main()
