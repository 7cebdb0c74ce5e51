"""A work folder with runs of several seeds, decoded: weights hold only the name of their run, the store no frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from clip_store import bytes_only, make_store
from decode_work import GLOSSES

from sla_cli.artifact.receipt import Receipt, digest_file, read_receipt, write_receipt
from sla_cli.config.settings import resolve
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.decode.decode_file import decode_file
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.search.options import Settled
from sla_cli.store.store import Store
from sla_cli.work.emissions import Emission, EmissionHeader, emission_receipt, write_emissions
from sla_cli.work.hypotheses import Header, write_hypotheses
from sla_cli.work.run import Run
from sla_cli.work.run_facts import FrameFormat, RunFacts

CLIPS = 30


def write_seed_work(root: Path, runs: Mapping[str, float], splits: Sequence[str] = ("dev", "test")) -> Store:
    """A store of made-up sentences, and runs that get a gloss wrong with the given probability.

    Args:
        runs: name to probability; `frozen-1-seed0` is of variant frozen and seed 0.
    """
    rng = np.random.default_rng(0)
    made = {
        split: [
            bytes_only(f"{split}-{number}", tuple(rng.choice(GLOSSES, 4).tolist()), 0, signer=f"s{number % 5}")
            for number in range(CLIPS)
        ]
        for split in ("train", *splits)
    }
    store = make_store(root / "stores" / "signs", made, corpus="signs", size=16)
    for name, wrong in runs.items():
        make_run(root, name, Store(store))
        for split in splits:
            decode(root, name, Store(store), split, wrong)
    return Store(store)


def make_run(root: Path, name: str, store: Store, variant: str = "") -> Run:
    first, _, number = name.partition("-")
    run = Run(root / "runs" / name)
    seed = int(number.rpartition("-seed")[2] or 0)
    frames = FrameFormat(16, "squash", 25.0, 25.0, 25.0)
    digests = {split: store[split].digest for split in ("train", "dev")}
    facts = RunFacts(str(store.path.resolve()), "corpus", "signs", "tiny", digests, "raw", "none", frames)
    run.create(resolve("tiny", flags={"model.variant": variant or first, "train.seed": seed}), GLOSSES, facts)
    run.best.write_bytes(name.encode())
    return run


def decode(root: Path, name: str, store: Store, split: str, wrong: float, search: str = "greedy") -> Path:
    """Hypotheses of a run as `sla decode` names them."""
    rng = np.random.default_rng([*name.encode(), len(split)])
    path = root / "hypotheses" / name / f"{split}-{search}-abc123.tsv"
    found = [
        Hypothesis(clip.id, tuple(gloss if rng.random() >= wrong else "|" for gloss in clip.raw_glosses), -1.0)
        for clip in store[split]
    ]
    write_hypotheses(path, found, Header("signs", split))
    sources = {"store": str(store.path.resolve()), "division": "corpus", "split": split}
    sources |= {"split_digest": store[split].digest, "weights": Run(root / "runs" / name).weights_digest}
    receipt = Receipt("decode", {}, {}, sources=sources)
    receipt.results["digest"] = digest_file(path)
    write_receipt(receipt, path)
    return path


def note_weights(root: Path, run: Run) -> None:
    """Write in the receipts of a run's hypotheses that they are from the weights that it has now."""
    for path in (root / "hypotheses" / run.name).glob("*.tsv"):
        receipt = read_receipt(path)
        assert receipt is not None
        write_receipt(replace(receipt, sources=receipt.sources | {"weights": run.weights_digest}), path)


def decode_emissions(root: Path, name: str, store: Store, folder: Path) -> Path:
    """Hypotheses of dev in another folder, decoded from emissions, so that their receipt leads to the run."""
    run = Run(root / "runs" / name)
    path, split = root / "emissions" / name / "dev.h5", store["dev"]
    noise = np.random.default_rng([*name.encode()]).normal(size=(len(split), 3, len(GLOSSES) + 1)).astype(np.float32)
    log_probs = noise - np.log(np.exp(noise).sum(2, keepdims=True))
    header = EmissionHeader("signs", "dev", GLOSSES, 4, str(store.path.resolve()), str(run.path.resolve()))
    write_emissions(path, header, [Emission(*clip, 12, 25.0) for clip in zip(split.ids, log_probs, strict=True)])
    receipt = emission_receipt(run, split)
    receipt.results["digest"] = digest_file(path)
    write_receipt(receipt, path)
    return decode_file(path, folder, Settled(BeamOptions(beam=1)))[0]
