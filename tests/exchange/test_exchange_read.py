"""Reads the field's formats: their meaning, how they are recognised, and the place of errors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sla_cli.artifact.receipt import digest_file
from sla_cli.artifact.text import HDF5
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.errors import FormatError, SlaError
from sla_cli.exchange.gloss_files import read_gloss_file, write_export
from sla_cli.work.hypotheses import Header, write_hypotheses

SHARED = Path(__file__).parents[2].parent / "shared"


def read(folder: Path, name: str, text: str) -> dict[str, str]:
    path = folder / name
    path.write_bytes(text.encode("utf-8"))
    file = read_gloss_file(path)
    assert file.references == {hypothesis.id: hypothesis.glosses for hypothesis in file.best}
    return {hypothesis.id: " ".join(hypothesis.glosses) for hypothesis in file.best}


@pytest.mark.parametrize("name", ["a.ctm", "a.txt", "noending"])
def test_ctm(tmp_path: Path, name: str) -> None:
    text = ";; made by hand\nb 1 0.00 0.01 HEUTE\n\na 1 0.00 0.01 8 0.93\na\t1\t0.01\t0.01\tNULL\nb 1 0.01 0.01 REGEN\n"
    assert read(tmp_path, name, text) == {"b": "HEUTE REGEN", "a": "8 NULL"}
    assert read_gloss_file(tmp_path / name).omits_empty_clips


def test_ctm_is_ordered_by_time_as_a_number(tmp_path: Path) -> None:
    text = "a 1 10.0 0.1 DREI\na 1 9.0 0.1 EINS\na 1 9.0 0.1 ZWEI\n"
    assert read(tmp_path, "a.ctm", text) == {"a": "EINS ZWEI DREI"}


@pytest.mark.parametrize("name", ["a.stm", "a.txt"])
def test_stm(tmp_path: Path, name: str) -> None:
    text = (
        ";; comment\n"
        "a 1 signer05 0.0 1.79769e+308 __ON__ <unk> REGEN\n"
        "b 1 signer01 0.0 1.0\r\n"
        "c 1 signer01 0.0 1.0 <o,f0,male> MORGEN  SONNE\n"
    )
    assert read(tmp_path, name, text) == {"a": "__ON__ <unk> REGEN", "b": "", "c": "MORGEN SONNE"}
    assert not read_gloss_file(tmp_path / name).omits_empty_clips


@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_csv(tmp_path: Path, name: str) -> None:
    text = '\ufeffid,gloss\r\na,NULL nan NA\r\nb,\r\n"c,1","سوال  هو, ""X"""\r\n\r\nd,A'
    assert read(tmp_path, name, text) == {"a": "NULL nan NA", "b": "", "c,1": 'سوال هو, "X"', "d": "A"}


def test_csv_with_other_columns_in_another_order(tmp_path: Path) -> None:
    assert read(tmp_path, "a.csv", '"gloss","signer","id"\nA B,1,x\n') == {"x": "A B"}


def test_tables(tmp_path: Path) -> None:
    assert read(tmp_path, "ref.txt", "id|gloss\n02_1|A  B \n02_2|\n") == {"02_1": "A B", "02_2": ""}
    text = "id|folder|signer|annotation\nx|x/1/*.png|Signer04|ICH TEMPERATUR  SUED\n"
    assert read(tmp_path, "dev.corpus.csv", text) == {"x": "ICH TEMPERATUR SUED"}
    text = "name|video|orth|translation\nx|x/*.png|DRUCK TIEF|tiefer luftdruck, bald\n"
    assert read(tmp_path, "T.corpus.csv", text) == {"x": "DRUCK TIEF"}


def test_an_empty_cell_of_ids_is_like_a_missing_column(tmp_path: Path) -> None:
    text = "id,video,start,end,gloss\nx,b.mp4,,,C\n,sub/a.mp4,,,A B\n,c.mp4,1,2.5,D\n"
    without = "video,start,end,gloss\nb.mp4,,,C\nsub/a.mp4,,,A B\nc.mp4,1,2.5,D\n"
    _, *named = read(tmp_path, "a.csv", without).items()
    assert read(tmp_path, "b.csv", text) == {"x": "C", **dict(named)}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("first", ["", "sep=;\r\n"])
