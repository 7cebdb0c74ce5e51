"""`sla_cli.wer` of glosses in memory, against a store and a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from clip_store import bytes_only, make_store

import sla_cli
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.work.hypotheses import Header, write_hypotheses


def test_references_of_a_store_with_its_profile_and_signers(tmp_path: Path) -> None:
    splits = {
        "train": [bytes_only("t", ["A"], 4)],
        "dev": [bytes_only("a", ["NORD", "REGEN"], 4, signer="ann"), bytes_only("b", ["SONNE"], 4, signer="bob")],
    }
    store = make_store(tmp_path / "store", splits, profile="phoenix2014")
    for name in (store, f"{store}:corpus"):
        found = sla_cli.wer({"a": "loc-NORD REGEN", "b": "WIND"}, name)
        assert (found.profile, found.total.errors, found.total.ref_words) == ("phoenix2014", 1, 3)
        assert {one.id: one.signer for one in found.clips} == {"a": "ann", "b": "bob"}


def test_a_file_scores_the_same_against_references_in_a_file_and_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    references = {"clip-1": "HEUTE REGEN NORD", "clip-2": "MORGEN SONNE"}
    reference_file = tmp_path / "refs.csv"
    reference_file.write_text("id,gloss\n" + "".join(f"{id},{text}\n" for id, text in references.items()))
    ranked = {"clip-1": ("X", "loc-HEUTE REGEN NORD"), "clip-2": ("MORGEN SONNE",)}
    decoded, ctm = tmp_path / "p.tsv", tmp_path / "h.ctm"
    found = [
        Hypothesis(id, tuple(one.split()), rank=rank)
        for id, texts in ranked.items()
        for rank, one in enumerate(texts, start=1)
    ]
    write_hypotheses(decoded, found, Header(profile="phoenix2014", tuned_on="dev"))
    ctm.write_text("clip-1 1 0.0 0.9 HEUTE\n")
    for file in (decoded, ctm):
        assert sla_cli.wer(file, references) == sla_cli.wer(file, reference_file)
    score = sla_cli.wer(decoded, references)
    assert (score.profile, score.tuned_on, score.oracle and score.oracle.errors) == ("phoenix2014", "dev", 0)
    assert sla_cli.wer(ctm, references).absent == ("clip-2",)
    caplog.clear()
    assert sla_cli.wer(ctm, references, partial=True).left_out == ("clip-2",)
    assert "no hypothesis for 1 clip, left out with --partial: clip-2" in caplog.text


def test_clips_and_glosses_that_only_options_make_comparable(tmp_path: Path) -> None:
    recognised, references = {"a": "GR\u00dcN X"}, {"a": "GRU\u0308N", "b": "B"}
    files = tmp_path / "hyp.txt", tmp_path / "ref.txt"
    for path, glosses in zip(files, (recognised, references), strict=True):
        path.write_text("".join(f"{id}\t{text}\n" for id, text in glosses.items()), encoding="utf-8")
    for hypotheses, known in ((recognised, references), (recognised, files[1]), files):
        found = sla_cli.wer(hypotheses, known, nfc=True, partial=True)
        assert (found.total.errors, found.total.ref_words, found.left_out) == (1, 1, ("b",))


def test_missing_references_and_ids_that_are_no_texts_are_named() -> None:
    with pytest.raises(sla_cli.SlaError, match="no references are given"):
        sla_cli.wer({"a": "X"})
    with pytest.raises(sla_cli.SlaError, match="the list of ids of hypotheses holds 1, not only texts"):
        sla_cli.wer({1: "X"}, {"a": "X"})  # type: ignore[dict-item]


def test_a_store_with_none_of_the_clips_of_its_division_is_refused(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", {"dev": [bytes_only("a", ["A"], 4)]})
    (store / "divisions" / "corpus.tsv").write_text("# sla-division 1\nclip\tsplit\nb\tdev\n")
    with pytest.raises(sla_cli.SlaError, match="has no split 'dev'") as refused:
        sla_cli.wer({"a": "A"}, store)
    assert refused.value.hint == "It holds none of the clips of its division."
