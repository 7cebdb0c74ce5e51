"""Gloss language models with KenLM: ARPA (plain or gzip) or KenLM binary. The only file that imports kenlm."""

from __future__ import annotations

import gzip
import os
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

import kenlm
from kenlm import Model
from kenlm import State as State  # for fusion.py, so that only this file imports kenlm

from sla_cli.artifact.receipt import read_receipt, unchanged_digest
from sla_cli.artifact.text import refuse_pipe
from sla_cli.core.counted import counted
from sla_cli.core.hypothesis import NO_GLOSS
from sla_cli.errors import FormatError, SlaError, cannot_read, some
from sla_cli.lm.arpa import AGAIN, DATA, as_kenlm_reads, check_arpa, check_values, repeated_ngram
from sla_cli.log import log, silent_stderr
from sla_cli.system.regular_file import open_regular
from sla_cli.work.describe import Description

RESERVED = ("<s>", "</s>", "<unk>", "<UNK>")  # words with a special meaning in a language model
MAX_ORDER = 6  # the limit with which the kenlm package is compiled
HEAD = 1 << 16  # the header of an ARPA file must begin within these bytes
NGRAM = re.compile(rb"^ngram\s+(\d{1,18})\s*=\s*(\d{1,18})\s*$", re.MULTILINE)
MOST_BYTES = 256 << 20  # of an ARPA file in memory; a gloss trigram of a corpus has 10 MB
MOST_LINES = 5_000_000  # of it, of which each is an object: together they take 1 GB; such a trigram has 300,000
PACKING = 1032  # times that gzip makes a file smaller, at most
SHORTEST = len(b"0\tA\n")  # line of an n-gram
HINT_LARGE = "Make a KenLM binary of it with build_binary."
HINT_BINARY = "Copy it again, or make it again with a new build_binary of KenLM."
BINARY = b"mmap lm http://kheafield.com/code"
HINT = "Make a gloss language model with `sla lm estimate`, or with KenLM's lmplz (ARPA, also .gz) or build_binary."


def open_lm(path: Path) -> Model:
    """Load a language model without printing anything.

    ARPA files may be gzipped, and may have the form that SRILM and similar tools write: text before the header, spaces
    for tabs, no back-off column, -99, n-grams in any order.

    Raises:
        SlaError: the file cannot be read.
        FormatError: it is neither ARPA nor KenLM binary, is damaged, is not as its receipt says, or has an order that
            KenLM does not support.
    """
    with _opened(path) as (stream, packed):
        unchanged_digest(path)
        head = stream.read(HEAD)
        if head.startswith(BINARY):
            if packed:
                raise FormatError(f"{path}: a gzipped KenLM binary, which KenLM cannot read", "Unpack it with gunzip.")
            return _load(path, path, None)
        _check_head(path, head)
        data = head + stream.read(MOST_BYTES)
        if len(data) > MOST_BYTES:
            raise FormatError(f"{path} has more than {MOST_BYTES >> 20} MiB when it is unpacked", HINT_LARGE)
        if data.count(b"\n") > MOST_LINES:
            raise FormatError(f"{path} has more than {MOST_LINES:,} lines when it is unpacked", HINT_LARGE)
    check_arpa(data, str(path))
    clean = as_kenlm_reads(data)
    check_values(clean, str(path))
    if clean is data and not packed:
        return _load(path, path, data)
    with tempfile.TemporaryFile() as unnamed:  # the file has no name, so nothing is left behind in any case
        unnamed.write(clean)
        unnamed.seek(0)
        return _load(Path(f"/dev/fd/{unnamed.fileno()}"), path, clean)


def describe_lm(path: Path) -> Description | None:
    """A few figures of an ARPA file (plain or gzip) or a KenLM binary, None for anything else.

    Raises:
        SlaError: the file cannot be read.
        FormatError: a gzip file or a KenLM binary that is damaged, or a header of no n-grams, or of more than the file
            holds; or a file that is not as its receipt says.
    """
    if not path.is_file():
        return None
    with _opened(path) as (stream, packed):
        head = stream.read(HEAD)
    size = {"bytes": path.stat().st_size}
    if head.startswith(BINARY):
        facts = {"form": "KenLM binary", "order": open_lm(path).order, **size}
        return Description(path, "language model", "", None, facts)
    if not _is_arpa(head):
        return None
    counts = {int(order): int(count) for order, count in NGRAM.findall(head.replace(b"\r", b""))}
    if not counts:
        raise FormatError(f"{path}: its header states no number of n-grams", AGAIN)
    _check_counts(path, sum(counts.values()), path.stat().st_size * (PACKING if packed else 1))
    unchanged_digest(path)
    facts = {"form": "ARPA", "order": max(counts), "ngrams": {f"{n}": count for n, count in counts.items()}}
    receipt = read_receipt(path)
    return Description(path, "language model", "", True if receipt else None, {**facts, **size}, receipt)


