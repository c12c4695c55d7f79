"""`watchword`, and `python -m graph`."""

from __future__ import annotations

from graph.cli.commands import cli


def main() -> None:
    """Run the command line, and exit with its code: 0 done, 1 refused or failed, 2 misused."""
    cli(prog_name="watchword")


if __name__ == "__main__":
    main()
