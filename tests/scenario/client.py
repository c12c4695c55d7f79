"""A graphql-transport-ws client that keeps its cursor and always reconnects."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from tests.scenario.fleet import Fleet, Node

NEWEST = "query Newest($incident: String!) { newest(incident: $incident) }"
QUERY = "subscription Said($incident: String!) { said(incident: $incident) { number } }"
# The lifetime of a token in seconds, and how long before its end some clients renew it.
LIFE, EARLY = 12, 6
# The ids of the queries that follow an event, with what they are called in figures; and how often another node is asked
# as well.
PLAIN, WITH_CURSOR = "newest", "newest after the cursor"
ASKED = {PLAIN: "here", WITH_CURSOR: "here, with a cursor"}
ELSEWHERE = 0.1


@dataclass
class Follower:
    """Follows one incident until it has received the last number. `seen` has all numbers in order.

    With `may_expire`, it fetches anew if its cursor has expired; `past` then has what it had received until
    each time. Otherwise an expired cursor is a failure.

    With `asks`, it queries after each event, or after the last of several that came while an answer was
    outstanding: on its own connection without a cursor and with it, and now and then at another node with it.
    No answer may be from before the event: `stale` has those that are.
    """

    fleet: Fleet
    name: str
    roles: tuple[str, ...]
    incident: str
    last: int
    dice: random.Random
    seen: list[int] = field(default_factory=list)
    closes: Counter[int] = field(default_factory=Counter)
    renewals: int = 0
    refusals: list[str] = field(default_factory=list)
    cursor: str | None = None
    socket: ClientConnection | None = None
    is_frozen_until: float = 0.0
    pick: Callable[[], Node] | None = None
    may_expire: bool = False
    past: list[list[int]] = field(default_factory=list)
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)
    asks: bool = False
    answers: Counter[str] = field(default_factory=Counter)
    stale: list[str] = field(default_factory=list)
    # What the answers to the outstanding queries must at least show, by the id of the query.
    floors: dict[str, int] = field(default_factory=dict)
    elsewhere: asyncio.Task[None] | None = None

    @property
    def renews(self) -> bool:
        """Whether it renews by a ping, as half of the clients do. The others reconnect after 4403."""
        return self.name.endswith(("0", "2", "4", "6", "8"))

    async def run(self) -> None:
        """Follow, and reconnect after every failure."""
        while not self.seen or self.seen[-1] != self.last:
            with suppress(OSError, WebSocketException, InvalidHandshake, TimeoutError, EOFError):
                await self._visit()
            await asyncio.sleep(self.dice.uniform(0.01, 0.2))

    def cut(self) -> None:
        """Lose the network connection."""
        if self.socket is not None:
            self.socket.transport.abort()

    async def _visit(self) -> None:
        node = self.pick() if self.pick else self.dice.choice(self.fleet.nodes)
        url = f"ws://127.0.0.1:{node.port}/graphql"
        async with connect(
            url, subprotocols=["graphql-transport-ws"], proxy=None, open_timeout=10, max_queue=4
        ) as socket:
            self.socket, self.floors = socket, {}
            await self._send(type="connection_init", payload={"authorization": self._bearer()})
            with suppress(WebSocketException):
                await self._listen(socket)
            # Without a close code from the server, this client has ended the connection itself.
            self.closes[socket.close_code or 1000] += 1

    async def _listen(self, socket: ClientConnection) -> None:
        async for text in socket:
            if self.is_frozen_until > time.monotonic():
                await asyncio.sleep(self.is_frozen_until - time.monotonic())
            message = json.loads(text)
            match message["type"]:
                case "next" if (id := message["id"]) in ASKED:
                    self._compare(ASKED[id], message["payload"], self.floors.get(id))
                case "error" | "complete" if (id := message["id"]) in ASKED:
                    self.floors.pop(id, None)
                case "connection_ack":
                    await self._subscribe()
                    self.is_ready.set()
                case "next":
                    self._take(message["payload"])
                    if self.asks:
                        await self._ask()
                case "ping" if self.renews:
                    await self._send(type="ping", payload={"authorization": self._bearer()})
                    self.renewals += 1
                case "error":
                    self._refused(message["payload"])
                    return
            if self.seen and self.seen[-1] == self.last:
                return

    def _take(self, payload: dict[str, Any]) -> None:
        assert "errors" not in payload, payload
        self.seen.append(payload["data"]["said"]["number"])
        self.cursor = payload["extensions"]["cursor"]

    async def _ask(self) -> None:
        seen, variables = self.seen[-1], {"incident": self.incident}
        for id in ASKED:
            if id in self.floors:
                continue
            self.floors[id] = seen
            payload: dict[str, Any] = {"query": NEWEST, "variables": variables}
            if id == WITH_CURSOR:
                payload["extensions"] = {"after": self.cursor}
            await self._send(type="subscribe", id=id, payload=payload)
        is_idle = self.elsewhere is None or self.elsewhere.done()
        if is_idle and self.dice.random() < ELSEWHERE:
            self.elsewhere = asyncio.create_task(self._ask_elsewhere(seen, self.cursor))

    async def _ask_elsewhere(self, seen: int, cursor: str | None) -> None:
        token = self.fleet.token(self.name, *self.roles, seconds=LIFE)
        with suppress(httpx2.HTTPError):
            answer = await self.fleet.ask(
                self.dice.choice(self.fleet.nodes),
                NEWEST,
                token,
                after=cursor,
                incident=self.incident,
            )
            self._compare("elsewhere, with a cursor", answer, seen)

    def _compare(self, where: str, answer: dict[str, Any], floor: int | None) -> None:
        newest = (answer.get("data") or {}).get("newest")
        if newest is None or floor is None:
            self.answers["none"] += 1
            return
        self.answers[where] += 1
        if newest < floor:
            self.stale.append(f"{self.name} {where}: {newest} after {floor}")

    def _refused(self, errors: list[dict[str, Any]]) -> None:
        codes = [error.get("extensions", {}).get("code") for error in errors]
        if codes != ["CURSOR_EXPIRED"] or not self.may_expire:
            self.refusals.append(str(errors))
            return
        self.past.append(self.seen)
        self.seen, self.cursor = [], None

    async def _subscribe(self) -> None:
        payload: dict[str, Any] = {"query": QUERY, "variables": {"incident": self.incident}}
        if self.cursor is None:
            # Nothing was received yet, so begin with the first event.
            payload["query"] = QUERY.replace(
                "said(incident: $incident)", "said(incident: $incident, last: 1000)"
            )
        else:
            payload["extensions"] = {"resume": self.cursor}
        await self._send(type="subscribe", id="1", payload=payload)

    async def _send(self, **message: Any) -> None:
        assert self.socket is not None
        await self.socket.send(json.dumps(message))

    def _bearer(self) -> str:
        return f"Bearer {self.fleet.token(self.name, *self.roles, seconds=LIFE)}"
