"""ARPA files as SRILM and similar tools write them, made from those of sla."""

from __future__ import annotations

import gzip
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sla_cli.lm.arpa import Arpa, as_kenlm_reads, write_arpa
from sla_cli.lm.estimate import estimate
from sla_cli.lm.kenlm_model import open_lm

SENTENCES = [["A", "B"], ["B", "ÜBER", "3"], ["3", "A", "B"], ["NULL"]]


@pytest.fixture(scope="module")
def arpa() -> Arpa:
    return estimate(SENTENCES, 3, fallback=True)


def srilm(arpa: Arpa, columns: str = "\t", words: str = " ", end: str = "\n") -> bytes:
    """A comment, n-grams in no order, `<s>` and zero as -99, and a back-off column only where it is not 0."""
    lines = ["gloss model, 3-gram, -kndiscount", "", "\\data\\"]
    lines += [f"ngram {n}={len(level)}" for n, level in enumerate(arpa.ngrams, start=1)]
    for n, level in enumerate(arpa.ngrams, start=1):
        lines += ["", f"\\{n}-grams:"]
        entries = list(level.items())
        random.Random(1).shuffle(entries)
        for gram, (log10, backoff) in entries:
            fields = [f"{-99 if gram == ('<s>',) else log10:.7g}", words.join(gram)]
            lines.append(columns.join(fields + [f"{backoff:.7g}"] * (backoff != 0)))
    return end.join([*lines, "", "\\end\\", ""]).encode()


STYLES: dict[str, Callable[[Arpa], bytes]] = {
    "srilm": srilm,
    "gzipped": lambda arpa: gzip.compress(srilm(arpa)),
    "blanks": lambda arpa: srilm(arpa, columns="  "),
    "tabs everywhere": lambda arpa: srilm(arpa, words="\t"),
    "windows": lambda arpa: srilm(arpa, end="\r\n"),
    "minus infinity": lambda arpa: srilm(arpa).replace(b"-99\t<s>", b"-inf\t<s>"),
}


@pytest.mark.parametrize("style", STYLES)
def test_scores_like_ours_and_leaves_nothing(
    style: str, arpa: Arpa, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    write_arpa(arpa, tmp_path / "ours.arpa")
    (tmp_path / "theirs").write_bytes(STYLES[style](arpa))
    descriptors = len(list(Path("/dev/fd").iterdir()))
    ours, theirs = open_lm(tmp_path / "ours.arpa"), open_lm(tmp_path / "theirs")
    assert theirs.order == 3
    for sentence in ("", "A B", "3 A ÜBER", "B new A B", "NULL NULL"):
        assert theirs.score(sentence) == pytest.approx(ours.score(sentence), abs=1e-4)
    assert {path.name for path in tmp_path.rglob("*")} == {"ours.arpa", "theirs", "temporary"}
    assert len(list(Path("/dev/fd").iterdir())) <= descriptors, "what an earlier test left may be closed meanwhile"
    assert capfd.readouterr() == ("", "")


def test_a_number_may_be_a_gloss_before_a_missing_backoff() -> None:
    text = b"\\data\\\nngram 1=1\nngram 2=1\n\n\\1-grams:\n-1 3 -0.5\n\n\\2-grams:\n-1 3 3\n\n\\end\\\n"
    assert as_kenlm_reads(text) == text.replace(b"-1 3 -0.5", b"-1\t3\t-0.5").replace(b"-1 3 3", b"-1\t3 3")


def test_lines_stay_where_they_are_and_a_clean_file_stays_as_it_is(arpa: Arpa, tmp_path: Path) -> None:
    write_arpa(arpa, tmp_path / "ours.arpa")
    data = (tmp_path / "ours.arpa").read_bytes()
    assert as_kenlm_reads(data) is data
    theirs = srilm(arpa, columns=" ")
    assert as_kenlm_reads(theirs).count(b"\n") == theirs.count(b"\n")
