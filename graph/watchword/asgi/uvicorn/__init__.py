"""Everything that depends on uvicorn's private or undocumented parts.

Each module extends one part of uvicorn: `idle.py` and `head.py` its HTTP connection, until a request's head is read;
`requests.py` how a request begins, and `exchange.py` how it is received and answered;
`frames.py` the connections under the transports; `supervisor.py` its worker processes. pyproject.toml sets
upper bounds for the versions of uvicorn and websockets, and this room's tests check that each part used
here still exists.
"""
