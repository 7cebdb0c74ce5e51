"""Messages of a stream: what a client that replaces its line by each message shows at the end."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from hypothesis import example, given
from hypothesis import strategies as some
from recordings import copy_run, images_of

from sla_cli.core.annotation import Sign
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
