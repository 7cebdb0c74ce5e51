"""A small work folder with one artifact of each kind, and what stages read from each file: for flips.py and fuzz.py.

python benchmarks/artifacts.py FILE.zip

writes artifacts of this version, which later versions read (tests/test_earlier_versions.py): a release adds its own.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import torch
from signing import pictures

from sla_cli.align.align_file import align_file
from sla_cli.annotation.formats import annotation_text
from sla_cli.annotation.layout import DEFAULT
from sla_cli.artifact.receipt import Receipt, digest_file, read_receipt, receipt_path, unchanged_digest, write_receipt
from sla_cli.config.settings import Config, EmitConfig, resolve
from sla_cli.core.annotation import Annotation, Sentence, Sign
from sla_cli.core.digest import digest_bytes
from sla_cli.decode.decode_file import decode_file
from sla_cli.decode.grid_search import GridPoint
from sla_cli.decode.tune_file import tune_file
from sla_cli.emit.emit import emit
from sla_cli.exchange.gloss_files import read_gloss_file
from sla_cli.lm.estimate_file import estimate_file
from sla_cli.lm.kenlm_model import open_lm
from sla_cli.model.checkpoint import load_weights, save_weights
from sla_cli.model.device import place
from sla_cli.model.domain import Domain, load_domain, save_domain
from sla_cli.model.frame_scores import FrameScorer, load_scorer, save_scorer
from sla_cli.model.network import Network
from sla_cli.prep.merge import merge_stores
from sla_cli.score.score import ScoreOptions
from sla_cli.score.score_file import score_file
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.search.options import Settled
from sla_cli.share.card import Answers, card_of
from sla_cli.share.export import export_run
from sla_cli.store.codec import encode
from sla_cli.store.content import EncodedClip, EncodedFrames, StoreHeader
from sla_cli.store.division import Division, write_division
from sla_cli.store.paths import clips_path, division_path
from sla_cli.store.store import Store
from sla_cli.store.write import write_clips
from sla_cli.system.atomic import write_text
from sla_cli.train.state import State, load_state, save_state
from sla_cli.work.alignment import read_alignment
from sla_cli.work.calibration import CalibrationFigures, write_calibration
from sla_cli.work.emissions import Emissions
from sla_cli.work.run import Run
from sla_cli.work.run_facts import RunFacts
from sla_cli.work.scores import read_scores
from sla_cli.work.tuning import read_tuned

GLOSSES, SIZE, FRAMES, CLIPS = ("NORD", "REGEN", "WIND"), 32, 24, 4
SETTINGS = {
    "model.image_size": SIZE,
    "model.backbone_args": {"embed_dim": 32, "depth": 2, "num_heads": 2, "patch_size": 16, "num_classes": 24},
    "head.channels": 32,
    "train.crop": 1.0,
}
Read = Callable[[], object]


@dataclass(frozen=True)
class Artifacts:
    """The paths of all artifacts. `merged` has the clips of `store` and `other`."""

    store: Path
    other: Path
    merged: Path
    run: Run
    config: Config
    emissions: Path
    lm: Path
    tuning: Path
    hypotheses: Path
    alignment: Path
    score: Path

    def network(self) -> Network:
        """A model with the run's configuration and its own random weights."""
        return Network(self.config, len(GLOSSES))


def make(work: Path) -> Artifacts:
    """One artifact of each kind, made by the functions of the stages."""
    images = list(pictures(3 * CLIPS * FRAMES, SIZE, SIZE))
    _write_store(work / "store", images, {"train": range(CLIPS), "dev": range(CLIPS, 2 * CLIPS)})
    _write_store(work / "other", images, {"dev": range(2 * CLIPS, 3 * CLIPS)})
    merge_stores([work / "store", work / "other"], work / "merged")
    store, run, config = Store(work / "store"), Run(work / "runs" / "r"), resolve("tiny", flags=SETTINGS)
    run.create(config, GLOSSES, RunFacts.of(store, "tiny"))
    model = Network(config, len(GLOSSES))
    save_weights(run.best, model, GLOSSES)
    _fit(run, model)
    save_state(run.state, State(model, config, place("cpu", "fp32")))
    run.metrics.write_text("epoch\tloss\tdev_wer\n1\t2.5\t90.0\n2\t1.5\t80.0\n")
    emissions, lm = work / "dev.h5", work / "gloss.arpa"
    emit(run, store["dev"], emissions, device="cpu", how=EmitConfig())
    estimate_file(store.path, lm, order=2, fallback=True)
    options = BeamOptions(beam=3, lm=lm, max_oov=100.0)
    references = store["dev"].references()
    points = [GridPoint(3, 0.5, 0.0)]
    tuning, *_ = tune_file(emissions, references, work / "tuning", options, points)
    hypotheses, _ = decode_file(emissions, work / "hypotheses", Settled(replace(options, lm=None)))
    alignment = align_file(emissions, work / "alignments").path
    score, _ = score_file(hypotheses, work / "scores", options=ScoreOptions("none"))
    places = (emissions, lm, tuning, hypotheses, alignment, score)
    return Artifacts(store.path, work / "other", work / "merged", run, config, *places)