def _check_counts(path: Path, ngrams: int, size: int) -> None:
    """Refuse a header of more n-grams than a file of `size` bytes, unpacked, can hold."""
    if ngrams * SHORTEST > size:
        raise FormatError(f"{path}: its header promises {ngrams:,} n-grams, which the file does not hold", AGAIN)


def out_of_vocabulary(model: Model, glosses: Iterable[str]) -> list[str]:
    """The glosses that `model` does not know: it scores them as <unk>, or forbids them if it has no <unk>."""
    return [gloss for gloss in glosses if gloss in RESERVED or gloss not in model]


def refuse_non_glosses(glosses: Iterable[str]) -> None:
    """Raise SlaError for what is no gloss: empty, or with a character that a gloss cannot hold."""
    if bad := [repr(gloss[:40]) for gloss in glosses if NO_GLOSS.search(gloss)]:
        hint = "Join the parts, for example with '-', because files and language models split glosses at white space."
        raise SlaError(f"glosses that are empty, or hold white space or control characters: {some(bad)}", hint)


def check_oov(lm: Path, glosses: tuple[str, ...], most: float) -> None:
    """Warn of glosses that a language model lacks. Raises SlaError if they are more than `most` percent."""
    unknown = out_of_vocabulary(open_lm(lm), glosses)
    if not unknown:
        return
    share = 100 * len(unknown) / len(glosses)
    message = f"{lm} does not know {len(unknown)} of {counted(len(glosses), 'gloss')} ({share:.1f} %): {some(unknown)}"
    if share > most:
        accepted = f"`sla decode` and `sla tune` accept it with --max-oov {min(100, int(share) + 1)}"
        hint = f"Does the model belong to another corpus? {accepted}."
        raise SlaError(message, hint)
    log.warning("%s", message)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BufferedIOBase, bool]]:
    """The file's content unpacked, and whether it is gzipped."""
    refuse_pipe(path)
    try:
        with open_regular(path) as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as stream:
            yield stream, packed
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FormatError(f"{path}: damaged gzip file: {error}", "Download or copy it again.") from error
    except OSError as error:
        raise cannot_read(f"the language model {path}", error) from error


def _is_arpa(head: bytes) -> bool:
    return any(line.strip() == DATA for line in head.split(b"\n"))


def _check_head(path: Path, head: bytes) -> None:
    """Refuse what is not a language model: KenLM's own messages for it quote whole files."""
    if not _is_arpa(head):
        lines = head.split(b"\n")
        number = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith(b"#")), 0)
        start = f"'{lines[number][:40].decode(errors='backslashreplace')}'" if head else "nothing, it is empty"
        raise FormatError(f"{path}, line {number + 1}: neither ARPA nor KenLM binary; it starts with {start}", HINT)
    orders = [int(order) for order in re.findall(rb"^ngram\s+(\d{1,18})\s*=", head, re.MULTILINE)]
    if orders and max(orders) < 2:
        raise FormatError(f"{path}: a unigram model, but KenLM supports no order below 2", "Estimate a bigram.")
    if orders and max(orders) > MAX_ORDER:
        raise FormatError(
            f"{path}: order {max(orders)}, but this KenLM supports no order above {MAX_ORDER}",
            "Estimate a lower order: orders above 4 do not help on gloss corpora.",
        )


def _load(readable: Path, path: Path, text: bytes | None) -> Model:
    """Let KenLM read a file with the content `text`, None for a binary; errors name `path`.

    Of a binary, KenLM compares versions, sizes and the place of the vocabulary, but not its tables.
    """
    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    try:
        with silent_stderr():  # a missing <unk> is reported although the configuration disables it
            return Model(os.fsencode(readable), config)
    except (OSError, UnicodeDecodeError) as error:  # a message that quotes part of a character cannot be decoded
        message = error.object.decode(errors="replace") if isinstance(error, UnicodeDecodeError) else str(error)
        if text is not None and (twice := repeated_ngram(text)):  # KenLM then misses what comes last
            raise FormatError(f"{path}, {twice}", AGAIN) from error
        raise FormatError(f"{path}{_reason(text, message)}", HINT if text is not None else HINT_BINARY) from error


def _reason(data: bytes | None, text: str) -> str:
    """KenLM's error message without C++ names, with the line of the ARPA text `data`; None for a binary."""
    text = re.sub(r"^Cannot read model .*? \(", "", text).removesuffix(")")
    text = re.sub(r"^.* threw \w+(?: because `.*?')?\.\s*", "", text)
    if data is None:
        return f" is no whole KenLM binary of this version: {re.split(r'[.] |  |, line', text)[0].rstrip('.')}"
    place = re.search(r"\s*(?:Error )?(in the \d-gram at byte \d+)?\s*Byte: (\d+)$", text)
    if not place:
        return f": {text}"
    before = data[: int(place[2])]
    line_is_read = place[1] is None and before.endswith(b"\n")  # else the position is before the fault
    line = before.count(b"\n") + (not line_is_read)
    fault = re.split(r"[.] ", text[: place.start()])[0]  # advice for programmers of KenLM may follow
    return f", line {line}: {fault}"
