"""RWTH-PHOENIX-Weather 2014 T (Camgoz et al., 2018): glosses and German translations of weather forecasts."""

from __future__ import annotations

from sla_cli.prep.corpus import Corpus
from sla_cli.prep.tables.phoenix import Release

RELEASE = Release(
    "annotations/manual/PHOENIX-2014-T.{split}.corpus.csv",
    ("name", "video", "speaker", "orth", "translation"),
    "Give the release folder (PHOENIX-2014-T-release-v3), the folder above it, or PHOENIX-2014-T itself.",
)

CORPORA = (
    Corpus(
        name="phoenix2014t",
        title="RWTH-PHOENIX-Weather 2014 T: German weather forecasts with translations, 9 signers",
        layout="PHOENIX-2014-T/ with annotations/manual/PHOENIX-2014-T.train.corpus.csv and "
        "features/fullFrame-210x260px/train/<name>/*.png, or PHOENIX-2014-T-release-v3/ that holds it",
        read=RELEASE.read,
        fps=25.0,
        profile="phoenix2014t",
        counts={"train": 7096, "dev": 519, "test": 642},
    ),
)
