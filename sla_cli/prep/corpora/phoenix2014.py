"""RWTH-PHOENIX-Weather 2014 (Koller et al., 2015): multisigner, and SI5, the signer-independent division.

The labels of train are dirty (`loc-NORD`, `__EMOTION__`, `HABEN2`), those of dev and test are clean. The default keeps
them raw, as VAC and its descendants do, whose error rates people compare with: the official clean-up is then applied
to what is recognised, before scoring.
"""

from __future__ import annotations

from sla_cli.prep.corpus import Corpus
from sla_cli.prep.tables.phoenix import Release

COLUMNS = ("id", "folder", "signer", "annotation")
MULTISIGNER = Release(
    "annotations/manual/{split}.corpus.csv",
    COLUMNS,
    "Give the release folder (phoenix2014-release), the folder above it, or phoenix-2014-multisigner itself.",
)
SI5 = Release(
    "annotations/manual/{split}.SI5.corpus.csv",
    COLUMNS,
    "Give the release folder (phoenix2014-release), or phoenix-2014-signerindependent-SI5 itself.",
    frames_of="phoenix-2014-multisigner",
)

CORPORA = (
    Corpus(
        name="phoenix2014",
        title="RWTH-PHOENIX-Weather 2014, multisigner: German weather forecasts, 9 signers",
        layout="phoenix-2014-multisigner/ with annotations/manual/train.corpus.csv and "
        "features/fullFrame-210x260px/train/<id>/1/*.png, or phoenix2014-release/ that holds it",
        read=MULTISIGNER.read,
        fps=25.0,
        profile="phoenix2014",
        counts={"train": 5672, "dev": 540, "test": 629},
    ),
    Corpus(
        name="phoenix2014-si5",
        title="RWTH-PHOENIX-Weather 2014, signer-independent: signer 5 is not in train",
        layout="phoenix-2014-signerindependent-SI5/ with annotations/manual/train.SI5.corpus.csv, and features/ in "
        "it or in phoenix-2014-multisigner/ beside it; or phoenix2014-release/ that holds both",
        read=SI5.read,
        fps=25.0,
        profile="phoenix2014",
        unseen={"": "signers"},
        counts={"train": 4376, "dev": 111, "test": 180},
    ),
)
