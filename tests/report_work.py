"""A small work folder with everything that a report looks for, made through the formats' own functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from clip_store import make_store

from sla_cli.artifact.receipt import Receipt, digest_file, write_receipt
from sla_cli.config.settings import resolve
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.score.score_file import score_file
from sla_cli.store.clips import Split
from sla_cli.store.content import EncodedClip, EncodedFrames
from sla_cli.store.store import Store
from sla_cli.work.emissions import Emission, EmissionHeader, emission_receipt, write_emissions
from sla_cli.work.hypotheses import write_hypotheses
from sla_cli.work.run import Run
from sla_cli.work.run_facts import FrameFormat, RunFacts

HOSTILE = "</script><script>alert(1)</script>"
GLOSSES = tuple(sorted({"<b>FETT</b>", 'A&B"', "REGEN", "SONNE", "WIND", "شمس", "قمر", "天气", HOSTILE, "{{987*654}}"}))
STRIDE, FRAMES = 4, 38
METRICS = "epoch\tloss\tdev_wer\n1\t250.5\t100.0\n2\t40.25\t37.5\n3\t9.125\t41.25\n"
Sentences = Mapping[str, tuple[str, ...]]

CLIPS: Sentences = {
    "clip<i>0</i>": ("REGEN", "SONNE"),
    "clip-1": ("<b>FETT</b>", 'A&B"', "WIND"),
    "clip-2": ("شمس", "天气", "شمس"),
    "clip-3": ("SONNE",),
    f'clip"{HOSTILE}': (HOSTILE, "{{987*654}}"),
}
HEARD: Mapping[str, Sequence[tuple[str, ...]]] = {
    "adapter": [("REGEN", "SONNE"), ("<b>FETT</b>", "REGEN"), ("شمس", "天气", "شمس"), ("REGEN", "SONNE"), (HOSTILE,)],
    "lora": [("REGEN",), ("<b>FETT</b>", "REGEN"), ("شمس", "天气", "شمس"), ("SONNE",), ("{{987*654}}", HOSTILE)],
}


def make_work(
    root: Path, heard: Mapping[str, Sequence[tuple[str, ...]]] = HEARD, clips: Sentences = CLIPS
) -> list[Path]:
    """Store, runs, emissions, hypotheses and scores under `root`; the score folder of each system, in order."""
    split = make_split(root / "stores" / "signs", clips)
    return [_system(root, split, name, answers) for name, answers in heard.items()]


def make_split(folder: Path, clips: Sentences = CLIPS, *, size: int = 48, frames: int = FRAMES) -> Split:
    """A store whose only split is test."""
    rng = np.random.default_rng(0)
    encoded = []
    for number, (name, glosses) in enumerate(clips.items()):
        images = [rng.integers(0, 255, (size, size, 3), np.uint8) for _ in range(frames)]
        parts = [cv2.imencode(".jpg", image)[1].ravel() for image in images]
        sizes = np.array([len(part) for part in parts], np.int64)
        data = EncodedFrames(np.concatenate(parts), sizes, 25.0)
        encoded.append(EncodedClip(name, f"<s>Signer</s>{number % 2}", glosses, data))
    return Store(make_store(folder, {"test": encoded}, corpus="signs", size=size))["test"]


def peaked(name: str, glosses: Sequence[str], frames: int = FRAMES) -> Emission:
    """Each gloss is sure at one step, in order; the blank is sure elsewhere."""
    logits = np.zeros((-(-frames // STRIDE), len(GLOSSES) + 1))
    logits[:, 0] = 6
    for number, gloss in enumerate(glosses):
        if gloss in GLOSSES:
            logits[2 * number + 1, GLOSSES.index(gloss) + 1] = 12
    return Emission(name, (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32), frames, 25.0)


def _system(root: Path, split: Split, name: str, answers: Sequence[tuple[str, ...]]) -> Path:
    run = Run(root / "runs" / name)
    frames = FrameFormat(48, "squash", 25.0, 25.0, 25.0)
    store, digests = str(root / "stores" / "signs"), {"train": "", "dev": ""}
    facts = RunFacts(store, "corpus", "signs", "tiny", digests, "raw", "none", frames)
    run.create(resolve("tiny", flags={"model.variant": name}), GLOSSES, facts)
    run.metrics.write_text(METRICS, encoding="utf-8")
    header = json.dumps({"__metadata__": {"name": name}}).encode()  # a safetensors file without tensors
    run.best.write_bytes(len(header).to_bytes(8, "little") + header)
    emissions = root / "emissions" / name / "test.h5"
    header = EmissionHeader("signs", "test", GLOSSES, STRIDE, str(root / "stores" / "signs"), str(run.path))
    write_emissions(emissions, header, (peaked(clip.id, clip.glosses, len(clip)) for clip in split))
    write_receipt(emission_receipt(run, split), emissions)
    hypotheses = root / "hypotheses" / name / f"test-{name}.tsv"
    spans = [tuple((8 * i + 4, 8 * i + 8) for i in range(len(heard))) for heard in answers]
    readings = zip(split.ids, answers, spans, strict=True)
    write_hypotheses(hypotheses, [Hypothesis(clip, heard, -1.0, times) for clip, heard, times in readings])
    sources = {"store": str((root / "stores" / "signs").resolve()), "division": "corpus", "split": "test"}
    sources |= {"corpus": "signs", "emissions": str(emissions.resolve())}
    settings = {"beam": 10, "alpha": 0.5, "beta": 1.5}
    write_receipt(Receipt("decode", settings, {"emissions": digest_file(emissions)}, sources=sources), hypotheses)
    return score_file(hypotheses, root / "scores")[0]