@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_tables_that_people_make_in_a_spreadsheet(tmp_path: Path, encoding: str, first: str, end: str) -> None:
    """What `sla prep folder` reads."""
    text = f'{first}Video;ID;Glosses;Person;;\r\nv/1.mp4;x;"GRÜN ""A;B""  NULL";Anna;;\r\nv/2.mp4;y;;;;\r\n;;;;;\r\n'
    (tmp_path / "a.csv").write_bytes(text.replace("\r\n", end).encode(encoding))
    file = read_gloss_file(tmp_path / "a.csv")
    assert file.references == {"x": ("GRÜN", '"A;B"', "NULL"), "y": ()}
    assert file.signers == {"x": "Anna"}


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        ('"A B"', '"C ""D"""', ("A B", 'C "D"')),  # as spreadsheets write it
        ('"A B', '"B"', ('"A B', '"B"')),  # as corpora write quotation marks
        ('"', '"', ('"', '"')),
    ],
)
@pytest.mark.parametrize("separator", ["|", "\t"])
def test_quotes_between_bars_and_tabs_are_those_of_cells_or_glosses(
    tmp_path: Path, separator: str, a: str, b: str, found: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """As in `sla prep folder`."""
    text = f"id{separator}gloss\na{separator}{a}\nb{separator}{b}\n"
    assert read(tmp_path, "ref.txt", text) == dict(zip("ab", found, strict=True))
    assert ("ref.txt: not all cells with a" in caplog.text) == (found[0][0] == '"')


def test_two_columns_of_glosses_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,gloss,orth\na,A,B\n", encoding="utf-8")
    with pytest.raises(FormatError, match=r"a\.csv, line 1: the columns gloss and orth mean the same"):
        read_gloss_file(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a.trn", "a.txt"])
def test_trn(tmp_path: Path, name: str) -> None:
    text = ";; comment\nHEUTE  (X) REGEN (a/1-0)\n(b)\n\n سوال هو\t(c)\r\n"
    assert read(tmp_path, name, text) == {"a/1-0": "HEUTE (X) REGEN", "b": "", "c": "سوال هو"}
    assert not read_gloss_file(tmp_path / name).omits_empty_clips


@pytest.mark.parametrize("name", ["a.txt", "a.tsv"])
def test_plain(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, name, "a 1\tNULL  8\nb\t\r\n\nc\t你 好 (x)\n") == {"a 1": "NULL 8", "b": "", "c": "你 好 (x)"}


def test_a_comment_of_a_plain_table_holds_no_tab(tmp_path: Path) -> None:
    """It may be a clip, whose errors would be missing."""
    assert read(tmp_path, "a.txt", "a\tA\n;; by hand\nb\tB\n") == {"a": "A", "b": "B"}
    with pytest.raises(FormatError, match=r"a\.txt, line 2: not a line of a table id<TAB>glosses: ';;b\\tB'"):
        read(tmp_path, "a.txt", "a\tA\n;;b\tB\n")


def test_tab_separated_table(tmp_path: Path) -> None:
    assert read(tmp_path, "a.tsv", "id\tgloss\na\tA B\nb\t\n") == {"a": "A B", "b": ""}


def test_signers_where_a_format_names_them(tmp_path: Path) -> None:
    def signers(name: str, text: str) -> dict[str, str]:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return read_gloss_file(tmp_path / name).signers

    assert signers("a.stm", "a 1 s5 0.0 1.0 A\nb 1 s1 0.0 1.0\n") == {"a": "s5", "b": "s1"}
    assert signers("b.stm", "a 1 José 0.0 1.0 A\nb 1 Jose\u0301 0.0 1.0\n") == {"a": "José", "b": "José"}
    assert signers("a.txt", "name|speaker|orth\na|Signer01|A\nb| |B\n") == {"a": "Signer01"}
    assert signers("a.csv", "id,gloss,signer\na,A,05\n") == {"a": "05"}
    assert signers("a.trn", "A (a)\n") == {}
    write_hypotheses(tmp_path / "own.tsv", [Hypothesis("a", ("A",))])
    assert read_gloss_file(tmp_path / "own.tsv").signers == {}


def test_alternatives_best_first(tmp_path: Path) -> None:
    (tmp_path / "a.trn").write_text("A (a)\n", encoding="utf-8")
    assert read_gloss_file(tmp_path / "a.trn").nbest == {"a": [Hypothesis("a", ("A",))]}
    nbest = {
        "a": [Hypothesis("a", ("MEIN", "NAME", "GLOSS", "B"), -1.0), Hypothesis("a", (), -2.5, rank=2)],
        "b": [Hypothesis("b", ("ü",))],
    }
    write_hypotheses(tmp_path / "own.tsv", [reading for readings in nbest.values() for reading in readings])
    assert read_gloss_file(tmp_path / "own.tsv").nbest == nbest
    write_export(tmp_path / "a.jsonl", "jsonl", list(nbest.values()))
    for name in ("a.jsonl", "a.txt"):
        (tmp_path / "a.txt").write_bytes((tmp_path / "a.jsonl").read_bytes())
        back = read_gloss_file(tmp_path / name).nbest
        assert {clip: [(r.glosses, r.score) for r in readings] for clip, readings in back.items()} == {
            clip: [(r.glosses, r.score) for r in readings] for clip, readings in nbest.items()
        }


@pytest.mark.parametrize("kind", ["ctm", "stm", "trn", "csv", "jsonl"])
def test_reads_back_what_is_exported(tmp_path: Path, kind: str) -> None:
    clips = [
        [Hypothesis("a/1", ("سوال", "<PAD>", "A,B"), -1.0, ((0, 4), (4, 9), (250, 260)), fps=25.0)],
        [Hypothesis("b", ("8",), 0.0, ((3, 4),), fps=25.0)],
    ]
    write_export(tmp_path / f"x.{kind}", kind, clips)
    assert read_gloss_file(tmp_path / f"x.{kind}").references == {"a/1": ("سوال", "<PAD>", "A,B"), "b": ("8",)}


def test_own_format_keeps_scores_and_spans(tmp_path: Path) -> None:
    written = [Hypothesis("a", ("A", "B"), -1.5, ((0, 4), (8, 12))), Hypothesis("b", ())]
    write_hypotheses(tmp_path / "hypotheses.tsv", written)
    assert read_gloss_file(tmp_path / "hypotheses.tsv").best == written
    assert not read_gloss_file(tmp_path / "hypotheses.tsv").omits_empty_clips


def test_own_format_keeps_what_all_hypotheses_share(tmp_path: Path) -> None:
    header = Header("signs", "dev", "none", "dev")
    write_hypotheses(tmp_path / "hypotheses.tsv", [Hypothesis("a", ("A",))], header)
    file = read_gloss_file(tmp_path / "hypotheses.tsv")
    assert (file.header, file.digest) == (header, digest_file(tmp_path / "hypotheses.tsv"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.ctm", "a 1 0.0 0.1 A\na 1 0.0 A\n", "a.ctm, line 2: not a line of a CTM"),
        ("a.ctm", "a 1 0.0 0.1 A\n\na 1 x 0.1 A\n", "a.ctm, line 3: not a line of a CTM"),
        ("a.ctm", "a 1 nan 0.1 A\n", "a.ctm, line 1: not a line of a CTM"),
        ("a.ctm", "a 1 0 0.1 A NA\na 1 0 0.1 A B\n", "a.ctm, line 2: not a line of a CTM"),
        ("a.ctm", "a 1 0 -1 A\n", "a.ctm, line 1: a start of 0 and a duration of -1"),
        ("a.ctm", "a 1 1_0 0.1 A\n", "a.ctm, line 1: not a line of a CTM"),
        ("a.ctm", "a 1 0.0 \u0661 A\n", "a.ctm, line 1: not a line of a CTM"),
        ("a.stm", "a 1 s 0.0 1_0 A\n", "a.stm, line 1: not a line of an STM"),
        ("a.ctm", "a 1 0.0 0.1 A 0.9 B\n", "a.ctm, line 1: not a line of a CTM"),
        (
            "a.ctm",
            "a 1 0.0 0.1 A\nb 1 0.0 0.1 A\na 2 0.1 0.1 B\n",
            "a.ctm, line 3: a is on channel 2, but earlier on 1",
        ),
        ("a.trn", "A (a)\nB\n", "a.trn, line 2: not a line of a TRN"),
        ("a.trn", "A (a b)\n", "a.trn, line 1: not a line of a TRN"),
        ("a.trn", "A (a)\nB (a)\n", "a.trn, line 2: a occurs twice, first on line 1"),
        ("a.trn", "A (a)\nA { B / C } D (b)\n", "a.trn, line 2: alternatives { A / B }"),
        ("a.txt", "a\tA\nb\tB\tC\n", "a.txt, line 2: not a line of a table id<TAB>glosses"),
        ("a.txt", "a\tA\nb B\n", "a.txt, line 2: not a line of a table id<TAB>glosses"),
        ("a.txt", "a\tA\na\tB\n", "a.txt, line 2: a occurs twice, first on line 1"),
        (
            "a.jsonl",
            '{"id": "a", "glosses": ["A"]}\n{"id": "b"}\n',
            "a.jsonl, line 2: glosses are not a list",
        ),
        ("a.jsonl", '{"id": "a", "glosses": ["A"]\n', "line 1: not JSON .*\nIn JSON lines each line is an object"),
        ("a.jsonl", '{"id": 3, "glosses": ["A"]}\n', "a.jsonl, line 1: not an object whose id is a text"),
        ("a.jsonl", '{"id": "a", "nbest": 3}\n', "a.jsonl, line 1: nbest is not a list"),
        ("a.jsonl", '{"id": "a", "nbest": ["A"]}\n', "a.jsonl, line 1: glosses are not a list"),
        (
            "a.jsonl",
            '{"id": "a", "glosses": ["B"], "nbest": [{"glosses": ["A"]}, {"glosses": ["B"]}]}\n',
            "a.jsonl, line 1: glosses are not those of the first of nbest",
        ),
        ("a.jsonl", '{"id": "a", "glosses": [], "score": "x"}\n', "line 1: the score 'x' is not a number"),
        ("a.jsonl", '{"id": "a", "glosses": [], "score": NaN}\n', "line 1: the score nan is not a number"),
        ("a.jsonl", '{"id": "a", "glosses": ["A"]}\n[1]\n', "a.jsonl, line 2: not an object"),
        ("a.jsonl", '{"id": "a", "glosses": "A B"}\n', "a.jsonl, line 1: glosses are not a list"),
        ("a.jsonl", '{"id": "a", "glosses": ["A B"]}\n', "a.jsonl, line 1: glosses are not a list"),
        ("a.stm", "a 1 s 0.0 1.0 A\nb 1 0.0 1.0 A B\n", "a.stm, line 2: not a line of an STM"),
        ("a.stm", "a 1 s 0.0 1.0 A\nb 1 s 0 1 <O> A { B / C } D\n", "a.stm, line 2: alternatives { A / B }"),
        ("a.stm", "a 1 s 0.0 1.0 A\nb 1 s 0 1 {B / C} D\n", "a.stm, line 2: alternatives { A / B }"),
        ("a.stm", "a 1 s 0.0 1.0 A\nb 1 s 0 1 A (B)\n", "a.stm, line 2: a word in parentheses"),
        ("a.stm", "a 1 s 0 1 IGNORE_TIME_SEGMENT_IN_SCORING\n", "a.stm, line 1: a segment that sclite leaves out"),
        ("a.stm", "a 1 s 0 1 <O> ignore_time_segment_in_scoring\n", "a.stm, line 1: a segment that sclite leaves"),
        ("a.stm", "a 1 s 0.0 1.0 A\n;;\na 1 s 1.0 2.0 B\n", "a.stm, line 3: a occurs twice, first on line 1"),
        ("a.csv", "id,gloss\na,B\nc\n", "a.csv, line 3: 1 cell, but the header has 2"),
        ("a.csv", "id,gloss\na,B\nc,D,E\n", "a.csv, line 3: 3 cells, but the header has 2"),
        ("a.csv", 'id,gloss\na,"B\n', "a.csv, line 2: unexpected end of data"),
        ("a.csv", "id,gloss\na,B\nb,C\na,D\n", "a.csv, line 4: a occurs twice, first on line 2"),
        ("a.csv", "id,gloss\n,B\n", "a.csv, line 2: clip id '' is empty"),
        ("a.csv", "clip,words\na,B\n", "a.csv, line 1: no columns id and gloss"),
        ("a.txt", "id|gloss\na|B\na|C\n", "a.txt, line 3: a occurs twice, first on line 2"),
        ("a.txt", "id|gloss\na|B|C\n", "a.txt, line 2: 3 cells, but the header has 2"),
        ("a.txt", "hello world\n", "a.txt, line 1: no format that sla knows: 'hello world'"),
        ("a.txt", ";; made by hand\n\nhello world\n", "a.txt, line 3: no format that sla knows: 'hello world'"),
        ("a.ctm", "\n;; nothing\n", "a.ctm holds no hypotheses"),
        ("a.csv", "", "a.csv holds no hypotheses"),
        ("a.tsv", "# sla-hypotheses 9\n", "version 9, this sla reads version"),
    ],
)
def test_bad_files_name_their_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=message):
        read_gloss_file(tmp_path / name)


def test_not_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,gloss\na,\xff\n")
    with pytest.raises(FormatError, match="line 2: not UTF-8"):
        read_gloss_file(tmp_path / "a.csv")
    (tmp_path / "a.h5").write_bytes(HDF5)
    with pytest.raises(FormatError, match=r"a\.h5 is an HDF5 file\n`sla decode EMISSIONS`"):
        read_gloss_file(tmp_path / "a.h5")
    with pytest.raises(SlaError, match=r"cannot read .*: it is a folder") as caught:
        read_gloss_file(tmp_path)
    assert "CTM" in caught.value.hint
    with pytest.raises(SlaError, match=r"cannot read .*none\.ctm: no such file"):
        read_gloss_file(tmp_path / "none.ctm")


def test_a_pipe_is_refused_since_it_cannot_be_read_twice(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SlaError, match="pipe is a pipe"):
        read_gloss_file(tmp_path / "pipe")


def test_both_releases_of_the_2014t_references_agree() -> None:
    folder = SHARED / "data" / "phoenix2014t"
    if not folder.is_dir():
        pytest.skip("shared/data/phoenix2014t is not here")
    references = read_gloss_file(folder / "PHOENIX-2014-T.dev.corpus.csv").references
    assert len(references) == 519
    assert references == read_gloss_file(folder / "phoenix2014-T-groundtruth-dev.stm").references
