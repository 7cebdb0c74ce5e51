"""Which clips are drawn together."""

from __future__ import annotations

import pytest

from sla_cli.core.breakdown import Breakdown
from sla_cli.core.clip_score import ClipScore, score_clip
from sla_cli.core.clusters import clusters, sentences
from sla_cli.errors import SlaError


def clip(name: str, text: str, signer: str = "", recording: str = "") -> ClipScore:
    return score_clip(name, text.split(), (), signer, recording)


def test_sentences_are_the_references_without_regard_to_case() -> None:
    clips = [clip(str(i), text) for i, text in enumerate(("A B", "a b", "AB", "", "B A", ""))]
    assert sentences(clips) == clusters(clips, "sentence") == [0, 0, 1, 2, 3, 2]


def test_signers_recordings_and_clips() -> None:
    clips = [clip("a", "X", "ann", "1.mp4"), clip("b", "X", "ben", "1.mp4"), clip("c", "Y", "ann", "2.mp4")]
    assert clusters(clips, "signer") == [0, 1, 0]
    spelt = [clip("a", "X", "Zo\u00eb"), clip("b", "X", "Anna"), clip("c", "Y", "zoe\u0308"), clip("d", "Y", " anna ")]
    assert clusters(spelt, "signer") == [0, 1, 0, 1]
    assert [(group.name, group.clips) for group in Breakdown(spelt).signers] == [("Anna", 2), ("Zo\u00eb", 2)]
    assert clusters(clips, "recording") == [0, 0, 1]
    assert clusters(clips, "clip") == [0, 1, 2]


def test_what_is_not_known_is_named() -> None:
    clips = [clip("a", "X", "ann"), clip("b", "X"), clip("c", "Y", "ann")]
    with pytest.raises(SlaError, match=r"no signer is recorded for 1 of 3 clips \(b\)") as refusal:
        clusters(clips, "signer")
    assert "tables with a column signer" in refusal.value.hint
    with pytest.raises(SlaError, match=r"for 1 of 1 clip \(b\)"):
        clusters(clips[1:2], "signer")
    with pytest.raises(SlaError, match=r"no recording is recorded for 3 of 3 clips \(a, b, c\)"):
        clusters(clips, "recording")
