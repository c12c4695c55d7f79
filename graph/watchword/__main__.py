"""`watchword`, and `python -m watchword`."""

from __future__ import annotations

import os
import sys

from watchword.cli.commands import cli


def main() -> None:
    """Run the command line, and exit with its code: 0 done, 1 refused or failed, 2 misused."""
    # What is written is its owner's alone.
    os.umask(0o077)
    # A schema in the current directory is found, as uvicorn finds an app.
    sys.path.insert(0, "")
    cli(prog_name="watchword")


if __name__ == "__main__":
    main()
