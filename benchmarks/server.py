"""Runs one server process: `BENCH_SERVER=watchword python -m benchmarks.server PORT`."""

from __future__ import annotations

import os
import resource
import sys
from typing import Any

import uvicorn


def main(port: int) -> None:
    """Serve on a port of the loopback interface, with the same uvicorn for every server."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if os.environ["BENCH_SERVER"] == "watchword":
        from watchword.cli.commands import cli

        cli(["serve", "--port", str(port), "--schema", "benchmarks.schema:schema"])
        return
    app: Any
    if os.environ["BENCH_SERVER"] == "bare":
        from benchmarks.bare import app as bare

        app = bare
    else:
        from benchmarks.schema import means, schema

        app = means.app(schema)
    uvicorn.run(
        app, port=port, log_level="warning", loop="uvloop", http="httptools",
        ws="websockets-sansio", ws_per_message_deflate=False, access_log=False,
    )  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]))
