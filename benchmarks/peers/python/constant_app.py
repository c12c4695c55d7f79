"""uvicorn that returns a constant, and accepts WebSockets: the floor for any server on it.

The constant is list.json in the home: the answer to the list of incidents.
"""

from __future__ import annotations

from typing import Any

from material import HOME

ANSWER = (HOME / "list.json").read_bytes()
HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(ANSWER)).encode()),
]


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": ANSWER})
    elif scope["type"] == "websocket":
        await _socket(receive, send)


async def _socket(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
    while (message := await receive())["type"] == "websocket.receive":
        if "connection_init" in message["text"]:
            await send({"type": "websocket.send", "text": '{"type":"connection_ack"}'})
        elif "subscribe" in message["text"]:
            await send({"type": "websocket.send", "text": '{"type":"next","payload":"T"}'})
