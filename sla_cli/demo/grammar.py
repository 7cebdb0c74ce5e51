"""The sentences of the demo's signers: from a small weighted grammar; each belongs to only one split.

The grammar is a bigram graph, so a gloss bigram is the right language model for it: similar signs
(REGEN and SCHNEE, SUED and BLEIBEN, MEER and WANDERN) have different neighbours.
"""

from __future__ import annotations

import hashlib
import random

SHORTEST, LONGEST = 3, 7
TRIES = 100  # attempts to find a new sentence
_START, _END = "^", "$"

_NEXT: dict[str, dict[str, int]] = {
    _START: {"HEUTE": 3, "MORGEN": 3, "NACHT": 3, "ICH": 1, "FREUND": 1},
    "HEUTE": {"NORD": 4, "SUED": 4, "MEER": 2, "ICH": 1, "SONNE": 1},
    "MORGEN": {"SUED": 3, "BERG": 3, "MEER": 3, "FREUND": 2, "WIND": 1},
    "NACHT": {"BERG": 4, "NORD": 4, "MEER": 2, "WOLKE": 2},
    "NORD": {"WIND": 4, "REGEN": 4, "WOLKE": 3, "KALT": 1},
    "SUED": {"SONNE": 5, "WOLKE": 3, "WARM": 2, "REGEN": 2},
    "BERG": {"SCHNEE": 6, "WOLKE": 3, "KALT": 1, "SONNE": 1},
    "MEER": {"WIND": 5, "REGEN": 3, "SONNE": 3, "WARM": 1},
    "WOLKE": {"WENIG": 4, "REGEN": 3, "WIND": 2, _END: 2},
    "REGEN": {"STARK": 5, "WENIG": 3, "WIND": 1, _END: 2},
    "SCHNEE": {"KALT": 5, "WENIG": 2, "FREUEN": 2, _END: 1},
    "SONNE": {"WARM": 5, "WENIG": 2, "FREUEN": 2, _END: 1},
    "WIND": {"STARK": 4, "KALT": 3, "WOLKE": 1, _END: 2},
    "STARK": {_END: 5, "ICH": 4, "SUED": 1},
    "WENIG": {_END: 4, "SONNE": 2, "FREUND": 2, "NORD": 1},
    "KALT": {_END: 4, "ICH": 4, "MORGEN": 1},
    "WARM": {_END: 4, "FREUND": 3, "ICH": 1, "NACHT": 1},
    "ICH": {"HAUS": 5, "WANDERN": 3, "FREUEN": 1, "BLEIBEN": 1},
    "FREUND": {"WANDERN": 5, "HAUS": 2, "FREUEN": 2, "BLEIBEN": 1},
    "HAUS": {"BLEIBEN": 5, "FREUEN": 1, _END: 2},
    "BLEIBEN": {_END: 6, "WARM": 2, "HEUTE": 1},
    "WANDERN": {"BERG": 3, "FREUEN": 3, "HEUTE": 1, _END: 3},
    "FREUEN": {_END: 6, "SONNE": 1, "MORGEN": 1},
}

GLOSSES: tuple[str, ...] = tuple(sorted(_NEXT.keys() - {_START}))


def draw_sentences(seed: int, split: str, count: int, *, different: bool = False) -> list[tuple[str, ...]]:
    """`count` sentences of 3 to 7 different glosses that belong to `split`; fewer are a prefix of more.

    Each of the first training sentences must contain one particular gloss, so 22 of them cover the vocabulary. A
    repeated sentence is drawn once more, which makes repeats rare without making rare sentences frequent.

    Args:
        different: draw until there are no repeats, if possible: in a score, clips with the same reference count as one
            observation. Frequent sentences are then not more frequent than rare ones.
    """
    rng = random.Random(f"{seed} {split}")
    sentences: list[tuple[str, ...]] = []
    for number in range(count):
        asked = GLOSSES[number] if split == "train" and number < len(GLOSSES) else ""
        sentence = _draw_sentence(rng, split, asked)
        for _ in range(TRIES if different else 1):
            if sentence in sentences:
                sentence = _draw_sentence(rng, split, asked)
        sentences.append(sentence)
    return sentences


def home(sentence: tuple[str, ...]) -> str:
    """The only split in which `sentence` may occur: 7 of 10 sentences are in train, the others half dev, half test.

    It depends only on the words, so sentences of dev and test never occur in train, for any draws in any order.
    """
    share = int.from_bytes(hashlib.sha256(" ".join(sentence).encode()).digest()[:4], "big") % 20
    return "train" if share < 14 else "dev" if share < 17 else "test"


def _draw_sentence(rng: random.Random, split: str, asked: str) -> tuple[str, ...]:
    while True:
        sentence = _walk(rng)
        if (
            SHORTEST <= len(sentence) <= LONGEST
            and len(set(sentence)) == len(sentence)
            and (not asked or asked in sentence)
            and home(sentence) == split
        ):
            return sentence


def _walk(rng: random.Random) -> tuple[str, ...]:
    """One random walk through the grammar from start to end, cut if it becomes longer than a sentence may be."""
    walk: list[str] = []
    gloss = _choice(rng, _NEXT[_START])
    while gloss != _END and len(walk) <= LONGEST:
        walk.append(gloss)
        gloss = _choice(rng, _NEXT[gloss])
    return tuple(walk)


def _choice(rng: random.Random, weights: dict[str, int]) -> str:
    """One of the keys, drawn with probability proportional to its weight."""
    return rng.choices(list(weights), list(weights.values()))[0]
