"""Which files an export may replace: those that it would write itself, not tables and references of a corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla_cli.core.hypothesis import Hypothesis
from sla_cli.exchange.gloss_files import WRITABLE, export_like, write_export

CLIPS = [[Hypothesis("a", ("NORD", "REGEN"), spans=((0, 5), (5, 9)), confidence=(0.5, 0.5), fps=25.0)]]
THEIRS = {
    "csv": ["path,gloss\nclip.mp4,NORD\n", "id,gloss,signer\na,NORD,S1\n", "id|folder|signer|annotation\na|b|c|NORD\n"],
    "stm": ["a 1 Signer01 0.0 1.79769e+308 NORD\n"],
    "ctm": ["NORD REGEN (a)\n"],
    "trn": ["a 1 0.0 0.2 NORD\n"],
    "jsonl": ["[1, 2]\n"],
}


@pytest.mark.parametrize("kind", WRITABLE)
def test_an_export_replaces_what_it_writes_and_nothing_of_a_corpus(tmp_path: Path, kind: str) -> None:
    like, path = export_like(kind), tmp_path / "file"
    write_export(path, kind, CLIPS)
    assert like.fits(path)
    for content in THEIRS[kind]:
        path.write_text(content)
        assert not like.fits(path), content
