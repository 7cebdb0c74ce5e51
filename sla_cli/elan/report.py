"""What ELAN reads from a recogniser's output: progress, sentences for the report, and the line that ends it."""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from sla_cli.errors import visible

DONE, FAILED = "RESULT: DONE.", "RESULT: FAILED."
ALMOST = 0.99  # ELAN takes 1 as the end
SECONDS_BETWEEN_LINES = 0.5
FAULT = 1  # exit code of an error that is no user's


class Progress:
    """Says which share of the work is done, at most twice a second."""

    def __init__(self) -> None:
        self._last = 0.0

    def say(self, share: float, message: str) -> None:
        """Move ELAN's bar to a share from 0 to 1."""
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            tell(f"PROGRESS: {min(share, ALMOST):.2f} {message}")


def tell(line: str) -> None:
    """Write a line for the report. Raises SystemExit if ELAN no longer reads, as after Cancel on Windows."""
    if sys.stdout is None:  # it was told before that nobody reads
        return
    try:
        sys.stdout.write(f"{visible(line)}\n")
        sys.stdout.flush()
    except OSError as error:
        sys.stdout = None
        raise SystemExit(FAULT) from error


@contextmanager
def reported(errors: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Tell ELAN how the block ended: after an error, its sentence first, since ELAN stops reading at the last line.

    Args:
        errors: prints the sentence of an error of a user, and raises SystemExit.

    Raises:
        SystemExit: after an error, or if Cancel was pressed: ELAN then sends SIGTERM.
    """
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        with errors():
            yield
    except SystemExit:
        _fail()
        raise
    except BaseException as error:
        traceback.print_exc()
        _fail()
        raise SystemExit(FAULT) from error
    else:
        tell(DONE)
    finally:
        signal.signal(signal.SIGTERM, before)


def _fail() -> None:
    sys.stderr.flush()
    with suppress(SystemExit):
        tell(FAILED)
