"""Simulation of tuning: the effect of a choice on a small dev split on new data, and the coverage of its interval.

    python benchmarks/tuning.py [TUNING…] [--clips 24,60,200] [--draws 1000] [--json]

TUNING is a folder of `sla tune`; its errors by clip and setting (clips.tsv) are used as the population, from whose
clips many dev splits are drawn. Without it, populations are synthetic (populations.py). The setting that is chosen on a
draw has a true WER, that of the whole population, so chance and gain can be distinguished. Choices: the fewest errors
(0 standard errors), and the smallest weights within 0.1 (as in `sla tune`), 0.25 and 1 of them. Intervals are those of
draws in which a language model was chosen; draws that choose none make no claim. The plain interval is the paired
bootstrap alone, which treats the choice as fixed. With 1,000 draws the coverage of a 95 % interval is known to 1.4
points (two standard errors).
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np
from populations import made_up

from sla_cli.core.bootstrap import Resampling
from sla_cli.decode.grid_search import GridPoint
from sla_cli.decode.tune_choice import STANDARD_ERRORS, ErrorTable, gain_interval

RULES = (0.0, STANDARD_ERRORS, 0.25, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tunings", nargs="*", type=Path, metavar="TUNING")
    parser.add_argument("--clips", default="24,60,200", help="sizes of the dev splits")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=1000, help="of the bootstrap")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    given = {folder.name: read_population(folder) for folder in arguments.tunings} or made_up()
    how, found = Resampling(samples=arguments.samples), {}
    for name, population in given.items():
        for clips in map(int, arguments.clips.split(",")):
            facts = found[f"{name}, {clips} clips"] = simulate(population, clips, arguments.draws, how)
            if not arguments.json:
                print(f"{name}, {clips} clips", *(f"  {key:44} {value:9.3f}" for key, value in facts.items()), sep="\n")
    if arguments.json:
        print(json.dumps(found))


def read_population(folder: Path) -> ErrorTable:
    """The errors by clip and setting from `sla tune`."""
    header, *rows = [line.split("\t") for line in (folder / "clips.tsv").read_text(encoding="utf-8").splitlines()]
    settings = [re.fullmatch(r"beam (\S+) alpha (\S+) beta (\S+)", name) for name in header[3:]]
    points = tuple(GridPoint(int(one[1]), float(one[2]), float(one[3])) for one in settings if one)
    errors = np.array([[int(cell) for cell in row[3:]] for row in rows], np.float64)
    return ErrorTable(points, errors, np.array([int(row[2]) for row in rows], np.float64))


def simulate(population: ErrorTable, clips: int, draws: int, how: Resampling) -> dict[str, float]:
    """Expected WER of each rule on new data, and the coverage of both intervals."""
    rng = np.random.default_rng(clips)
    truth = 100 * population.errors.sum(axis=0) / population.words.sum()
    none = population.by_mildness[0]
    taken: dict[float, list[int]] = {rule: [] for rule in RULES}
    claims: list[tuple[float, ...]] = []
    for _ in range(draws):
        drawn = rng.integers(len(population.words), size=clips)
        dev = ErrorTable(population.points, population.errors[drawn], population.words[drawn])
        for rule in RULES:
            taken[rule].append(dev.take(rule))
        column = taken[STANDARD_ERRORS][-1]
        gains = dev.errors - dev.errors[:, [none]]
        interval, gain = gain_interval(dev, gains, column, how), truth[column] - truth[none]
        if column != none and interval is not None:
            weights = rng.multinomial(clips, np.full(clips, 1 / clips), size=how.samples)
            low, high = np.quantile(100 * (weights @ gains[:, column]) / (weights @ dev.words), (0.025, 0.975))
            differ = np.count_nonzero(gains[:, column])
            missed = (gain < interval.low - 1e-9, gain > interval.high + 1e-9)
            plain = low - 1e-9 <= gain <= high + 1e-9
            claims.append((*missed, plain, interval.high - interval.low, differ))
    facts = {"no language model, WER %": truth[none], "best setting, WER %": truth.min()}
    for rule in RULES:
        less = truth[taken[rule]] - truth[taken[0.0]]
        facts[f"{rule:g} standard errors, WER %"] = truth[taken[rule]].mean()
        facts[f"{rule:g} standard errors, points more than with 0"] = less.mean()
        facts[f"{rule:g} standard errors, twice its error"] = 2 * less.std() / np.sqrt(draws)
    below, above, plainly, width, differ = np.array(claims, np.float64).reshape(-1, 5).mean(axis=0)
    facts["draws that choose a language model, %"] = 100 * len(claims) / draws
    facts |= {"interval covers, %": 100 * (1 - below - above), "truth below it, %": 100 * below}
    facts |= {"plain one covers, %": 100 * plainly, "width, points": width}
    facts["clips that differ from no language model"] = differ
    return {key: float(value) for key, value in facts.items()}


if __name__ == "__main__":
    main()
