"""A client of a Watchword server for programs in Python: it stays signed in and misses nothing.

`pip install 'watchword[client]'`. It imports nothing of the server.
"""

from watchword.client.errors import (
    ClientError,
    FetchAgain,
    Refused,
    SecondFactorNeeded,
    SessionEnded,
    Unavailable,
)
from watchword.client.live import Live, Update
from watchword.client.person import Person, Public
from watchword.client.server import Server
from watchword.client.service import Service
from watchword.client.session import Session
from watchword.client.signing_key import SigningKey

__all__ = [
    "ClientError",
    "FetchAgain",
    "Live",
    "Person",
    "Public",
    "Refused",
    "SecondFactorNeeded",
    "Server",
    "Service",
    "Session",
    "SessionEnded",
    "SigningKey",
    "Unavailable",
    "Update",
]
