"""Tuning by simulation: what a choice on a small dev split is worth on fresh data, and how often its interval is right.

    python benchmarks/tuning.py TUNING… [--clips 24,60,200] [--draws 400] [--json]

TUNING is a folder of `sla tune`, of which the errors by clip and setting (clips.tsv) are taken for the population: dev
splits are drawn from its clips again and again. What is chosen on a draw has a true WER, that of the whole population,
so luck and gain can be told apart. Choices: the fewest errors (0 standard errors), and the mildest setting within 0.1
(what `sla tune` does), 0.25 and 1 of them. Intervals are those of draws in which a language model was chosen; draws
that choose none claim nothing. The plain one is the paired bootstrap alone, which takes the choice for given.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np

from sla_cli.core.bootstrap import Resampling, difference_interval
from sla_cli.core.clip_score import ClipScore
from sla_cli.core.edit_alignment import Counts, Pair
from sla_cli.core.result import Interval
from sla_cli.decode.choice import STANDARD_ERRORS, ErrorTable, choose, mildness
from sla_cli.decode.grid_search import GridPoint, Trial

RULES = (0.0, STANDARD_ERRORS, 0.25, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tunings", nargs="+", type=Path, metavar="TUNING")
    parser.add_argument("--clips", default="24,60,200", help="sizes of the dev splits")
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--samples", type=int, default=1000, help="of the bootstrap")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = {
        f"{folder.name}, {clips} clips": simulate(
            read_population(folder), int(clips), arguments.draws, Resampling(samples=arguments.samples)
        )
        for folder in arguments.tunings
        for clips in arguments.clips.split(",")
    }
    if arguments.json:
        print(json.dumps(found))
        return
    for name, facts in found.items():
        print(name)
        for key, value in facts.items():
            print(f"  {key:44} {value:9.3f}")


def read_population(folder: Path) -> ErrorTable:
    """The errors by clip and setting that `sla tune` keeps."""
    header, *rows = [line.split("\t") for line in (folder / "clips.tsv").read_text(encoding="utf-8").splitlines()]
    settings = [re.fullmatch(r"beam (\S+) alpha (\S+) beta (\S+)", name) for name in header[3:]]
    points = tuple(GridPoint(int(one[1]), float(one[2]), float(one[3])) for one in settings if one)
    errors = np.array([[int(cell) for cell in row[3:]] for row in rows], np.float64)
    return ErrorTable(points, errors, np.array([int(row[2]) for row in rows], np.float64))


def simulate(population: ErrorTable, clips: int, draws: int, how: Resampling) -> dict[str, float]:
    """Expected WER on fresh data of each rule, and the coverage of both intervals."""
    rng = np.random.default_rng(clips)
    truth = 100 * population.errors.sum(axis=0) / population.words.sum()
    column_of = {point: column for column, point in enumerate(population.points)}
    taken: dict[float, list[int]] = {rule: [] for rule in RULES}
    claims: list[tuple[bool, bool, float]] = []
    for _ in range(draws):
        drawn = rng.integers(len(population.words), size=clips)
        dev = ErrorTable(population.points, population.errors[drawn], population.words[drawn])
        for rule in RULES:
            taken[rule].append(dev.take(standard_errors=rule))
        trials = trials_of(dev)
        choice = choose(trials, [one for one in trials if one.point == one.point.without], how)
        if choice.interval is not None:
            gain = truth[column_of[choice.taken.point]] - truth[column_of[choice.without.point]]
            found = difference_interval(choice.without.clips, choice.taken.clips, how)
            plain = found is not None and _holds(found[0], gain)
            claims.append((_holds(choice.interval, gain), plain, choice.interval.high - choice.interval.low))
    none = min(column_of, key=mildness)
    facts = {"no language model, WER %": truth[column_of[none]], "best setting, WER %": truth.min()}
    for rule in RULES:
        less = truth[taken[rule]] - truth[taken[0.0]]
        facts[f"{rule:g} standard errors, WER %"] = truth[taken[rule]].mean()
        facts[f"{rule:g} standard errors, points more than with 0"] = less.mean()
        facts[f"{rule:g} standard errors, twice its error"] = 2 * less.std() / np.sqrt(draws)
    covered, plainly, width = np.array(claims, np.float64).reshape(-1, 3).mean(axis=0)
    facts["draws that choose a language model, %"] = 100 * len(claims) / draws
    facts |= {"interval covers, %": 100 * covered, "plain one covers, %": 100 * plainly, "width, points": width}
    return {key: float(value) for key, value in facts.items()}


def trials_of(table: ErrorTable) -> list[Trial]:
    """Clips with so many errors, each of a sentence of its own."""
    pairs = [(Pair("C", f"{number}", f"{number}"),) for number in range(len(table.words))]
    return [
        Trial(
            point,
            tuple(
                ClipScore(pair[0].reference or "", pair, Counts(int(words - wrong), int(wrong)))
                for pair, words, wrong in zip(pairs, table.words, column, strict=True)
            ),
        )
        for point, column in zip(table.points, table.errors.T, strict=True)
    ]


def _holds(interval: Interval, gain: float) -> bool:
    return bool(interval.low - 1e-9 <= gain <= interval.high + 1e-9)


if __name__ == "__main__":
    main()
