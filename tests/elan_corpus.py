"""A corpus of ELAN files over long videos, in the tier schemes of three corpora, with its true clips."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

from elan_files import Eaf

GLOSSES = ("HOUSE1A^", "$INDEX1", "#FINGER", "?", "GRÜN", "NULL", "nan", "PT:PRO1SG", "DSEW(flat)", "WAS1B*")


@dataclass(frozen=True)
class Scheme:
    """Names of tiers with `{}` for the person, "" if the person is not in the name."""

    right: str
    left: str
    translation: str
    persons: tuple[str, ...]
    participants: tuple[str, ...] = ()


SCHEMES = {
    "BSL": Scheme("RH-IDgloss", "LH-IDgloss", "Free Translation", ("",)),
    "DGS": Scheme("Lexem_Gebärde_r_{}", "Lexem_Gebärde_l_{}", "Deutsche_Übersetzung_{}", ("A", "B")),
    "NGT": Scheme("GlossR {}", "GlossL {}", "TranslationNarrow {}", ("S1", "S2"), ("S041", "S042")),
}


@dataclass(frozen=True)
class Expected:
    """A clip: times in milliseconds of the video, of the utterance and of its signs."""

    file: str
    signer: str
    several: bool
    start: int
    end: int
    first: int
    last: int
    glosses: tuple[str, ...]
    translation: str


def make_corpus(folder: Path, name: str, files: int, seed: int = 0) -> list[Expected]:
    """Write `files` EAF files and as many empty videos; returns the clips in them, in order."""
    random, clips = Random(f"{name} {seed}"), []
    for number in range(files):
        path = folder / f"day{number % 7}" / f"rec{number:03d}.eaf"
        path.parent.mkdir(parents=True, exist_ok=True)
        origin = random.choice((0, 0, 500, 12_345))
        link = {"MEDIA_URL": f"file:///Volumes/corpus/{path.stem}.mp4", "MIME_TYPE": "video/mp4"}
        link |= {"RELATIVE_MEDIA_URL": f"../videos/{path.stem}.mp4"} | ({"TIME_ORIGIN": str(origin)} if origin else {})
        eaf, found = _file(SCHEMES[name], random, link, path.stem, origin)
        path.write_text(eaf.xml(), encoding="utf-8")
        (folder / "videos").mkdir(exist_ok=True)
        (folder / "videos" / f"{path.stem}.mp4").touch()
        clips += [(path.parent.name, one) for one in found]
    return [one for _, one in sorted(clips, key=lambda pair: (pair[0], pair[1].file))]


def _file(scheme: Scheme, random: Random, link: dict[str, str], stem: str, origin: int) -> tuple[Eaf, list[Expected]]:
    eaf = Eaf(
        links=[link],
        types={
            "gloss": ("", "CV"),
            "sentence": ("", ""),
            "free": ("Symbolic_Association", ""),
            "words": ("Symbolic_Subdivision", ""),
        },
        vocabulary={f"c{place}": {"eng": gloss} for place, gloss in enumerate(GLOSSES)},
    )
    clips = []
    for place, person in enumerate(scheme.persons):
        who = {"PARTICIPANT": scheme.participants[place]} if scheme.participants else {}
        names = [name.format(person) for name in (scheme.left, scheme.right, scheme.translation)]
        left, right, translation = names[0], names[1], names[2]
        sentences = f"utterances {person}".strip()
        eaf.tier(left, **who)  # in the file the left hand comes before the right
        eaf.tier(translation, "free", PARENT_REF=sentences, **who)
        eaf.tier(sentences, "sentence", **who)
        eaf.tier(right, **who)
        at = random.randrange(3_600_000)
        for _ in range(random.randint(1, 4)):
            start = at
            signs, first, at = _signs(eaf, right, left, random, at + random.randint(0, 300))
            last = at
            at += random.randint(0, 300)
            text = f"sentence {random.randrange(1000)}, {stem}"
            eaf.child(translation, eaf.mark(sentences, start, at, ""), text)
            signer = scheme.participants[place] if scheme.participants else person
            times = (start + origin, at + origin, first + origin, last + origin)
            clips.append(Expected(stem, signer, len(scheme.persons) > 1, *times, tuple(signs), text))
            at += random.randint(2000, 90_000)
    return eaf, clips


def _signs(eaf: Eaf, right: str, left: str, random: Random, at: int) -> tuple[list[str], int, int]:
    """Signs from `at` on, in the ways in which they are annotated: their glosses, the first start and the last end."""
    glosses, first, end = [], at, at
    for _ in range(random.randint(1, 6)):
        kind = random.choice(("right", "left", "both", "held", "chain", "entry"))
        number = random.randrange(len(GLOSSES))
        gloss, length = GLOSSES[number], random.randrange(120, 600, 2)
        end = at + length
        if kind == "chain":  # three signs between two times, as ELAN leaves them before they are aligned
            slots = [eaf.slot(at), eaf.slot(None), eaf.slot(None), eaf.slot(end)]
            for one, two, word in zip(slots, slots[1:], ("EIN", gloss, "DREI"), strict=False):
                eaf.mark(right, one, two, word)
            glosses += ["EIN", gloss, "DREI"]
        elif kind == "entry":
            eaf.mark(right, at, end, "", f"c{number}")
            glosses.append(gloss)
        elif kind == "both":  # the left hand joins late and stays longer
            eaf.mark(right, at, end, gloss)
            eaf.mark(left, at + 40, end + 30, gloss)
            glosses.append(gloss)
            end += 30
        elif kind == "held":  # another sign of the left hand begins before the right has ended
            eaf.mark(right, at, end, gloss)
            eaf.mark(left, at + length // 2, end + 20, "HALTEN")
            glosses += [gloss, "HALTEN"]
            end += 20
        else:
            eaf.mark(right if kind == "right" else left, at, end, gloss)
            glosses.append(gloss)
        if random.random() < 0.1:
            eaf.mark(left, end, end + 5, "  ")  # an annotation without text
        at = end + random.randint(10, 700)
    return glosses, first, end
