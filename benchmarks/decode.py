"""Gloss decoding against bare pyctcdecode on the same posteriors in the same run: ratios, not seconds, count.

    python benchmarks/decode.py [--clips 629] [--repeats 3] [--json]

`ours` is our own prefix search, `ours, pyctcdecode` the same interface over pyctcdecode. All of one process are
compared in CPU time, which other load on the machine hardly changes; the speed-up of 2 jobs needs an idle machine.
`float16` decodes the same posteriors rounded as `sla emit --dtype float16` keeps them: glosses that change, in percent.

Synthetic posteriors (about 40 steps, 1,100 glosses) of sentences from a random bigram grammar; the language model
is a trigram of other sentences from it.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import kenlm
import numpy as np
from pyctcdecode.alphabet import Alphabet
from pyctcdecode.decoder import BeamSearchDecoderCTC
from pyctcdecode.language_model import LanguageModel
from timing import fastest

from sla_cli.core.ctc import greedy
from sla_cli.core.normalize import profile
from sla_cli.decode.decode_split import decode_split
from sla_cli.decode.grid_search import grid, search_grid
from sla_cli.formats.emissions import Emission
from sla_cli.lm.arpa import write_arpa
from sla_cli.lm.estimate import estimate
from sla_cli.search.beam_decoder import BeamOptions

GLOSSES = [f"GLOSS{number}" for number in range(1100)]
STRIDE = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=int, default=629)
    parser.add_argument("--repeats", type=int, default=3, help="the fastest of so many runs is taken")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    logging.getLogger("pyctcdecode").setLevel(logging.ERROR)
    rng = np.random.default_rng(0)
    successors = rng.integers(0, len(GLOSSES), (len(GLOSSES), 20))
    emissions = [posteriors(f"clip {number}", sentence(successors, rng), rng) for number in range(arguments.clips)]
    with tempfile.TemporaryDirectory() as folder:
        lm = Path(folder, "trigram.arpa")
        texts = [[GLOSSES[gloss] for gloss in sentence(successors, rng)] for _ in range(5000)]
        write_arpa(estimate(texts, 3, fallback=True), lm)
        runs: dict[str, Callable[[], object]] = {
            "greedy": lambda: decode_split(emissions, GLOSSES, STRIDE, BeamOptions(beam=1)),
            "bare": lambda: bare(emissions, None),
            "ours": lambda: decode_split(emissions, GLOSSES, STRIDE, BeamOptions()),
            "bare, lm": lambda: bare(emissions, lm),
            "ours, lm": lambda: decode_split(emissions, GLOSSES, STRIDE, BeamOptions(lm=lm)),
            "ours, pyctcdecode, lm": lambda: decode_split(
                emissions, GLOSSES, STRIDE, BeamOptions(lm=lm, engine="pyctcdecode")
            ),
            "greedy search alone": lambda: [greedy(clip.log_probs) for clip in emissions],
            "ours, lm, 2 jobs": lambda: decode_split(emissions, GLOSSES, STRIDE, BeamOptions(lm=lm), jobs=2),
        }
        cpu, seconds = fastest(runs, arguments.repeats)
        changed = changed_by_half_precision(emissions, lm)
    ratios = {
        "beam 10 / bare": cpu["ours"] / cpu["bare"],
        "beam 10 with lm / bare with lm": cpu["ours, lm"] / cpu["bare, lm"],
        "pyctcdecode engine with lm / bare with lm": cpu["ours, pyctcdecode, lm"] / cpu["bare, lm"],
        "speed-up of 2 jobs": seconds["ours, lm"] / seconds["ours, lm, 2 jobs"],
        "float16, % of glosses changed": changed,
    }
    del cpu["ours, lm, 2 jobs"]  # the work is its children's
    milliseconds = {name: 1000 * value / arguments.clips for name, value in cpu.items()}
    if arguments.json:
        print(json.dumps({"clips": arguments.clips, "ms_per_clip": milliseconds, "ratios": ratios}))
        return
    for name, value in milliseconds.items():
        print(f"{name:42} {value:8.3f} ms CPU a clip")
    for name, value in ratios.items():
        print(f"{name:42} {value:8.2f}")


def changed_by_half_precision(emissions: list[Emission], lm: Path) -> float:
    """Percent of the glosses that differ when log-probabilities are rounded to float16: errors against float32's."""
    exact = {
        clip.id: best[0].glosses
        for clip, best in zip(emissions, decode_split(emissions, GLOSSES, STRIDE, BeamOptions(lm=lm)), strict=True)
    }
    rounded = [
        Emission(clip.id, clip.log_probs.astype(np.float16).astype(np.float32), clip.frames) for clip in emissions
    ]
    [trial] = search_grid(rounded, GLOSSES, exact, profile("none"), BeamOptions(lm=lm), grid([0.5], [1.5], [10]))
    return trial.counts.wer


def bare(emissions: list[Emission], lm: Path | None) -> list[object]:
    """pyctcdecode as its documentation uses it, with the settings that make it exact."""
    model = None
    if lm is not None:
        config = kenlm.Config()
        config.show_progress = False
        config.arpa_complain = kenlm.ARPALoadComplain.NONE
        model = LanguageModel(kenlm.Model(str(lm), config), GLOSSES)
    decoder = BeamSearchDecoderCTC(Alphabet.build_alphabet(["", *("▁" + gloss for gloss in GLOSSES)]), model)
    beams = [decoder.decode_beams(clip.log_probs, beam_width=10, prune_history=False)[0][0] for clip in emissions]
    decoder.cleanup()
    return beams


def sentence(successors: np.ndarray, rng: np.random.Generator) -> list[int]:
    """3 to 18 glosses, each among the 20 that may follow the one before."""
    glosses = [int(rng.integers(len(successors)))]
    for _ in range(rng.integers(2, 18)):
        glosses.append(int(rng.choice(successors[glosses[-1]])))
    return glosses


def posteriors(clip: str, glosses: list[int], rng: np.random.Generator) -> Emission:
    """Blanks and glosses of one to three steps, with confusable glosses, as a half-trained model gives them."""
    path = [column for gloss in glosses for column in _stretch(gloss, rng)] + [0] * int(rng.integers(0, 12))
    logits = rng.standard_normal((len(path), len(GLOSSES) + 1)).astype(np.float32)
    steps = np.arange(len(path))
    logits[steps, path] += rng.uniform(7, 13, len(path))
    logits[steps, rng.integers(0, len(GLOSSES) + 1, len(path))] += 8
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return Emission(clip, log_probs, STRIDE * len(path))


def _stretch(gloss: int, rng: np.random.Generator) -> Iterator[int]:
    yield from [0] * int(rng.integers(0, 4))
    yield from [gloss + 1] * int(rng.integers(1, 4))


if __name__ == "__main__":
    main()
