"""How well `sla align --suspicious` finds wrong labels: a share of the glosses is changed, and clips are ranked.

Without --emissions the corpus of `sla demo` is drawn, labels of train are changed, the demo's model is trained on them,
and train is ranked. With --emissions labels are changed in a copy of the references of its store, --repeats times with
different seeds: the model has never seen the wrong labels.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sla_cli.align.suspicious import Ranking, rank
from sla_cli.config.settings import resolve
from sla_cli.core.hypothesis import Glosses
from sla_cli.demo.corpus import FOLDER, draw_corpus
from sla_cli.prep.begun import Begun
from sla_cli.prep.build import build_store
from sla_cli.prep.encoding.process_pool import ProcessPool
from sla_cli.prep.request import PrepRequest
from sla_cli.store.store import Store
from sla_cli.work.emissions import Emissions
from sla_cli.work.references import reference_split
from sla_cli.work.run import Run

KINDS = ("exchanged", "left out", "added")


class Planted(NamedTuple):
    """References with wrong labels, and which are wrong: clip id to the change."""

    references: dict[str, Glosses]
    errors: dict[str, list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--emissions", type=Path, help="emissions of a trained run; its store has the correct labels")
    parser.add_argument("--share", type=float, default=0.05, help="share of the glosses that is changed")
    parser.add_argument("--repeats", type=int, default=5, help="number of seeds, with --emissions")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the demo's corpus and training")
    parser.add_argument("--epochs", type=int, help="epochs of the demo's training; default: as in the preset")
    parser.add_argument("--clips", type=int, help="clips of the demo's train split; default: as in the demo")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.emissions is not None:
        found = list(on_clean_run(arguments.emissions, arguments.share, arguments.repeats))
    else:
        found = [on_demo(arguments.share, arguments.seed, arguments.clips, arguments.epochs)]
    facts = {key: float(np.mean([one[key] for one in found])) for key in found[0]}
    if arguments.json:
        print(json.dumps(facts))
        return
    for name, value in facts.items():
        print(f"{name:42} {value:8.3f}")


def on_clean_run(emissions: Path, share: float, repeats: int) -> Iterator[dict[str, float]]:
    """Measures of each repeat."""
    file = Emissions(emissions)
    split = reference_split(file)
    references = {name: glosses for name, glosses in zip(split.ids, split.glosses, strict=True) if name in file.ids}
    for seed in range(repeats):
        planted = plant(references, file.header.glosses, share, seed)
        yield measures(rank(file, file.header, planted.references), planted)


def on_demo(share: float, seed: int, clips: int | None, epochs: int | None) -> dict[str, float]:
    """Measures on train for a model that was trained on the wrong labels."""
    # Imported here, since processes that draw and encode import this file too.
    from sla_cli.demo.pipeline import CLIPS, SIZE
    from sla_cli.emit.emit import emit
    from sla_cli.model.distributed import ProcessGroup
    from sla_cli.train.train_run import start_run

    clips = clips or CLIPS["train"]
    with tempfile.TemporaryDirectory(prefix="sla-suspicious-") as name:
        folder = Path(name)
        dev = -(-CLIPS["dev"] * clips // CLIPS["train"])
        draw_corpus(folder / "corpus", seed=seed, train=clips, dev=dev, test=1)
        planted = _plant_into(folder / "corpus" / FOLDER / "annotations" / "manual" / "train.corpus.csv", share, seed)
        with closing(ProcessPool(2)) as engine:
            request = PrepRequest.checked("phoenix2014", folder / "corpus", {}, {"size": SIZE})
            build_store(Begun(request), folder / "store", engine)
        store, run = Store(folder / "store"), Run(folder / "run")
        run.path.mkdir()
        config = resolve("tiny", flags={"train.seed": seed, "train.epochs": epochs})
        trained = start_run(store, run.path, config, preset="tiny", group=ProcessGroup("cpu"))
        emit(run, store["train"], folder / "train.h5", device="cpu")
        file = Emissions(folder / "train.h5")
        return {"dev WER, %": trained.dev_wer, **measures(rank(file, file.header, planted.references), planted)}


def plant(references: Mapping[str, Glosses], vocabulary: Sequence[str], share: float, seed: int) -> Planted:
    """Replace, leave out and add glosses of the vocabulary, a third each, at places drawn without replacement.

    A clip never loses its only gloss.
    """
    rng = np.random.default_rng(seed)
    places = [(name, number) for name, glosses in references.items() for number in range(len(glosses))]
    drawn = rng.choice(len(places), round(share * len(places)), replace=False)
    wrong = {name: list(glosses) for name, glosses in references.items()}
    errors: dict[str, list[str]] = {}
    # From the end of each clip, so the numbers of earlier places do not change.
    for kind, (name, number) in sorted(
        ((KINDS[place % 3], places[index]) for place, index in enumerate(drawn)), key=lambda item: -item[1][1]
    ):
        glosses = wrong[name]
        other = str(rng.choice([gloss for gloss in vocabulary if gloss != glosses[number]]))
        if kind == "left out" and len(glosses) == 1:
            kind = "exchanged"
        if kind == "exchanged":
            glosses[number] = other
        elif kind == "added":
            glosses.insert(number, other)
        else:
            del glosses[number]
        errors.setdefault(name, []).append(kind)
    return Planted({name: tuple(glosses) for name, glosses in wrong.items()}, errors)


def _plant_into(table: Path, share: float, seed: int) -> Planted:
    header, *lines = table.read_text(encoding="utf-8").splitlines()
    rows = [line.split("|") for line in lines]
    references = {row[0]: tuple(row[3].split()) for row in rows}
    vocabulary = sorted({gloss for glosses in references.values() for gloss in glosses})
    planted = plant(references, vocabulary, share, seed)
    changed = ["|".join([*row[:3], " ".join(planted.references[row[0]])]) for row in rows]
    table.write_text("\n".join([header, *changed, ""]), encoding="utf-8")
    return planted


def measures(ranking: Ranking, planted: Planted) -> dict[str, float]:
    """Average precision by clip, that of a random order, and the share of wrong clips among the first N of N wrong."""
    wrong = np.array([clip.id in planted.errors for clip in ranking.clips])
    first = {clip.id for clip in ranking.clips[: wrong.sum()]}
    found = {
        f"found, {kind}": float(np.mean([name in first for name, kinds in planted.errors.items() if kind in kinds]))
        for kind in KINDS
        if any(kind in kinds for kinds in planted.errors.values())
    }
    return {
        "clips": len(wrong),
        "wrong clips": int(wrong.sum()),
        "average precision": average_precision(wrong, np.array([clip.score for clip in ranking.clips])),
        "of a random order": float(wrong.mean()),
        **found,
    }


def average_precision(wrong: np.ndarray, scores: np.ndarray) -> float:
    """Average precision as in scikit-learn: precision at each threshold, weighted by the increase of recall.

    Args:
        wrong: bool (clips,), clips in order of decreasing score.
        scores: float (clips,).
    """
    last = np.flatnonzero(np.append(np.diff(scores) != 0, True))  # end of each run of equal scores
    found = np.cumsum(wrong)[last]
    return float((np.diff(found, prepend=0) * found / (last + 1)).sum() / wrong.sum())


if __name__ == "__main__":
    main()
