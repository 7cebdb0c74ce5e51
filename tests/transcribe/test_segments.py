"""Messages of a stream: what a client that replaces its line by each message shows at the end."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as some
from recordings import copy_run, images_of

from sla_cli.core.annotation import Sign
from sla_cli.errors import SlaError
from sla_cli.transcribe.events import Event, Final, Partial, SentenceEnd
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.transcribe.segments import LONGEST, Segment, Segments


def sign(number: int) -> Sign:
    return Sign(f"G{number % 7}", number / 2, number / 2 + 0.4, 0.9)


@given(some.lists(some.sampled_from(["sign", "end", "expect one", "expect two", "expect none"]), max_size=400))
@example(["sign"] * LONGEST + ["end", "sign"])
def test_a_client_that_replaces_lines_shows_all_final_signs_and_those_expected_now(kinds: list[str]) -> None:
    segments, shown = Segments(), dict[int, Segment]()
    final, expected = [], list[Sign]()
    for kind in kinds:
        if kind == "sign":
            event: Event = Final(sign(len(final)), len(final) / 2)
            final.append(sign(len(final)))
        elif kind == "end":
            event, expected = SentenceEnd(0, 1, len(final)), []  # a stream says so where nothing is expected
        else:
            expected = [sign(len(final) + one) for one in range(("none", "one", "two").index(kind.split()[1]))]
            event = Partial(tuple(expected), len(final) / 2)
        for message in segments.add([event]):
            assert not (before := shown.get(message.segment)) or not before.is_final
            assert message.tokens or not message.is_final
            assert message.text.split() == list(message.tokens) and len(message.tokens) <= LONGEST + 2
            shown[message.segment] = message
        if len(final) and len(final) % LONGEST == 0 and kind == "sign":
            expected = []
    glosses = [gloss for number in sorted(shown) for gloss in shown[number].tokens]
    assert glosses == [one.gloss for one in [*final, *expected]]
    assert sum(one.fixed for one in shown.values()) == len(final)


def test_a_stream_as_messages(tmp_path: Path) -> None:
    frames = np.concatenate([images_of("NORD REGEN"), images_of("SONNE")])[..., ::-1]
    segments, messages = Segments(), []
    with Recognizer.open(copy_run(tmp_path)) as model:
        stream = model.stream()
        for number, frame in enumerate(frames):
            messages += segments.add(stream.push(np.ascontiguousarray(frame), number / 25))
        messages += segments.add(stream.finish())
    assert messages[-1].is_final and messages[0].is_final is False
    whole = [one for one in messages if one.is_final]
    assert [one.segment for one in whole] == list(range(len(whole)))
    for one in whole:
        assert one.fixed == len(one.tokens) == len(one.ends) == len(one.confidences) > 0
        assert sorted(one.timestamps) == list(one.timestamps)
    assert msgspec.json.decode(msgspec.json.encode(messages[-1]))["is_final"] is True


def test_numbers_of_any_type_are_written_as_json() -> None:
    final = Final(Sign("NORD", np.float32(0.5), Fraction(3, 2), np.float16(1)), np.int64(2))  # type: ignore[arg-type]
    (message,) = Segments().add([final, SentenceEnd(0, Decimal(1), 2)])  # type: ignore[arg-type]
    found = msgspec.json.decode(msgspec.json.encode(message))
    assert (found["timestamps"], found["ends"], found["confidences"], found["time"]) == ([0.5], [1.5], [1.0], 2.0)


@pytest.mark.parametrize(
    "events",
    [
        None,
        np.array(1.0),
        Final(Sign("NORD", 0, 1, 1), 1),
        ["NORD"],
        [Final(Sign(5, 0, 1, 1), 1)],  # type: ignore[arg-type]
        [Final(Sign(None, 0, 1, 1), 1)],  # type: ignore[arg-type]
        [Final(Sign("NORD", float("nan"), 1, 1), 1)],
        [Final(Sign("NORD", 0, 1, 2), 1)],
        [Partial(Sign("NORD", 0, 1, 1), 1)],  # type: ignore[arg-type]
        [SentenceEnd(0, 1, float("inf"))],
    ],
    ids=repr,
)
def test_what_is_no_event_is_refused(events: Any) -> None:
    with pytest.raises(SlaError):
        list(Segments().add(events))
