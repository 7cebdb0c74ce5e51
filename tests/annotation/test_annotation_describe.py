from __future__ import annotations

from pathlib import Path

import pytest
from elan_files import Eaf

from sla_cli.annotation.describe import describe_annotation
from sla_cli.errors import FormatError


def test_tiers_and_recordings_of_a_file(tmp_path: Path) -> None:
    eaf = Eaf(types={"gloss": ("", "")})
    eaf.tier("SIGN", ANNOTATOR="xy")
    for number, gloss in enumerate(("A", "B", "A", "", " ")):  # the last two were not filled in
        eaf.mark("SIGN", 1000 * number, 1000 * number + 500, gloss)
    path = tmp_path / "a.eaf"
    path.write_text(eaf.xml(), encoding="utf-8")
    found = describe_annotation(path)
    assert found is not None and found.kind == "annotation file"
    figures = {"annotations": 3, "seconds": 1.5, "different_values": 2, "parent": "", "annotator": "xy"}
    assert found.facts["tiers"] == {"SIGN": figures}


def test_what_is_no_annotation_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A B")
    assert describe_annotation(tmp_path / "a.txt") is describe_annotation(tmp_path) is None
    (tmp_path / "a.eaf").write_text("A B")
    with pytest.raises(FormatError, match=r"a\.eaf"):
        describe_annotation(tmp_path / "a.eaf")
