"""Writes ARPA files, and converts those of other tools (SRILM, CMU, IRSTLM) to the form that KenLM reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sla_cli.artifact.text import decode_text
from sla_cli.errors import FormatError
from sla_cli.system.atomic import Check, atomic_write
from sla_cli.system.regular_file import open_regular

DATA = b"\\data\\"
SECTION = re.compile(rb"\\(\d{1,3})-grams:")  # KenLM warns of other values
BLANKS = re.compile(rb"[\t\r ]+")
# Log10: tools write -99 for zero. A back-off weight that makes probabilities sum to 1 is rarely above 0; with a greater
# one than this (choice), words that a context lacks would have a thousand times their share without it.
LEAST, MOST_BACKOFF = -100.0, 3.0
NUMBERS = ("log-probability", "back-off weight")
USUAL = re.compile(rb"-\d{1,2}(?:\.\d+)?\t[^\t]*(?:\t(?:-\d{1,2}|[0-2])(?:\.\d+)?)?\r?")  # within them: quick to tell
AGAIN = "Download or estimate the language model again."
ZERO = {b"-inf": b"-99", b"-Inf": b"-99", b"-infinity": b"-99"}

Gram = tuple[str, ...]
Discounts = tuple[float, float, float]  # subtracted from the counts of n-grams seen once, twice, more often


@dataclass(frozen=True)
class Arpa:
    """A back-off model.

    Attributes:
        ngrams: for order 1, 2, ... the n-grams with (log10 probability, log10 back-off weight).
        discounts: for each order, the discounts of n-grams seen once, twice and more often.
        fallbacks: the orders whose discounts were replaced by (0.5, 1, 1.5), if any.
    """

    ngrams: tuple[dict[Gram, tuple[float, float]], ...]
    discounts: tuple[Discounts, ...] = ()
    fallbacks: tuple[int, ...] = ()


def write_arpa(arpa: Arpa, path: Path, *, check: Check | None = None) -> None:
    """Write the ARPA file that KenLM and pyctcdecode read; `check` and errors are those of `atomic_write`."""
    with atomic_write(path, check=check) as temporary, temporary.open("wb") as file:
        file.writelines(_lines(arpa))


def holds(path: Path, arpa: Arpa) -> bool:
    """Whether a file equals the output of `write_arpa` for this model, byte for byte."""
    if not path.is_file():
        return False
    with open_regular(path) as file:
        return all(file.read(len(line)) == line for line in _lines(arpa)) and not file.read(1)


def is_arpa(path: Path) -> bool:
    """Whether a file begins like the output of `write_arpa`."""
    with open_regular(path) as file:
        return file.read(len(DATA) + 1) == DATA + b"\n"


def _lines(arpa: Arpa) -> Iterator[bytes]:
    yield DATA + b"\n"
    for n, level in enumerate(arpa.ngrams, start=1):
        yield f"ngram {n}={len(level)}\n".encode()
    for n, level in enumerate(arpa.ngrams, start=1):
        yield f"\n\\{n}-grams:\n".encode()
        highest = n == len(arpa.ngrams)
        for gram, (probability, backoff) in level.items():
            weight = "" if highest else f"\t{backoff:.8g}"
            yield f"{probability:.8g}\t{' '.join(gram)}{weight}\n".encode()
    yield b"\n\\end\\\n"


def check_arpa(data: bytes, name: str) -> None:
    """Refuse what crashes KenLM: a negative count, and invalid UTF-8, which its messages cannot quote.

    Args:
        data: the whole file, unpacked.
        name: the file's name in messages.

    Raises:
        FormatError: a byte that is not UTF-8, or a number of n-grams that is not a number or exceeds the lines of the
            file.
    """
    decode_text(data, name)
    lines = data.count(b"\n") + 1
    for number, line in enumerate(data.split(b"\n\\1-grams:", 1)[0].split(b"\n"), start=1):
        count = line.strip().partition(b"=")[2].strip()
        if line.lstrip().startswith(b"ngram ") and count and not (count.isdigit() and int(count[:20]) <= lines):
            shown = line.strip()[:40].decode(errors="replace")
            raise FormatError(
                f"{name}, line {number}: {shown!r} is not a number of n-grams that a file of {lines} lines can hold",
                AGAIN,
            )


def check_values(data: bytes, name: str) -> None:
    """Refuse numbers that no model has, of which KenLM would make probabilities above 1, or of zero.

    Args:
        data: the whole file in the form of `as_kenlm_reads`.
        name: the file's name in messages.

    Raises:
        FormatError: a log-probability outside of `LEAST` to 0, or a back-off weight outside of `LEAST` to
            `MOST_BACKOFF`. What is not a number is left for KenLM to report.
    """
    section = None
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.startswith(b"\\"):
            section = SECTION.fullmatch(line.strip())
        elif section and not USUAL.fullmatch(line):
            fields = line.strip().split(b"\t")
            for what, field, most in zip(NUMBERS, fields[::2], (0.0, MOST_BACKOFF), strict=False):
                if _is_outside(field, most):
                    shown = field[:40].decode(errors="replace")
                    raise FormatError(f"{name}, line {number}: {shown} is no {what} that a model can have", AGAIN)


def repeated_ngram(data: bytes) -> str:
    """Where an n-gram is listed a second time, as in `line 7: A B is listed twice`; "" if none is.

    Args:
        data: as for `check_values`.
    """
    seen: set[bytes] | None = None
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.startswith(b"\\"):
            seen = set() if SECTION.fullmatch(line.strip()) else None
        elif seen is not None and b"\t" in line:
            words = line.strip().split(b"\t")[1]
            if words in seen:
                return f"line {number}: {words[:40].decode(errors='replace')} is listed twice"
            seen.add(words)
    return ""


def _is_outside(field: bytes, most: float) -> bool:
    try:
        return not LEAST <= float(field) <= most
    except ValueError:
        return False


def as_kenlm_reads(data: bytes) -> bytes:
    """An ARPA text with the same lines in a form that KenLM accepts; returned unchanged if it already has that form.

    Lines before `\\data\\` become comments, columns are separated by a tab and words by one space, and -inf becomes
    -99, which means a probability of zero. Other faults are left for KenLM to report.
    """
    lines = data.split(b"\n")
    begin = next((i for i, line in enumerate(lines) if line.strip() == DATA), 0)
    clean = [line if not line.strip() or line.startswith(b"#") else b"# " + line for line in lines[:begin]]
    order, plain = 0, _plain_ngram(0)
    for line in lines[begin:]:
        if order and plain.fullmatch(line):
            clean.append(line)
        elif section := SECTION.fullmatch(line.strip()):
            order = int(section[1])
            plain = _plain_ngram(order)
            clean.append(line.strip())
        else:
            clean.append(_columns(line, order) if order else line.strip())
    joined = b"\n".join(clean)
    return data if joined == data.replace(b"\r\n", b"\n") else joined


def _plain_ngram(order: int) -> re.Pattern[bytes]:
    """Probability, tab, words separated by one space, and possibly a tab and the back-off weight."""
    return re.compile(rb"-?[\d.]+(?:[eE][-+]?\d+)?\t[^\t\r ]+(?: [^\t\r ]+){%d}(?:\t[^\t\r ]+)?" % max(order - 1, 0))


def _columns(line: bytes, order: int) -> bytes:
    fields = [field for field in BLANKS.split(line) if field]
    if len(fields) not in (order + 1, order + 2):
        return line.strip()
    probability, *words = fields
    words, weight = words[:order], words[order:]
    return b"\t".join([ZERO.get(probability, probability), b" ".join(words), *(ZERO.get(w, w) for w in weight)])
