"""What a strategy of `sla next` is worth: dev WER over annotated minutes, compared with random choice.

    python benchmarks/next.py drawn|real --work FOLDER [--shared SHARED] [--out docs/figures/next.json] [--seeds 0 1 2]
        [--strategies random uncertainty novelty rare signers] [--rounds 3] [--start 36] [--minutes 1]

A round lets the strategy choose --minutes of what is not annotated by the run so far, adds the true annotation, and
trains again, from the weights of that run (`sla train --init-from`). The corpora:

drawn: twelve drawn people. Glosses and people of the pool are Zipf distributed; dev has the same glosses, and all
    people equally. Annotated at first: clips of the three people with most clips.
real: sentences of real signs (SHARED/tools/compose_sentences.py): 18 people in the pool, 4 others in dev, glosses and
    people equally frequent. Annotated at first: clips of three people.

The seed draws the first clips, the weights and the order of training; all strategies of a seed begin with the same
run. The network is the variant `frozen` on features that are computed once, with a small head, a fixed number of steps,
greedy decoding, and the weights after the last step: no epoch is chosen on dev.

Measurements in --out are kept, and only what is missing is measured; next_figures.py says what the table shows.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from next_corpora import CORPORA
from next_figures import table

from sla_cli.choose.choose import choose
from sla_cli.choose.features import steps_of_batch
from sla_cli.choose.read import add_aligned, annotated_in, as_candidate, read_clip
from sla_cli.choose.strategies import STRATEGIES
from sla_cli.config.settings import Config, resolve
from sla_cli.core.edit_alignment import align, count, total
from sla_cli.data.kept import KeptDataset
from sla_cli.data.loading import training_batches
from sla_cli.model.checkpoint import save_weights
from sla_cli.model.device import place
from sla_cli.search.decoder import GreedyDecoder
from sla_cli.store.clips import Split
from sla_cli.store.division import Division
from sla_cli.store.store import Store
from sla_cli.train.keep_features import compute_missing, kept_features
from sla_cli.train.loop import initial_state
from sla_cli.train.optim import learning_rate, set_rate
from sla_cli.train.state import State
from sla_cli.train.step import take_step
from sla_cli.work.emissions import Emission
from sla_cli.work.run import Run
from sla_cli.work.run_facts import InitFrom, RunFacts

STEPS = (400, 200)  # of training, with 4 clips each
TOGETHER = 50  # clips
Rows = dict[str, np.ndarray]  # features of a view by clip, float16 (frames, width)


@dataclass(frozen=True)
class Point:
    """A run: minutes of signing and number of clips that it was trained on, and its WER on dev in percent."""

    minutes: float
    clips: int
    wer: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", choices=sorted(CORPORA))
    parser.add_argument("--work", type=Path, required=True, help="folder for the store and the features")
    parser.add_argument("--shared", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--out", type=Path, help="JSON file of the measurements")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--strategies", nargs="+", choices=sorted(STRATEGIES), default=list(STRATEGIES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--start", type=int, default=36, help="clips that are annotated at first")
    parser.add_argument("--minutes", type=float, default=1.0, help="annotated in a round")
    parser.add_argument("--clips", type=int, nargs=2, default=(400, 60), metavar=("POOL", "DEV"))
    parser.add_argument("--steps", type=int, nargs=2, default=STEPS, help="of the first run, and of each other one")
    options = parser.parse_args()
    corpus = CORPORA[options.corpus]
    store = corpus.store(options.work, options.shared, *options.clips)
    config = resolve("small", sets=[*corpus.sets(options.shared), *COMMON])
    views = features(store, config)
    known = json.loads(options.out.read_text()) if options.out and options.out.is_file() else {}
    found = known.setdefault(options.corpus, {})
    for seed in options.seeds:
        experiment = Experiment(store, replace(config, train=replace(config.train, seed=seed)), views, options)
        for name in options.strategies:
            if str(seed) not in found.setdefault(name, {}):
                points = experiment.curve(name)
                found[name][str(seed)] = [[round(p.minutes, 3), p.clips, round(p.wer, 2)] for p in points]
                if options.out:
                    options.out.write_text(json.dumps(known) + "\n")
    for row in table({options.corpus: found})["rows"]:
        print(*row, sep="\t")


COMMON = (
    *("model.variant=frozen", "head.lstm_layers=1", "train.batch=4", "train.lr=1e-3", "train.keep_views=3"),
    *("train.flip=0", "train.rest=0", "train.workers=0"),
)


def features(store: Store, config: Config) -> list[Rows]:
    """The views of all clips of the pool, the first with those of dev: computed once, kept beside the store."""
    state, _, _ = initial_state(store, config, place("cpu", config.train.precision))
    views: list[Rows] = []
    for view in range(config.train.keep_views):
        rows: Rows = {}
        for split in (store["train"], store["dev"])[: 1 if view else 2]:
            kept = kept_features(split, state.model, config, state.placement, view)
            compute_missing(state, kept)
            rows |= {name: kept[index] for index, name in enumerate(split.ids)}
        views.append(rows)
    return views


class Trained(NamedTuple):
    """A network, and the division of the store whose train split it has seen."""

    state: State
    part: Store


class Experiment:
    """One seed: which clips are annotated at first, and the curves that start there."""

    def __init__(self, store: Store, config: Config, views: list[Rows], options: argparse.Namespace) -> None:
        # With features given, the backbone computes nothing: a smaller one of the same width is in its place.
        unused = replace(config.model, weights="random", backbone_args={"depth": 1})
        self.store, self.config = store, replace(config, model=unused)
        self.views, self.options = views, options
        self.pool, self.dev = store["train"], store["dev"]
        self.seed = config.train.seed
        self._first: Trained | None = None

    def curve(self, name: str) -> list[Point]:
        """The runs of a strategy; the first one is the same for all."""
        begun = time.process_time()
        if self._first is None:
            self._first = self.trained(self.first_clips(), self.options.steps[0])
        trained = self._first
        points = [self.point(trained)]
        for number in range(self.options.rounds):
            annotated = [*trained.part["train"].ids, *self.chosen(name, trained)]
            trained = self.trained(
                annotated, self.options.steps[1], self.saved(trained, f"{name}-{self.seed}-{number}")
            )
            points.append(self.point(trained))
        seconds = time.process_time() - begun
        print(
            f"{name} {self.seed}: {[round(one.wer, 1) for one in points]}, {seconds:.0f} s", file=sys.stderr, flush=True
        )
        return points

    def first_clips(self) -> list[str]:
        """Drawn from the three people who come first by number of clips, then by name."""
        by_signer: dict[str, list[str]] = {}
        for name, signer in zip(self.pool.ids, self.pool.signers, strict=True):
            by_signer.setdefault(signer, []).append(name)
        people = sorted(by_signer, key=lambda signer: (-len(by_signer[signer]), signer))[:3]
        names = [name for signer in people for name in by_signer[signer]]
        drawn = np.random.default_rng(self.seed).permutation(len(names))[: self.options.start]
        return [names[place] for place in drawn]

    def trained(self, annotated: Sequence[str], steps: int, begin: InitFrom | None = None) -> Trained:
        """As `sla train` trains, on kept features, without what it writes."""
        splits = dict.fromkeys(annotated, "train") | dict.fromkeys(self.dev.ids, "dev")
        part = Store(self.store.path, Division("part", splits))
        epochs = -(-steps * self.config.train.batch // len(annotated))
        config = replace(self.config, train=replace(self.config.train, epochs=epochs))
        state, _, _ = initial_state(part, config, place("cpu", config.train.precision), begin=begin)
        views = [[rows[name] for name in part["train"].ids] for rows in self.views]
        data = KeptDataset(part["train"], part.vocabulary, state.model.stride, config.train, views)
        for epoch in range(1, epochs + 1):
            plan = data.plan(epoch)
            state.model.train()
            with closing(training_batches(data, epoch, plan, False)) as batches:
                for number, step in enumerate(plan, start=1):
                    set_rate(state.optimizer, learning_rate(config.train, epoch - 1 + (number - 1) / len(plan)))
                    take_step(step, batches, state, epoch, number)
        return Trained(state, part)

    def saved(self, trained: Trained, name: str) -> InitFrom:
        """Its weights as a run, from which the next one starts."""
        run, part = Run(self.options.work / "runs" / name), trained.part
        run.create(trained.state.config, part.vocabulary, RunFacts.of(part, "small"))
        save_weights(run.best, trained.state.model, part.vocabulary)
        return InitFrom(str(run.path), run.weights_digest)

    def point(self, trained: Trained) -> Point:
        part, references = trained.part, self.dev.references()
        decoder = GreedyDecoder(part.vocabulary)
        counts = [
            count(align(references[name], decoder.decode(log_probs).glosses))
            for name, log_probs, _ in self.outputs(trained, self.dev.ids)
        ]
        return Point(minutes(part["train"]), len(part["train"]), total(counts).wer)

    def chosen(self, name: str, trained: Trained) -> list[str]:
        """What the strategy would have annotated next."""
        part, strategy, fps = trained.part, STRATEGIES[name], self.pool.fps
        train, vocabulary = part["train"], part.vocabulary
        known, true = annotated_in([train]), dict(zip(train.ids, train.glosses, strict=True))
        if strategy.needs == "peaks":
            for clip, log_probs, steps in self.outputs(trained, train.ids):
                add_aligned(known, true[clip], log_probs, vocabulary, steps)
        frames = dict(zip(self.pool.ids, self.pool.lengths, strict=True))
        signers = dict(zip(self.pool.ids, self.pool.signers, strict=True))
        candidates = {
            clip: as_candidate(clip, frames[clip], fps, signer=signers[clip])
            for clip in self.pool.ids
            if clip not in train
        }
        if strategy.needs != "facts":
            for clip, log_probs, steps in self.outputs(trained, list(candidates)):
                emission = Emission(clip, log_probs, frames[clip], fps)
                candidates[clip] = read_clip(candidates[clip], emission, vocabulary, features=steps)
        choices = choose(candidates.values(), strategy.worth, known, self.options.minutes, self.seed)
        return [choice.candidate.id for choice in choices]

    def outputs(self, trained: Trained, names: Sequence[str]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Id, log-probabilities and features of each clip."""
        model = trained.state.model.eval()
        for start in range(0, len(names), TOGETHER):
            part = names[start : start + TOGETHER]
            rows = [torch.from_numpy(self.views[0][name]) for name in part]
            found = steps_of_batch(model, torch.cat(rows), torch.tensor(list(map(len, rows))))
            yield from ((name, *steps) for name, steps in zip(part, found, strict=True))


def minutes(split: Split) -> float:
    return float(np.divide(split.lengths, split.clip_fps).sum() / 60)


if __name__ == "__main__":
    main()
