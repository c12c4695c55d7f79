"""Checks trusted documents against the schema: those that cannot be run are named before a client meets them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from graphql import GraphQLError, OperationDefinitionNode, parse

from watchword.execution.documents.manifest import Entry
from watchword.execution.plan import Planner, Refused
from watchword.process.clock import Clock, sleep

log = logging.getLogger("watchword.documents")

# A server that begins to answer checks so many documents, one or two milliseconds each, between two pauses (seconds).
AT_ONCE, PAUSE = 25, 0.25
# So many faults are named in the log. `watchword documents check` names all.
MOST_NAMED = 5


class Fault(NamedTuple):
    """A document of a manifest that cannot be run, and why."""

    entry: Entry
    reason: str


def faults(planner: Planner, entries: Sequence[Entry]) -> Iterator[Fault | None]:
    """Check documents against the schema and its limits, one at each step: yield its fault, or None.

    A document takes a millisecond or two.
    """
    for entry in entries:
        reason = _reason(planner, entry.text)
        yield Fault(entry, reason) if reason else None


def _reason(planner: Planner, text: str) -> str | None:
    try:
        for name in _operations(text):
            planner.plan(text, name)
    except Refused as refused:
        return refused.errors[0].message
    except (GraphQLError, RecursionError) as error:
        return str(error)
    return None


def _operations(text: str) -> list[str | None]:
    """Return the names to ask for the operations of a document; None asks for the only one."""
    found = [each for each in parse(text).definitions if isinstance(each, OperationDefinitionNode)]
    if len(found) < 2:
        return [None]
    return [each.name.value if each.name else "" for each in found]


async def log_faults(planner: Planner, entries: Sequence[Entry], clock: Clock) -> list[Fault]:
    """Check documents beside the requests of a server that has just started; log, and return, those with faults."""
    found = []
    for number, fault in enumerate(faults(planner, entries), 1):
        if fault is not None:
            found.append(fault)
        await (asyncio.sleep(0) if number % AT_ONCE else sleep(clock, PAUSE))
    if not found:
        log.info("all %d trusted documents can be run", len(entries))
        return found
    named = "; ".join(f"{each.entry.described}: {each.reason}" for each in found[:MOST_NAMED])
    log.warning(
        "%d of %d trusted documents cannot be run, which `watchword documents check` lists: %s",
        *(len(found), len(entries), named),
    )
    return found
