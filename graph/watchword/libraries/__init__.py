"""The private and undocumented parts of Strawberry and graphql-core that the runtime uses.

One module for each library; no other module touches such a part. pyproject.toml bounds these libraries
from above, and the tests of this room name each part that must still be there. uvicorn's parts are classes
that are extended: they are in `asgi/uvicorn/`.
"""
