"""Everything that rests on uvicorn's private or undocumented parts.

One module for each part of uvicorn that is extended: `head.py` its HTTP connection, up to the moment that
a request is known; `frames.py` the wires under the transports; `supervisor.py` its worker processes.
pyproject.toml therefore bounds uvicorn and websockets from above, and the tests of this room name each
part that they must still have.
"""
