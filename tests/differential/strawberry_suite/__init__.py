"""Strawberry's own tests for its HTTP and WebSocket views, with Watchword in their place.

    python -m tests.differential.strawberry_suite CHECKOUT [options of pytest]

`CHECKOUT` is a checkout of Strawberry's repository, whose package has no tests. It needs pytest-mock and rich.
"""
