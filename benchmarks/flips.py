"""Flip random bits of everything that a work folder holds, and see whether what reads it notices.

python benchmarks/flips.py [--flips 10000] [--seed 0] [--json]

Each flip is of one bit, in a file chosen with equal chance, and is read in a process of its own, through the functions
that the stages call. found: an error of sla names it. harmless: the reader gets what it got before. silent: it gets
something else, and no error. crashed: anything but these, a signal too; late: no answer within 30 seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from signing import pictures

from sla_cli.config import EmitConfig, resolve
from sla_cli.core.digest import digest_bytes
from sla_cli.decode.decode_file import decode_file
from sla_cli.emit.emit import emit
from sla_cli.errors import SlaError
from sla_cli.formats.codec import encode
from sla_cli.formats.emissions import Emissions
from sla_cli.formats.exchange.registry import read_gloss_file
from sla_cli.formats.receipt import Receipt, unchanged_digest, write_receipt
from sla_cli.formats.run import Run, RunFacts
from sla_cli.formats.scores import read_scores
from sla_cli.formats.store import Store, split_path
from sla_cli.formats.store_file import Encoded, SplitHeader
from sla_cli.formats.store_write import write_split
from sla_cli.model.checkpoint import load_weights, save_weights
from sla_cli.model.device import place
from sla_cli.model.network import Network
from sla_cli.score.score import ScoreOptions
from sla_cli.score.score_file import score_file
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.train.state import State, load_state, save_state

GLOSSES, SIZE, FRAMES, CLIPS = ("NORD", "REGEN", "WIND"), 32, 24, 4
SETTINGS = {
    "model.image_size": SIZE,
    "model.backbone_args": {"embed_dim": 32, "depth": 2, "num_heads": 2, "patch_size": 16, "num_classes": 24},
    "head.channels": 32,
    "train.crop": 1.0,
}
OUTCOMES = ("harmless", "found", "silent", "crashed", "late")
Readers = dict[Path, Callable[[], object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--flips", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # a forked process has no other threads
    rng = np.random.default_rng(arguments.seed)
    found: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        readers = make(Path(folder))
        before = {path: in_child(read, "") for path, read in readers.items()}
        assert not set(OUTCOMES) & set(before.values()), before
        paths = list(readers)
        for number in rng.integers(0, len(paths), arguments.flips):
            path = paths[int(number)]
            good = path.read_bytes()
            at, bit = int(rng.integers(len(good))), int(rng.integers(8))
            path.write_bytes(good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :])
            outcome = in_child(readers[path], before[path])
            found.setdefault(str(path.relative_to(folder)), Counter())[outcome] += 1
            path.write_bytes(good)
    if arguments.json:
        print(json.dumps({name: {key: counts[key] for key in OUTCOMES} for name, counts in found.items()}))
        return
    print(f"{'':32}" + "".join(f"{key:>10}" for key in OUTCOMES))
    for name, counts in sorted(found.items()):
        print(f"{name:32}" + "".join(f"{counts[key]:10}" for key in OUTCOMES))


def in_child(read: Callable[[], object], expected: str) -> str:
    """One of OUTCOMES of a reader; the digest of what it gets, where no digest is expected."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(30)
        try:
            answer = digest_bytes(repr(read()).encode())
        except SlaError:
            answer = "found"
        except BaseException:  # noqa: BLE001 - whatever it is, it is counted
            answer = "crashed"
        os.write(theirs, answer.encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        return "late" if os.WTERMSIG(status) == signal.SIGALRM else "crashed"
    if not expected or answer in OUTCOMES:
        return answer
    return "harmless" if answer == expected else "silent"


def make(work: Path) -> Readers:
    """A work folder, and what reads each of its files."""
    images = list(pictures(2 * CLIPS * FRAMES, SIZE, SIZE))
    for part, split in enumerate(("train", "dev")):
        clips = []
        for number in range(part * CLIPS, (part + 1) * CLIPS):
            frames = [encode(image, "jpeg", 95) for image in images[number * FRAMES : (number + 1) * FRAMES]]
            sizes = np.array([len(frame) for frame in frames], np.int64)
            clips.append(
                Encoded(f"clip-{number}", "S1", GLOSSES[: 2 + number % 2], np.concatenate(frames), sizes, fps=25.0)
            )
        header = SplitHeader("phoenix2014", split, SIZE, 25.0, 95, GLOSSES)
        write_split(split_path(work / "store", split), header, clips, sum(len(clip.data) for clip in clips))
    write_receipt(Receipt("prep", {}, {}), work / "store")
    store, run, config = Store(work / "store"), Run(work / "runs" / "r"), resolve("tiny", flags=SETTINGS)
    run.create(config, GLOSSES, RunFacts.of(store, "tiny"))
    model = Network(config, len(GLOSSES))
    save_weights(run.best, model, GLOSSES)
    save_state(run.state, State(model, config, place("cpu", "fp32")))
    emissions = work / "dev.h5"
    emit(run, store["dev"], emissions, device="cpu", how=EmitConfig())
    hypotheses, _ = decode_file(emissions, work / "hypotheses", BeamOptions(beam=3))
    score, _ = score_file(hypotheses, work / "scores", options=ScoreOptions("none"))

    def weights() -> object:
        fresh = Network(config, len(GLOSSES))
        load_weights(run.best, fresh, run.glosses)
        return [run.glosses, *(value.tolist() for value in fresh.trained_state().values())]

    def state() -> object:
        fresh = State(Network(config, len(GLOSSES)), config, place("cpu", "fp32"))
        load_state(run.state, fresh)
        return [fresh.epochs, *(value.tolist() for value in fresh.model.trained_state().values())]

    return {
        split_path(store.path, "dev"): lambda: stored(store.path),
        run.best: weights,
        run.path / "glosses.txt": weights,
        run.path / "config.toml": lambda: run.config,
        run.path / "run.toml": lambda: run.facts,
        run.state: state,
        emissions: lambda: [unchanged_digest(emissions), *(one.log_probs.tolist() for one in Emissions(emissions))],
        hypotheses: lambda: read_gloss_file(hypotheses).nbest,
        score / "score.json": lambda: read_scores(score),
        score / "clips.tsv": lambda: read_scores(score),
    }


def stored(path: Path) -> object:
    """All that stages take from a split. Its own columns are read before frames, as training does."""
    split = Store(path)["dev"]
    facts = split.references(), split.signers, split.glosses, split.clip_fps.tolist(), split.lengths, split.sources
    header = split.vocabulary, split.size, split.fit, split.labels, split.profile, split.digest
    return facts, header, [digest_bytes(clip.frames().tobytes()) for clip in split]


if __name__ == "__main__":
    main()
