"""The bootstrap interval against the scoring that it belongs to, in one run: a ratio, since seconds depend on the load.

    python benchmarks/score.py [--clips 629] [--samples 1000] [--repeats 5] [--json]

Sentences of 3 to 18 glosses with about 25 % errors.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from timing import fastest

from sla_cli.core.bootstrap import Resampling, wer_interval
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.core.normalize import profile
from sla_cli.core.result import score_clip
from sla_cli.score.compare import compare
from sla_cli.score.score import ScoreOptions, score

PROFILE = "phoenix2014"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=int, default=629)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5, help="the fastest of so many runs is taken")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    references = sentences(arguments.clips, np.random.default_rng(0))
    hypotheses = [
        spoil(name, glosses, np.random.default_rng(i)) for i, (name, glosses) in enumerate(references.items())
    ]
    how = Resampling(samples=arguments.samples)
    options = ScoreOptions(PROFILE, resampling=how)
    result = score(hypotheses, references, options)
    rules = profile(PROFILE)
    seconds, _ = fastest(
        {
            "align": lambda: [
                score_clip(one.id, rules.reference(references[one.id]), rules.hypothesis(one.glosses))
                for one in hypotheses
            ],
            "bootstrap": lambda: wer_interval(result.clips, how),
            "score": lambda: score(hypotheses, references, options),
            "compare": lambda: compare(result, result, ("a", "b"), how),
        },
        arguments.repeats,
    )
    ratio = seconds["bootstrap"] / seconds["align"]
    if arguments.json:
        print(json.dumps({"clips": arguments.clips, "samples": arguments.samples, "seconds": seconds, "ratio": ratio}))
        return
    for name, value in seconds.items():
        print(f"{name:24} {value:8.3f} s of processor time")
    print(f"{'bootstrap / align':24} {ratio:8.2f}")


def sentences(clips: int, rng: np.random.Generator) -> dict[str, tuple[str, ...]]:
    return {
        f"clip {i}": tuple(f"GLOSS{gloss}" for gloss in rng.integers(0, 1100, rng.integers(3, 19)))
        for i in range(clips)
    }


def spoil(name: str, glosses: tuple[str, ...], rng: np.random.Generator) -> Hypothesis:
    """Each gloss is replaced, dropped or doubled with about 8 % each."""
    copies = {0: ("OTHER",), 1: (), 2: None}
    heard: list[str] = []
    for gloss in glosses:
        fate = copies.get(int(rng.integers(0, 12)), (gloss,))
        heard += (gloss, gloss) if fate is None else fate
    return Hypothesis(name, tuple(heard))


if __name__ == "__main__":
    main()
