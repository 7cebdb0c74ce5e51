"""`sla_cli.wer` of glosses in memory, against a store."""

from __future__ import annotations

from pathlib import Path

from clip_store import bytes_only, make_store

import sla_cli


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


def test_clips_and_glosses_that_only_options_make_comparable(tmp_path: Path) -> None:
    recognised, references = {"a": "GR\u00dcN X"}, {"a": "GRU\u0308N", "b": "B"}
    files = tmp_path / "hyp.txt", tmp_path / "ref.txt"
    for path, glosses in zip(files, (recognised, references), strict=True):
        path.write_text("".join(f"{id}\t{text}\n" for id, text in glosses.items()), encoding="utf-8")
    for hypotheses, known in ((recognised, references), (recognised, files[1]), files):
        found = sla_cli.wer(hypotheses, known, nfc=True, partial=True)
        assert (found.total.errors, found.total.ref_words, found.left_out) == (1, 1, ("b",))
