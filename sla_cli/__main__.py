"""`sla`, which is also `python -m sla_cli`."""

import sys


def run() -> None:
    """Entry point. The imports take a moment, in which Ctrl-C must not print a traceback."""
    try:
        from sla_cli.cli.main import run as command
    except KeyboardInterrupt:
        sys.exit(130)
    command()


if __name__ == "__main__":
    run()
