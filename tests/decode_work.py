"""Emissions of a synthetic recogniser, a language model over their glosses, and a store of their references."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from clip_store import bytes_only, make_store

from sla_cli.artifact.receipt import Receipt, write_receipt
from sla_cli.lm.arpa import write_arpa
from sla_cli.lm.estimate import estimate
from sla_cli.work.emissions import Emission, EmissionHeader, write_emissions

GLOSSES = ("<PAD>", "NORD", "NULL", "REGEN", "|")
SENTENCES = [("NORD", "REGEN"), ("NULL", "<PAD>", "NULL"), ("|", "NORD"), ("REGEN", "NORD", "NULL")]


def write_emissions_and_lm(folder: Path) -> None:
    """dev.h5, test.h5 and gloss.arpa."""
    for split in ("dev", "test"):
        rng = np.random.default_rng(0)
        header = EmissionHeader(
            "phoenix2014", split, GLOSSES, 4, str(folder / "store"), "/runs/adapter-1", "phoenix2014"
        )
        clips = []
        for number, sentence in enumerate(SENTENCES):
            path = [column for gloss in sentence for column in (GLOSSES.index(gloss) + 1, 0)]
            logits = rng.standard_normal((len(path), len(GLOSSES) + 1)).astype(np.float32)
            logits[range(len(path)), path] += 2.5
            log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
            clips.append(Emission(f"{split}-{number}", log_probs, 4 * len(path), 25.0))
        write_emissions(folder / f"{split}.h5", header, clips)
        write_receipt(Receipt("emit", {}, {"weights": "w"}), folder / f"{split}.h5")
    write_arpa(estimate([list(sentence) for sentence in SENTENCES], 2, fallback=True), folder / "gloss.arpa")


def write_store(folder: Path) -> None:
    """A store of the clips of these emissions."""
    splits = {
        split: [bytes_only(f"{split}-{number}", sentence, 0) for number, sentence in enumerate(SENTENCES)]
        for split in ("dev", "test")
    }
    make_store(folder / "store", splits, corpus="phoenix2014", size=16)
