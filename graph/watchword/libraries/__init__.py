"""What the runtime uses of the private or undocumented parts of Strawberry and graphql-core.

One module for each library; no other module touches such a part. pyproject.toml bounds these libraries
from above, and the tests of this room name each part that must still be there. uvicorn's parts are classes
that are extended: they are in `asgi/uvicorn/`.
"""
