"""Live connections are counted, and a client cannot make up series by inventing close codes."""

from __future__ import annotations

from watchword.transports.traffic import LOST, OTHER, SOCKET, STREAM, Traffic


def test_a_connection_is_open_until_it_ends() -> None:
    traffic = Traffic()
    traffic.opened(SOCKET)
    traffic.opened(SOCKET)
    traffic.opened(STREAM)
    traffic.ended(SOCKET, 4403)
    traffic.ended(STREAM, "TOKEN_EXPIRED")
    assert traffic.open == {SOCKET: 1, STREAM: 0}
    assert traffic.closed == {(SOCKET, "4403"): 1, (STREAM, "TOKEN_EXPIRED"): 1}


def test_a_connection_that_is_refused_was_never_open() -> None:
    traffic = Traffic()
    traffic.refused(SOCKET, 1008)
    assert traffic.open == {SOCKET: 0, STREAM: 0}
    assert traffic.closed == {(SOCKET, "1008"): 1}


def test_codes_that_clients_make_up_are_counted_together() -> None:
    traffic = Traffic()
    for code in range(4500, 5000):
        traffic.opened(SOCKET)
        traffic.ended(SOCKET, code)
    traffic.ended(SOCKET, LOST)
    assert traffic.closed == {(SOCKET, OTHER): 500, (SOCKET, LOST): 1}