def keep(file: Path) -> None:
    """Write a zip archive with an artifact of each kind that later versions have to read."""
    with tempfile.TemporaryDirectory() as folder:
        made = make(work := Path(folder))
        export_run(made.run, work / "model", card_of(made.run, Answers()), lm=made.lm)
        sentence = Sentence((Sign("NORD", 0.2, 0.6, 0.9), Sign("WIND", 0.7, 1.0, 0.8)))
        write_text(
            work / "video.eaf", annotation_text("eaf", Annotation("video", None, 2.0, (sentence,)), DEFAULT, work)
        )
        left_out = made.merged, made.other, made.run.state  # made of others, or for the sla that wrote it
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            for path in sorted(work.rglob("*")):
                if path.is_file() and not any(path.is_relative_to(one) for one in left_out):
                    archive.write(path, path.relative_to(work))


def _fit(run: Run, model: Network) -> None:
    """What training adds to a run at its end, of random values."""
    width, weights = model.backbone.width, digest_file(run.best)
    scorer = FrameScorer(torch.randn(len(GLOSSES) + 1, width), torch.randn(len(GLOSSES) + 1), 4)
    save_scorer(run.frame_scores, scorer, weights)
    usual = {"brightness": (0.2, 0.5), "contrast": (0.1, 0.2)}
    save_domain(run.domain, Domain(torch.randn(width), torch.randn(width, width), 1.5, usual), weights)
    write_calibration(run.calibration, CalibrationFigures(1.2, -0.1, "dev", 20, 15, 0.1, 0.05), weights)


def _write_store(folder: Path, images: list[np.ndarray], splits: Mapping[str, range]) -> None:
    clips = []
    for number in chain(*splits.values()):
        frames = [encode(image, "jpeg", 95) for image in images[number * FRAMES : (number + 1) * FRAMES]]
        sizes = np.array([len(frame) for frame in frames], np.int64)
        glosses = GLOSSES[: 2 + number % 2]
        clips.append(EncodedClip(f"clip-{number}", "S1", glosses, EncodedFrames(np.concatenate(frames), sizes, 25.0)))
    header = StoreHeader("phoenix2014", SIZE, 95)
    write_clips(clips_path(folder), header, clips, sum(len(clip.frames.data) for clip in clips))
    division = {f"clip-{number}": split for split, numbers in splits.items() for number in numbers}
    write_division(folder, Division("corpus", division))
    write_receipt(Receipt("prep", {}, {}, results={"divisions": {"corpus": {}}}), folder)


def readers(made: Artifacts) -> dict[Path, Read]:
    """What the stages read from each file. A file's receipt is read in the same way as by the next stage."""
    run, config = made.run, made.config

    def weights() -> object:
        fresh = made.network()
        load_weights(run.best, fresh, run.glosses)
        return [run.glosses, *(value.tolist() for value in fresh.trained_state().values())]

    def scorer() -> object:
        width = made.network().backbone.width
        found = load_scorer(run.frame_scores, (len(GLOSSES) + 1, width), digest_file(run.best))
        return found.least, found.weight.tolist(), found.bias.tolist()

    def domain() -> object:
        found = load_domain(run.domain, made.network().backbone.width, digest_file(run.best))
        return found.limit, found.usual, found.mean.tolist(), found.whitening.tolist()

    def state() -> object:
        fresh = State(made.network(), config, place("cpu", "fp32"))
        load_state(run.state, fresh)
        return [fresh.epochs, *(value.tolist() for value in fresh.model.trained_state().values())]

    def emissions() -> object:
        found = Emissions(made.emissions)
        rest = found.header, found.ids, found.frames.tolist(), found.fps.tolist()
        return [unchanged_digest(made.emissions), rest, *(one.log_probs.tolist() for one in found)]

    def language_model() -> object:
        model = open_lm(made.lm)
        return unchanged_digest(made.lm), model.order, [model.score(" ".join(GLOSSES)), model.score("x WIND")]

    def receipt(artifact: Path) -> Read:
        return lambda: read_receipt(artifact)

    def aligned() -> object:
        return unchanged_digest(made.alignment), read_alignment(made.alignment)

    return {
        clips_path(made.store): lambda: stored(made.store),
        clips_path(made.merged): lambda: stored(made.merged),
        division_path(made.store, "corpus"): lambda: stored(made.store),
        run.best: weights,
        run.path / "glosses.txt": weights,
        run.frame_scores: scorer,
        run.domain: domain,
        run.calibration: run.read_calibration,
        run.path / "config.toml": lambda: run.config,
        run.path / "run.toml": lambda: run.facts,
        run.state: state,
        run.metrics: run.read_metrics,
        made.emissions: emissions,
        made.lm: language_model,
        made.tuning / "tuned.json": lambda: asdict(read_tuned(made.tuning)),
        made.hypotheses: lambda: read_gloss_file(made.hypotheses).nbest,
        made.alignment: aligned,
        made.score / "score.json": lambda: read_scores(made.score),
        made.score / "clips.tsv": lambda: read_scores(made.score),
        **{receipt_path(artifact): receipt(artifact) for artifact in (made.store, made.emissions, made.score)},
    }


def stored(path: Path) -> object:
    """Everything that stages read from a split. Its columns are read before frames, as in training."""
    split = Store(path)["dev"]
    facts = split.references(), split.signers, split.glosses, split.clip_fps.tolist(), split.lengths, split.sources
    header = split.vocabulary, split.size, split.fit, split.labels, split.profile, split.digest
    return facts, header, [digest_bytes(clip.frames().tobytes()) for clip in split]


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
