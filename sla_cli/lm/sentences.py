"""The sentences from which a language model is estimated, or on which it is measured: a text, or a split of a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sla_cli.artifact.receipt import digest_file
from sla_cli.artifact.table import SEPARATORS, from_header, has_columns
from sla_cli.artifact.text import read_text, refuse_pipe
from sla_cli.core.endings import other_ending
from sla_cli.core.hypothesis import NO_GLOSS
from sla_cli.core.normalize import Profile
from sla_cli.errors import SlaError
from sla_cli.exchange.format import content_lines
from sla_cli.exchange.gloss_files import FORMATS
from sla_cli.lm.counts import refuse_reserved
from sla_cli.store.paths import names_store
from sla_cli.store.store import Store
from sla_cli.system.file_identity import unchanged
from sla_cli.work.hypotheses import MAGIC

TEXT = (".txt",)


@dataclass(frozen=True)
class Text:
    """Sentences.

    Attributes:
        name: name for messages: `text.txt`, `stores/phoenix2014 dev`.
        digest: of the file, or of the store's split.
        sentences: (id, glosses) of each; the id is that of a clip, or the line in a file. No sentence is empty.
    """

    name: str
    digest: str
    sentences: tuple[tuple[str, tuple[str, ...]], ...]


def read_source(source: Path, split: str, cleaning: Profile) -> Text:
    """The sentences of a text, or of a split of a store, cleaned as the scorer cleans a recogniser's hypotheses.

    Raises:
        SlaError: it cannot be read, the store has no such split, a reserved word, or no sentences are left.
    """
    refuse_pipe(source)
    if names_store(source):
        clips = Store(source)[split]
        name, digest = f"{source} {split}", clips.digest
        raw: Iterable[tuple[str, tuple[str, ...]]] = zip(clips.ids, clips.glosses, strict=True)
    else:
        check = unchanged(source)
        raw = [(str(line), glosses) for line, glosses in read_lines(source)]
        name, digest = str(source), digest_file(source)
        check(source)
    sentences = tuple(_cleaned(raw, cleaning))
    if not sentences:
        raise SlaError(f"no sentences in {name}", "Give a text with a sentence of glosses on each line, or a store.")
    for key, glosses in sentences:
        refuse_reserved(glosses, f"{name}, {key}")
    return Text(name, digest, sentences)


def has_sentences(store: Store, split: str, cleaning: Profile) -> bool:
    """Whether `read_source` finds sentences in a split of a store: it exists and has glosses."""
    return split in store.splits and any(_cleaned(zip(store[split].ids, store[split].glosses, strict=True), cleaning))


def _cleaned(
    sentences: Iterable[tuple[str, tuple[str, ...]]], cleaning: Profile
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The sentences of which something is left after cleaning."""
    cleaned = ((key, cleaning.hypothesis(glosses)) for key, glosses in sentences)
    return ((key, glosses) for key, glosses in cleaned if glosses not in ((), cleaning.empty))


def read_lines(path: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line (from 1) and glosses of each sentence of a UTF-8 text, one sentence per line, split at white space.

    Empty lines are skipped.

    Raises:
        SlaError: it cannot be read, is not UTF-8 text, has another format, or contains a reserved word; names the line.
    """
    text = read_text(path)
    if other_ending(path, TEXT) or _is_table(text) or _has_ids(text):
        hint = f"Give a store, or a text ({TEXT[0]}) with a sentence of glosses on each line and nothing else."
        raise SlaError(f"{path} is a table or another format, of which every word would be counted as a gloss", hint)
    for number, line in enumerate(text.split("\n"), start=1):
        glosses = tuple(line.split())
        refuse_reserved(glosses, f"{path}, line {number}")
        if bad := next(filter(NO_GLOSS.search, glosses), None):
            fault = f"{path}, line {number}: {bad[:40]!r} holds a control character, which no gloss can have"
            raise SlaError(fault, "Is this the text file?")
        if glosses:
            yield number, glosses


def _has_ids(text: str) -> bool:
    """Whether a text is a file of hypotheses or references, or of subtitles: most of its lines name a clip, or any has
    a tab or an arrow. A single sentence with numbers may look like a line of a CTM."""
    if text.startswith(MAGIC) or any(kind.begins(text) for kind in FORMATS) or "\t" in text or "-->" in text:
        return True
    lines = [line for _, line in content_lines(text)]
    most = max(sum(kind.parse(line) is not None for line in lines) for kind in FORMATS)
    return 2 * most > len(lines)


def _is_table(text: str) -> bool:
    """Whether a text begins with a header of several columns, one of them for glosses."""
    header = from_header(text)[1].split("\n", 1)[0]
    return any(separator in header for separator in SEPARATORS) and has_columns(text, ("gloss",))
