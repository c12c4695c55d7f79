"""A bare WebSocket server on uvicorn, to measure the cost of an idle socket itself."""

from __future__ import annotations

from typing import Any


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Accept and acknowledge a connection, answer pings, and ignore everything else."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
    while (message := await receive())["type"] == "websocket.receive":
        if "connection_init" in message["text"]:
            await send({"type": "websocket.send", "text": '{"type":"connection_ack"}'})
        elif "ping" in message["text"]:
            await send({"type": "websocket.send", "text": '{"type":"pong"}'})
