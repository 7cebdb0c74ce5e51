"""Time of scoring relative to editdistance alone, and of the bootstrap interval relative to scoring.

    python benchmarks/score.py [--clips 629] [--samples 1000] [--repeats 5] [--json]

Sentences have 3 to 18 glosses and about 25 % errors. All is measured in one run and given as ratios, since seconds
depend on the load. `files` reads both files, scores them and writes the score folder, like `sla score`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import editdistance
import numpy as np
from timing import fastest

from sla_cli.core.bootstrap import Resampling, wer_interval
from sla_cli.core.clip_score import score_clips
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.core.normalize import profile
from sla_cli.score.compare import compare
from sla_cli.score.score import ScoreOptions, score
from sla_cli.score.score_file import score_file

PROFILE = "phoenix2014"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=int, default=629)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5, help="number of runs; the fastest counts")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(arguments, Path(folder))
    ratio = seconds["bootstrap"] / seconds["align"]
    files_ratio = seconds["files"] / seconds["editdistance"]
    if arguments.json:
        facts = {"clips": arguments.clips, "samples": arguments.samples, "seconds": seconds, "ratio": ratio}
        print(json.dumps(facts | {"files_ratio": files_ratio}))
        return
    for name, value in seconds.items():
        print(f"{name:24} {value:8.3f} s of processor time")
    print(f"{'bootstrap / align':24} {ratio:8.2f}")
    print(f"{'files / editdistance':24} {files_ratio:8.2f}")


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Seconds of each part."""
    references = sentences(arguments.clips, np.random.default_rng(0))
    hypotheses = [
        spoil(name, glosses, np.random.default_rng(i)) for i, (name, glosses) in enumerate(references.items())
    ]
    how = Resampling(samples=arguments.samples)
    options = ScoreOptions(PROFILE, resampling=how)
    files = {"ref": references, "hyp": {one.id: one.glosses for one in hypotheses}}
    paths = {side: written(glosses, folder / f"{side}.txt") for side, glosses in files.items()}
    result = score(hypotheses, references, options)
    rules = profile(PROFILE)
    seconds, _ = fastest(
        {
            "editdistance": lambda: [editdistance.eval(references[one.id], one.glosses) for one in hypotheses],
            "align": lambda: list(
                score_clips(
                    (one.id, rules.reference(references[one.id]), rules.hypothesis(one.glosses), "", "")
                    for one in hypotheses
                )
            ),
            "bootstrap": lambda: wer_interval(result.clips, how),
            "score": lambda: score(hypotheses, references, options),
            "compare": lambda: compare(result, result, ("a", "b"), how),
            "files": lambda: score_file(paths["hyp"], folder / "scores", ref=paths["ref"], options=options),
        },
        arguments.repeats,
    )
    return seconds


def written(glosses: dict[str, tuple[str, ...]], path: Path) -> Path:
    path.write_text("".join(f"{name}\t{' '.join(words)}\n" for name, words in glosses.items()), encoding="utf-8")
    return path


def sentences(clips: int, rng: np.random.Generator) -> dict[str, tuple[str, ...]]:
    return {
        f"clip {i}": tuple(f"GLOSS{gloss}" for gloss in rng.integers(0, 1100, rng.integers(3, 19)))
        for i in range(clips)
    }


def spoil(name: str, glosses: tuple[str, ...], rng: np.random.Generator) -> Hypothesis:
    """Each gloss is replaced, deleted or doubled, with a probability of about 8 % each."""
    copies = {0: ("OTHER",), 1: (), 2: None}
    heard: list[str] = []
    for gloss in glosses:
        fate = copies.get(int(rng.integers(0, 12)), (gloss,))
        heard += (gloss, gloss) if fate is None else fate
    return Hypothesis(name, tuple(heard))


if __name__ == "__main__":
    main()
