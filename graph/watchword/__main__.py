"""The command line: `watchword`, or `python -m watchword`."""

from __future__ import annotations

import os
import sys

from watchword.process.imports import without_collector


def main() -> None:
    """Run the command line, and exit with its code: 0 done, 1 refused or failed, 2 wrong usage."""
    # Only the owner may read the files that are written.
    os.umask(0o077)
    # Find a schema in the current directory, as uvicorn finds an app.
    sys.path.insert(0, "")
    with without_collector():
        from watchword.cli.commands import cli
    cli(prog_name="watchword")


if __name__ == "__main__":
    main()
