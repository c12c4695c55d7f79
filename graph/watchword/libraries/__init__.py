"""The private and undocumented parts of Strawberry, graphql-core and asyncio that the runtime uses.

One module for each library; no other module uses such a part. pyproject.toml sets upper bounds for the
versions of these libraries, and this room's tests check that each part still exists. The classes that extend
uvicorn are in `asgi/uvicorn/`.
"""
