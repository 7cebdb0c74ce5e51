"""What people and programs see of what is signed: lines as they change, lines that are complete, or messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import typer

from sla_cli.errors import in_line
from sla_cli.transcribe.segments import Segment

Show = Callable[[Segment], None]


def lines() -> AbstractContextManager[Show]:
    """A line for each complete segment: start, end and glosses, with tabs between them."""

    def show(segment: Segment) -> None:
        if segment.is_final:
            glosses = in_line(segment.text)
            typer.echo(f"{segment.timestamps[0]:.2f}\t{segment.ends[-1]:.2f}\t{glosses}")

    return nullcontext(show)


@contextmanager
def changing_lines() -> Iterator[Show]:
    """A line for each segment, on a terminal: glosses that may still change are dim."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console()
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def show(segment: Segment) -> None:
            line = Text(f"{_clock(segment.timestamps[0])}  " if segment.tokens else "", style="bold")
            fixed, changing = segment.tokens[: segment.fixed], segment.tokens[segment.fixed :]
            line.append(in_line(" ".join(fixed)), "not bold")
            line.append(in_line(" ".join(["", *changing])), "not bold dim")
            if segment.is_final:
                console.print(line)
                line = Text()
            live.update(line, refresh=True)

        yield show


def _clock(seconds: float) -> str:
    """1:02:03.4"""
    tenths = round(seconds * 10)
    hours, minutes = divmod(tenths // 600, 60)
    return f"{hours}:{minutes:02}:{tenths // 10 % 60:02}.{tenths % 10}"
