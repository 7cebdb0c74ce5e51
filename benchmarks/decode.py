"""Decoding of emissions of trained runs: search errors, WER and time of both engines; the effect of hot words, of the
default weights of a language model, and of float16.

    python benchmarks/decode.py --corpus NAME EMISSIONS LM [--corpus NAME EMISSIONS LM] [--json]

A search error is a clip whose glosses differ from those of a beam of 1,000. WER uses the
corpus's scoring profile. Time is that of the search only, in CPU time of one process, which other load hardly changes;
the engines run alternately. The hot word of the first table is the most frequent gloss. For the second table, each
signed gloss in turn is the only hot word, in all clips, with the default weight. The third compares the default weights
of the language model with no language model, as `sla compare`. The fourth rounds emissions like `sla emit --dtype
float16`.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np
from timing import fastest

from sla_cli.config.settings import DecodeConfig
from sla_cli.core.bootstrap import Resampling
from sla_cli.core.edit_alignment import Counts
from sla_cli.core.hypothesis import Glosses, Hypothesis
from sla_cli.core.normalize import profile
from sla_cli.core.result import Score
from sla_cli.score.compare import compare
from sla_cli.score.score import ScoreOptions, score
from sla_cli.search.beam_decoder import BeamDecoder, BeamOptions
from sla_cli.search.engines import Engine
from sla_cli.store.store import Store
from sla_cli.work.emissions import Emission, Emissions
from sla_cli.work.folder import store_now

WIDE = 1000
WEIGHTS = (0.0, 0.5, 1.0, 2.0, 10.0)
ENGINES = get_args(Engine)


@dataclass(frozen=True)
class Corpus:
    """Emissions of a run, the references of their clips, and a language model."""

    name: str
    clips: list[Emission]
    glosses: Glosses
    references: dict[str, Glosses]
    profile: str
    lm: Path

    @classmethod
    def open(cls, name: str, emissions_path: Path, lm: Path, most: int) -> Corpus:
        """The first `most` clips."""
        emissions = Emissions(emissions_path)
        header = emissions.header
        clips = [emissions[number] for number in range(min(most, len(emissions)))]
        known = Store(store_now(Path(header.store), emissions_path, "a copy"), header.division)[
            header.split
        ].references()
        references = {clip.id: known[clip.id] for clip in clips}
        return cls(name, clips, header.glosses, references, header.profile, lm)

    @cached_property
    def frequent(self) -> list[str]:
        """The glosses of the references that the run knows, most frequent first."""
        rules = profile(self.profile)
        counts = Counter(gloss for glosses in self.references.values() for gloss in rules.reference(glosses))
        return [gloss for gloss, _ in counts.most_common() if gloss in self.glosses]

    def decode(self, options: BeamOptions) -> list[Glosses]:
        with BeamDecoder(self.glosses, options) as decoder:
            return [decoder.best_glosses(clip.log_probs) for clip in self.clips]

    def score(self, found: Sequence[Glosses]) -> Score:
        hypotheses = [Hypothesis(clip.id, glosses) for clip, glosses in zip(self.clips, found, strict=True)]
        return score(hypotheses, self.references, ScoreOptions(self.profile))

    def wer(self, found: Sequence[Glosses]) -> float:
        return self.score(found).total.wer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--corpus", nargs=3, action="append", required=True, metavar=("NAME", "EMISSIONS", "LM"),
        help="a name, emissions of a run whose store exists, and a language model; can be repeated",
    )  # fmt: skip
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 2, 5, 10, 20, 50, 100])
    parser.add_argument("--clips", type=int, default=10**6, help="maximum number of clips of each corpus")
    parser.add_argument("--repeats", type=int, default=3, help="number of runs; the fastest counts")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    logging.getLogger("pyctcdecode").setLevel(logging.ERROR)
    corpora = [
        Corpus.open(name, Path(emissions), Path(lm), arguments.clips) for name, emissions, lm in arguments.corpus
    ]
    tables = {
        "search": [row for one in corpora for row in engines(one, arguments.beams, arguments.repeats)],
        "hot words": [row for one in corpora for row in hot_words(one)],
        "language model": [default_weights(one) for one in corpora],
        "float16": [row for one in corpora for row in half_precision(one)],
    }
    if arguments.json:
        print(json.dumps(tables))
        return
    for name, rows in tables.items():
        print(f"\n{name}")
        show(rows)


def engines(corpus: Corpus, beams: Sequence[int], repeats: int) -> list[dict[str, Any]]:
    """A row for each combination of language model (or none), hot word (or none) and beam, for both engines."""
    rows = []
    for lm in (None, corpus.lm):
        for hot in ((), (corpus.frequent[0],)):
            best = corpus.decode(BeamOptions(beam=WIDE, lm=lm, hotwords=hot))
            for beam in beams:
                options = BeamOptions(beam=beam, lm=lm, hotwords=hot)
                rows.append({
                    "corpus": corpus.name, "clips": len(corpus.clips), "lm": "yes" if lm else "no",
                    "hot word": " ".join(hot) or "no", "beam": beam, **side_by_side(corpus, options, best, repeats),
                })  # fmt: skip
    return rows


def side_by_side(corpus: Corpus, options: BeamOptions, best: list[Glosses], repeats: int) -> dict[str, float]:
    """Search errors, WER and milliseconds per clip of both engines, and the ratio of their times."""
    facts: dict[str, float] = {}
    decoders = {engine: BeamDecoder(corpus.glosses, replace(options, engine=engine)) for engine in ENGINES}
    found: dict[str, list[Glosses]] = {}

    def search(engine: Engine) -> None:
        found[engine] = [decoders[engine].best_glosses(clip.log_probs) for clip in corpus.clips]

    cpu, _ = fastest({engine: lambda engine=engine: search(engine) for engine in ENGINES}, repeats)
    for engine, decoder in decoders.items():
        decoder.close()
        errors = sum(one != other for one, other in zip(found[engine], best, strict=True))
        facts |= {f"{engine} errors": errors, f"{engine} wer": corpus.wer(found[engine])}
        facts[f"{engine} ms"] = 1000 * cpu[engine] / len(corpus.clips)
    return {**facts, "time": cpu["prefix"] / cpu["pyctcdecode"]}


def hot_words(corpus: Corpus) -> list[dict[str, Any]]:
    """The effect of a hot word on the WER of all clips and of those in which it is signed, for several weights."""
    rows = []
    for lm in (None, corpus.lm):
        plain = corpus.wer(corpus.decode(BeamOptions(lm=lm)))
        for weight in sorted({*WEIGHTS, DecodeConfig.hotword_weight}):
            rises, holding, recognised, true = [], Counts(), 0, 0
            for word in corpus.frequent:
                found = corpus.decode(BeamOptions(lm=lm, hotwords=(word,), hotword_weight=weight))
                scored = corpus.score(found)
                rises.append(scored.total.wer - plain)
                holding = sum((clip.counts for clip in scored.clips if word in clip.reference), holding)
                recognised += sum(glosses.count(word) for glosses in found)
                true += sum(clip.reference.count(word) for clip in scored.clips)
            rows.append({
                "corpus": corpus.name, "lm": "yes" if lm else "no", "weight": weight,
                "mean rise": float(np.mean(rises)), "greatest rise": max(rises),
                "wer where signed": holding.wer, "said / true": recognised / true,
            })  # fmt: skip
    return rows


def default_weights(corpus: Corpus) -> dict[str, Any]:
    """The language model with default weights compared with none."""
    none, with_lm = (corpus.score(corpus.decode(BeamOptions(lm=lm))) for lm in (None, corpus.lm))
    found = compare(none, with_lm, ("none", "lm"), Resampling())
    assert found.interval is not None
    return {
        "corpus": corpus.name, "clips": len(corpus.clips), "wer": none.total.wer, "wer with lm": with_lm.total.wer,
        "from": found.interval.low, "to": found.interval.high,
    }  # fmt: skip


def half_precision(corpus: Corpus) -> list[dict[str, Any]]:
    """WER before and after rounding to float16, and clips whose glosses change."""
    rounded = replace(
        corpus,
        clips=[replace(one, log_probs=one.log_probs.astype(np.float16).astype(np.float32)) for one in corpus.clips],
    )
    rows = []
    for search in (BeamOptions(beam=1), BeamOptions(), BeamOptions(lm=corpus.lm)):
        exact, found = corpus.decode(search), rounded.decode(search)
        rows.append({
            "corpus": corpus.name, "beam": search.beam, "lm": "yes" if search.lm else "no",
            "clips": len(exact), "clips changed": sum(a != b for a, b in zip(exact, found, strict=True)),
            "wer": corpus.wer(exact), "wer of float16": corpus.wer(found),
        })  # fmt: skip
    return rows


def show(rows: Sequence[dict[str, Any]]) -> None:
    """As a Markdown table."""
    print("| " + " | ".join(rows[0]) + " |")
    print("|---" * len(rows[0]) + "|")
    for row in rows:
        cells = [f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
