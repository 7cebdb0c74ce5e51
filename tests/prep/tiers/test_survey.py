"""The tiers of a folder are shown to choose from."""

from __future__ import annotations

import json
from pathlib import Path

from elan_corpus import make_corpus
from elan_files import Eaf
from json_schemas import result_name

from sla_cli.cli.options import json_text
from sla_cli.prep.corpora import find_corpus
from sla_cli.prep.tiers.choose import TierOptions
from sla_cli.prep.tiers.survey import survey_tiers, tiers_text


def test_what_is_shown_of_each_tier(tmp_path: Path) -> None:
    for name, person in (("a", "Anna"), ("b", "Bert")):
        eaf = Eaf(types={"gloss": ("", ""), "note": ("Symbolic_Association", "")})
        eaf.tier("SIGN", PARTICIPANT=person, ANNOTATOR="xy")
        eaf.tier("notes", "note", PARENT_REF="SIGN")
        for number in range(3):
            sign = eaf.mark("SIGN", number * 60_000, number * 60_000 + 30_000, f"G{number % 2}")
            eaf.child("notes", sign, "")
        eaf.mark("SIGN", 200_000, 300_000, "")
        (tmp_path / f"{name}.eaf").write_text(eaf.xml())
    (tmp_path / "a.mp4").touch()
    survey = survey_tiers(find_corpus("elan").open(tmp_path, None), TierOptions())
    facts = json.loads(json_text(survey))
    assert result_name("prep", facts) == "prep-list-tiers"
    stated = {"type": ["gloss"], "constraint": [], "parent": [], "participant": ["Anna", "Bert"], "annotator": ["xy"]}
    counted = {"files": 2, "annotations": 6, "seconds": 180.0, "distinct": 2, "examples": ["G0", "G1"], "taken": 2}
    assert facts["tiers"]["SIGN"] == stated | counted
    assert facts["tiers"]["notes"]["constraint"] == ["Symbolic_Association"]
    assert facts["tiers"]["notes"]["parent"] == ["SIGN"]
    assert {facts["tiers"]["notes"][key] for key in ("annotations", "seconds", "distinct", "taken")} == {0}
    assert facts["media"] == {"found": 1, "missing": 1, "looked": {"b.eaf": "looked for b.*"}}
    assert facts["schemes"] == {"sign-language-processing, sla": 2}
    assert tiers_text(survey).splitlines()[:5] == [
        "annotation files: 2",
        "",
        "SIGN   <- glosses, files: 2",
        "  type gloss; participant Anna, Bert; annotator xy",
        "  annotations: 6, 3.0 min; files: 2; different values: 2",
    ]


def test_what_is_taken_is_what_was_asked_for(tmp_path: Path) -> None:
    make_corpus(tmp_path, "NGT", 4)
    tree = find_corpus("elan").open(tmp_path, None)
    taken = {name: row.taken for name, row in survey_tiers(tree, TierOptions()).tiers.items()}
    assert {name for name, files in taken.items() if files} == {"GlossR S1", "GlossL S1", "GlossR S2", "GlossL S2"}
    asked = survey_tiers(tree, TierOptions(tier=("utterances*",))).tiers
    assert {name for name, row in asked.items() if row.taken} == {"utterances S1", "utterances S2"}
