"""Compose sentences from recordings of single signs, and divide them into folds by person.

    python examples/compose_signs.py RECORDINGS OUT

Made for "A Video Dataset of the Hand Gestures of Indian Sign Language Words used in Emergency Situations" (Adithya V.,
Rajesh R.; https://doi.org/10.17632/2vfdm42337.1): eight words by about two dozen people, two recordings each.
RECORDINGS is a folder with one video per sign. --pattern finds word and person in its path; by default the word is the
name of the folder and the person is the first number in the file's name, as in accident/s01_t1.mp4.

OUT gets frames, all.tsv for `sla prep folder`, and tables for `sla split --from`: fold1-6.tsv and so on, one for each
fold and number of training people. The test people of a fold are in no other split. Sentences of test and of dev
contain each recording of their person once; those of train use random recordings. They are joined single signs,
without coarticulation.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

import cv2

from sla_cli.cli.main import refusals
from sla_cli.errors import SlaError

PATTERN = r"(?P<gloss>[A-Za-z]+)[^/]*/[^/]*?(?P<person>\d+)[^/]*$"
ORDERS = 10_000  # number of orders that are tried
COLUMNS = ("id", "video", "gloss", "signer", "fps")
DIVISION = ("clip", "split")
Recording = tuple[str, Path]  # gloss and video


@dataclass(frozen=True)
class Sentence:
    """A sentence; its frames are in OUT/frames/ID."""

    id: str
    person: str
    glosses: tuple[str, ...]
    once: bool  # one of the sentences that together contain each recording once

    def row(self, fps: float) -> tuple[str, ...]:
        return self.id, f"frames/{self.id}", " ".join(self.glosses), self.person, f"{fps:g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recordings", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pattern", default=PATTERN, help="regular expression for a path, with gloss and person")
    parser.add_argument("--folds", type=positive, default=5)
    parser.add_argument("--people", type=positive, nargs="+", default=[3, 6, 12], help="numbers of training people")
    parser.add_argument("--sentences", type=positive, default=150, help="sentences of train, in each table")
    parser.add_argument("--every", type=positive, default=2, help="2 keeps every second frame, 3 every third, …")
    parser.add_argument("--size", type=positive, default=128, help="side of the frames in pixels")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    found = by_person(arguments.recordings, arguments.pattern)
    random = Random(arguments.seed)
    folds = divide(sorted(found), arguments.folds, random)
    tables = {
        f"fold{number}-{people}": table(folds, number, people, arguments.sentences)
        for number in range(1, arguments.folds + 1)
        for people in arguments.people
    }
    most = max(count for one in tables.values() for count in one[0].values())
    sentences: dict[str, list[Sentence]] = {}
    for person, recordings in found.items():
        sentences[person] = []
        for name, chosen in (*once(recordings, random), *drawn(recordings, most, random)):
            one = Sentence(f"{person}-{name}", person, tuple(gloss for gloss, _ in chosen), name.startswith("once"))
            fps = write_frames(arguments.out / "frames" / one.id, chosen, arguments.every, arguments.size)
            sentences[person].append(one)
    everything = [one.row(fps) for person in sorted(sentences) for one in sentences[person]]
    write_table(arguments.out / "all.tsv", COLUMNS, everything)
    for name, (train, dev, test) in tables.items():
        rows = [(one.id, "train") for person, count in train.items() for one in drawn_of(sentences[person])[:count]]
        rows += [(one.id, "dev") for person in dev for one in sentences[person] if one.once]
        rows += [(one.id, "test") for person in test for one in sentences[person] if one.once]
        write_table(arguments.out / f"{name}.tsv", DIVISION, rows)
    print(f"{len(found)} people, {len(everything)} sentences, {len(tables)} tables in {arguments.out}")


def positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return int(text)


def by_person(folder: Path, pattern: str) -> dict[str, list[Recording]]:
    """The recordings of each person. Raises SlaError if there are none, or if a person signs only one word."""
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise SlaError(f"--pattern {pattern}: not a regular expression: {error}") from error
    if not {"gloss", "person"} <= groups.keys():
        raise SlaError(f"--pattern {pattern} needs both groups, gloss and person", f"The default is {PATTERN}")
    found = defaultdict[str, list[Recording]](list)
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".mp4", ".avi", ".mov")):
        if match := re.search(pattern, path.relative_to(folder).as_posix()):
            if not (match["person"] or "").isdecimal():
                raise SlaError(f"{path}: the person is {match['person']!r} by --pattern, but must be a number")
            found[f"person{int(match['person']):02d}"].append(((match["gloss"] or "").upper(), path))
    if not found:
        raise SlaError(f"{folder}: no path of a video matches --pattern", f"It is {pattern}")
    for person, recordings in found.items():
        if len({gloss for gloss, _ in recordings}) < 2:
            raise SlaError(f"{folder}: {person} signs only one word, {recordings[0][0]}", "A sentence needs two.")
    return dict(found)


def divide(people: Sequence[str], folds: int, random: Random) -> list[list[str]]:
    """Folds of equal size; some have one person more. Raises SlaError if there are too few people."""
    if len(people) < folds:
        raise SlaError(f"--folds {folds}: there are {len(people)} people", "Each fold needs one.")
    order = random.sample(people, len(people))
    return [order[number::folds] for number in range(folds)]


def table(
    folds: Sequence[Sequence[str]], number: int, people: int, sentences: int
) -> tuple[dict[str, int], Sequence[str], Sequence[str]]:
    """Number of training sentences of each person, and the people of dev and test. Dev is the fold after test."""
    test, dev = folds[number - 1], folds[number % len(folds)]
    rest = [person for fold in (*folds[number:], *folds[: number - 1]) if fold is not dev for person in fold]
    if people > len(rest):
        raise SlaError(
            f"--people {people}: fold {number} leaves only {len(rest)} training people", "Use fewer, or more --folds."
        )
    shares = {person: sentences // people + (place < sentences % people) for place, person in enumerate(rest[:people])}
    return shares, dev, test


def once(recordings: Sequence[Recording], random: Random) -> Iterator[tuple[str, list[Recording]]]:
    """Sentences of four signs, each recording once; no word follows itself. Raises SlaError if there are none."""
    for _ in range(ORDERS):
        order = random.sample(recordings, len(recordings))
        parts = [order[start : start + 4] for start in range(0, len(order), 4)]
        if all(before[0] != after[0] for part in parts for before, after in pairwise(part)):
            yield from ((f"once{number:02d}", part) for number, part in enumerate(parts))
            return
    words = ", ".join(sorted({gloss for gloss, _ in recordings}))
    raise SlaError(f"{recordings[0][1]}: no order of this person's recordings avoids repeated words: {words}")


def drawn(recordings: Sequence[Recording], count: int, random: Random) -> Iterator[tuple[str, list[Recording]]]:
    """Sentences of three to six signs; no word follows itself."""
    for number in range(count):
        chosen: list[Recording] = []
        length = random.randint(3, 6)
        while len(chosen) < length:
            one = random.choice(recordings)
            if not chosen or chosen[-1][0] != one[0]:
                chosen.append(one)
        yield f"drawn{number:03d}", chosen


def drawn_of(sentences: Sequence[Sentence]) -> list[Sentence]:
    return [one for one in sentences if not one.once]


def write_frames(folder: Path, recordings: Sequence[Recording], every: int, size: int) -> float:
    """Write the frames of recordings, one after the other; return their rate. Raises SlaError for a broken video."""
    folder.mkdir(parents=True, exist_ok=True)
    number, fps = 0, 25.0
    for _, path in recordings:
        video = cv2.VideoCapture(str(path))
        fps = video.get(cv2.CAP_PROP_FPS) or fps
        taken = 0
        while (answer := video.read())[0]:
            if taken % every == 0:
                image = cv2.resize(answer[1], (size, size), interpolation=cv2.INTER_AREA)
                if not cv2.imwrite(str(folder / f"{number:06d}.png"), image):
                    raise SlaError(f"{folder / f'{number:06d}.png'} cannot be written", "Is the disk full?")
                number += 1
            taken += 1
        if not taken:
            raise SlaError(f"{path}: no frame can be read")
    return fps / every


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(row) + "\n" for row in (columns, *rows)), encoding="utf-8")


if __name__ == "__main__":
    with refusals():
        main()
