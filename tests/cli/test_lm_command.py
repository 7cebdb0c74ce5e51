"""`sla lm estimate` and `sla lm score` as they are typed."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import clip_store
import pytest
from click.testing import Result
from clip_store import bytes_only
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.core.digest import digest_json

SHARED = Path(__file__).parents[2].parent / "shared"
CSL = SHARED / "golden/gloss-lm/csl-daily-train.txt"
needs_shared = pytest.mark.skipif(not CSL.is_file(), reason="shared material is missing")
TRAIN = [("A", "B", "C"), ("A", "B"), ("A", "B"), ("B", "loc-C"), ("C", "A", "B")]
DEV = [("A", "B"), ("A", "new", "C"), ("new",)]


def sla(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refuse(*arguments: object) -> str:
    result = sla(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return result.stderr


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dev.txt").write_text("".join(f"{' '.join(glosses)}\n" for glosses in DEV))
    path = tmp_path / "text.txt"
    path.write_text("".join(f"{' '.join(glosses)}\n" for glosses in TRAIN))
    return path


def make_store(path: Path, splits: dict[str, list[tuple[str, ...]]]) -> Path:
    clips = {
        split: [bytes_only(f"{split}{i}", glosses, 1) for i, glosses in enumerate(sentences)]
        for split, sentences in splits.items()
    }
    return clip_store.make_store(path, clips, corpus="toy")


def test_a_dev_split_without_glosses_is_not_measured(text: Path) -> None:
    store = make_store(Path("store"), {"train": TRAIN, "dev": [(), ()]})
    result = sla("lm", "estimate", store, "-o", "g.arpa", "--order", 2, "--fallback", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["dev"] is None
    assert "store has no dev split with glosses: the model is not measured" in result.stderr
    assert "no sentences in store dev" in refuse("lm", "estimate", store, "-o", "h.arpa", "--dev", store)


def test_what_was_interrupted_before_the_receipt_goes_on(text: Path) -> None:
    command = ("lm", "estimate", text, "-o", "g.arpa", "--order", 2, "--fallback")
    assert sla(*command).exit_code == 0
    made, receipt = Path("g.arpa"), Path("g.arpa.receipt.json")
    content = made.read_bytes()
    receipt.unlink()
    result = sla(*command)
    assert result.exit_code == 0, result.output
    assert made.read_bytes() == content
    assert receipt.is_file()


def test_a_model_of_other_content_without_a_receipt_is_kept(text: Path) -> None:
    Path("g.arpa").write_text(other := "\\data\\\nngram 1=0\n")
    assert "g.arpa exists" in refuse("lm", "estimate", text, "-o", "g.arpa", "--order", 2, "--fallback")
    assert Path("g.arpa").read_text() == other
    assert sla("lm", "estimate", text, "-o", "g.arpa", "--order", 2, "--fallback", "--force").exit_code == 0


def test_estimates_and_measures_on_dev(text: Path) -> None:
    result = sla("lm", "estimate", text, "-o", "g.arpa", "--order", 2, "--fallback", "--dev", "dev.txt", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert "so order 2 gives no discounts: fixed discounts (0.5, 1, 1.5) were used" in result.stderr
    assert facts["lm"] == "g.arpa"
    assert facts["fallbacks"] == [2]
    assert facts["discounts"][1] == [0.5, 1.0, 1.5]
    assert facts["ngrams"][0] == 7  # A B C loc-C <s> </s> <unk>
    assert facts["dev"]["oov_glosses"] == {"new": 2}
    assert facts["dev"]["oov_share"] == pytest.approx(2 / 6)
    assert facts["dev"]["perplexity"] > facts["dev"]["perplexity_without_oov"]
    receipt = json.loads(Path("g.arpa.receipt.json").read_text())
    assert receipt["results"]["fallbacks"] == [2]
    assert receipt["results"]["dev"]["perplexity"] == facts["dev"]["perplexity"]

    again = sla("lm", "estimate", text, "-o", "g.arpa", "--order", 2, "--fallback", "--dev", "dev.txt")
    assert "up to date" in again.stderr
    assert f"perplexity {facts['dev']['perplexity']:.2f} with unknown glosses" in again.stdout
    assert "2 of them unknown (33.33 %): new ×2" in again.stdout  # noqa: RUF001

    scored = sla("lm", "score", "g.arpa", "dev.txt", "-o", "scores.tsv", "--json")
    assert json.loads(scored.stdout)["perplexity"] == facts["dev"]["perplexity"]
    header, *rows = [row.split("\t") for row in Path("scores.tsv").read_text().splitlines()]
    assert header == ["id", "log10", "glosses", "oov", "sentence"]
    assert [(row[0], *row[2:]) for row in rows] == [
        ("1", "2", "0", "A B"),
        ("2", "3", "1", "A new C"),
        ("3", "1", "1", "new"),
    ]


@pytest.mark.parametrize("change", [{"discounts": []}, {"sentences": "many"}])
def test_a_forged_receipt_is_named(text: Path, change: dict[str, object]) -> None:
    order = ("-o", "g.arpa", "--order", 2, "--fallback")
    assert sla("lm", "estimate", text, *order).exit_code == 0
    file = Path("g.arpa.receipt.json")
    receipt = json.loads(file.read_text())
    receipt["results"] |= change
    receipt["checksum"] = digest_json({key: value for key, value in receipt.items() if key != "checksum"})
    file.write_text(json.dumps(receipt))
    assert "error: g.arpa.receipt.json: " in refuse("lm", "estimate", text, *order)


def test_one_sentence_is_named_in_the_singular(text: Path) -> None:
    Path("one.txt").write_text("A B C\n")
    assert "one.txt: 1 sentence, 1 of them different" in sla("lm", "estimate", "one.txt", "-o", "one.arpa").stderr


def test_unique_counts_sentences_once(text: Path) -> None:
    result = sla("lm", "estimate", text, "-o", "g.arpa", "--order", 2, "--fallback", "--unique", "--json")
    assert json.loads(result.stdout)["sentences"] == 4
    assert "5 sentences, 4 of them different" in result.stderr
    assert "unique was True, now False" in refuse("lm", "estimate", text, "-o", "g.arpa", "--order", 2, "--fallback")


def test_prune_unk_and_normalize(text: Path) -> None:
    options = ("lm", "estimate", text, "--order", 2, "--fallback", "--json", "-o")
    plain, pruned, cleaned, generous = (
        json.loads(sla(*options, *more).stdout)
        for more in (
            ("plain",),
            ("pruned", "--prune", "0 1"),
            ("clean", "--normalize", "phoenix2014"),
            ("generous", "--unk", "all"),
        )
    )
    assert pruned["ngrams"][0] == plain["ngrams"][0] == generous["ngrams"][0]
    assert pruned["ngrams"][1] < plain["ngrams"][1]
    assert json.loads(sla(*options, "plain", "--prune", "0,0").stdout)["ngrams"] == plain["ngrams"]  # the same model
    assert cleaned["ngrams"][0] == plain["ngrams"][0] - 1  # loc-C is C
    assert Path("generous").read_text() != Path("plain").read_text()
    assert "'phoenix2014'" in refuse(*options, "x", "--normalize", "phoenix2041")
    assert "--prune '0,x' is not a list of whole numbers" in refuse(*options, "x", "--prune", "0,x")
    assert "is not a list of whole numbers" in refuse(*options, "x", "--prune", "0,,2")
    assert "first is not 0" in refuse(*options, "x", "--prune", "1")


def test_a_store_gives_train_and_dev(text: Path) -> None:
    store = make_store(text.parent / "store", {"train": TRAIN, "dev": DEV})
    result = sla("lm", "estimate", store, "--order", 2, "--fallback", "--json")
    facts = json.loads(result.stdout)
    assert facts["lm"] == "sla-work/lm/gloss.arpa"
    assert (facts["sentences"], facts["dev"]["sentences"]) == (5, 3)
    assert "this model does not know" not in result.stderr
    assert json.loads(sla("lm", "score", "gloss.arpa", store, "--json").stdout)["oov"] == 2
    assert json.loads(sla("lm", "score", "gloss.arpa", store, "--split", "train", "--json").stdout)["oov"] == 0

    cleaned = sla("lm", "estimate", store, "--order", 2, "--fallback", "-o", "c", "--normalize", "phoenix2014")
    assert "this model does not know 1 of the store's 4 glosses," in cleaned.stderr

    make_store(text.parent / "sla-work" / "stores" / "mine", {"train": TRAIN, "dev": DEV})
    assert json.loads(sla("lm", "score", "gloss.arpa", "mine", "--json").stdout)["text"] == "sla-work/stores/mine dev"
    measured = sla("lm", "estimate", "store", "--dev", "mine", "-o", "d", "--order", 2, "--fallback", "--json").stdout
    assert json.loads(measured)["dev"]["sentences"] == 3

    assert "no split 'train'" in refuse("lm", "estimate", make_store(text.parent / "half", {"dev": DEV}))
    assert "no split 'test'" in refuse("lm", "score", "gloss.arpa", store, "--split", "test")
    assert "--split has no effect" in " ".join(refuse("lm", "score", "gloss.arpa", text, "--split", "dev").split())


def test_a_text_called_score(text: Path) -> None:
    text.rename("score")
    assert sla("lm", "estimate", "score", "--order", 2, "--fallback", "-o", "s.arpa").exit_code == 0
    assert "Missing argument" in refuse("lm", "score")


def test_help_shows_both() -> None:
    assert all(word in sla("lm", "--help").stdout for word in ("estimate", "score"))
    text = sla("lm", "estimate", "--help").stdout
    assert all(word in text for word in ("--order", "--unique", "--prune", "share|all", "lmplz"))
    assert "--split" in sla("lm", "score", "--help").stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no sentences in text.txt"),
        (b"\n \n", "no sentences in text.txt"),
        (b"A\n\0\0", "text.txt, line 2: '\\x00\\x00' holds a control character"),
        (b"A B\nGR\xdcN\n", "text.txt, line 2: not UTF-8"),
        (b"A\n<s> B </s>\n", "text.txt, line 2: <s> is a special symbol"),
        (b"A B\n", "no discounts can be computed for 1-grams"),
    ],
)
def test_text_that_makes_no_model(content: bytes, message: str, text: Path) -> None:
    text.write_bytes(content)
    error = refuse("lm", "estimate", "text.txt", "--order", 2)
    assert message in error
    assert "hint: " in error
    assert not Path("gloss.arpa").exists()


def test_pipes_are_refused_and_inputs_not_replaced(text: Path) -> None:
    sla("lm", "estimate", text, "--order", 2, "--fallback", "-o", "gloss.arpa")
    os.mkfifo("pipe")
    for arguments in (("lm", "estimate", "pipe"), ("lm", "score", "pipe", text), ("lm", "score", "gloss.arpa", "pipe")):
        assert "pipe is a pipe" in refuse(*arguments)
    for name in ("gloss.arpa", "text.txt"):
        assert "would replace an input" in refuse("lm", "score", "gloss.arpa", text, "-o", name)


def test_a_model_without_unk_forbids_what_it_lacks(text: Path) -> None:
    sla("lm", "estimate", text, "--order", 2, "--fallback", "-o", "gloss.arpa")
    lines = Path("gloss.arpa").read_text().replace("ngram 1=7", "ngram 1=6").splitlines()
    Path("forbids.arpa").write_text("".join(f"{line}\n" for line in lines if "<unk>" not in line))
    scored = sla("lm", "score", "forbids.arpa", "dev.txt").stdout
    assert re.search(r"perplexity \d\.\d\de\+\d\d with unknown glosses, \d+\.\d\d without", scored)


def test_a_model_that_is_none(text: Path) -> None:
    assert "neither ARPA nor KenLM binary" in refuse("lm", "score", text, text)
    assert "cannot read" in refuse("lm", "score", "missing.arpa", text)
    assert "cannot read missing.txt" in refuse("lm", "estimate", "missing.txt")


@needs_shared
def test_csl_daily_says_what_to_do_and_unique_does_it(text: Path) -> None:
    error = refuse("lm", "estimate", CSL, "--order", 4)
    assert "-1.96" in error
    assert "--unique" in error
    assert "--fallback" in error
    assert sla("lm", "estimate", CSL, "--order", 4, "--unique").exit_code == 0


@needs_shared
def test_without_an_order_the_highest_that_the_text_supports_is_taken(text: Path) -> None:
    lines = CSL.with_name("phoenix2014-train.txt").read_text(encoding="utf-8").splitlines()
    text.write_text("\n".join(lines[:50]), encoding="utf-8")
    made = sla("lm", "estimate", text, "-o", "small.arpa", "--json")
    facts = json.loads(made.stdout)
    assert (facts["order"], facts["fallbacks"], len(facts["ngrams"])) == (2, [], 2)
    printed = "no discounts can be computed for 3-grams: none occurs three times"
    assert facts["lowered"] == printed and f"a model of order 2: {printed}" in made.stderr
    receipt = json.loads(Path("small.arpa.receipt.json").read_text())
    assert (receipt["arguments"]["order"], receipt["results"]["lowered"]) == (2, facts["lowered"])
    again = sla("lm", "estimate", text, "-o", "small.arpa", "--json")
    assert "small.arpa is up to date" in again.stderr and json.loads(again.stdout) == facts

    error = refuse("lm", "estimate", text, "-o", "other.arpa", "--order", 3)
    assert printed in error and "so order 3 is not possible" in error
    assert "The text supports order 2, which is used without --order. For order 3 allow the fallback" in error
    assert "--unique" not in error, "no sentence is repeated"
    text.write_text("\n".join(lines[:40] + lines[:1]), encoding="utf-8")
    error = refuse("lm", "estimate", text, "-o", "other.arpa", "--order", 3)
    assert "For order 3 drop repeated sentences (--unique), or allow the fallback" in error
    assert not Path("other.arpa").exists()


def test_a_text_without_discounts_gets_a_bigram_with_fixed_ones(text: Path) -> None:
    made = sla("lm", "estimate", text, "-o", "g.arpa", "--json", "--prune", "0,0,1")
    facts = json.loads(made.stdout)
    assert (facts["order"], facts["fallbacks"]) == (2, [2])
    assert facts["lowered"] == "no discounts can be computed for 2-grams: none occurs twice"
    assert "a model of order 2, with fixed discounts (0.5, 1, 1.5): no discounts can be computed for" in made.stderr
    explicit = sla("lm", "estimate", text, "-o", "explicit.arpa", "--order", 2, "--fallback")
    assert explicit.exit_code == 0 and Path("g.arpa").read_bytes() == Path("explicit.arpa").read_bytes()
    error = refuse("lm", "estimate", text, "-o", "x.arpa", "--order", 3)
    assert "No order gives discounts: drop repeated sentences (--unique), or allow the fallback" in error
    assert "order 3" in sla("lm", "estimate", text, "-o", "three.arpa", "--fallback").stdout
    assert "thresholds 0,0,0,1 are too many for a model of order 3" in refuse(
        "lm", "estimate", text, "--prune", "0,0,0,1"
    )


def csl_daily_dev() -> str:
    """The rows of dev that the map, which is cut off, still holds."""
    split = dict(row.split("|") for row in (SHARED / "data/csl-daily/split_1.txt").read_text().splitlines())
    rows = (SHARED / "data/csl-daily/video_map.truncated.txt").read_bytes().decode(errors="ignore").splitlines()
    fields = [row.split("|") for row in rows]
    return "".join(f"{row[3]}\n" for row in fields if len(row) == 7 and split.get(row[1]) == "dev")


@needs_shared
def test_unique_lowers_perplexity_on_csl_daily_dev(text: Path) -> None:
    Path("csl.txt").write_text(csl_daily_dev())
    repeated, unique = (
        json.loads(sla("lm", "estimate", CSL, "--dev", "csl.txt", "--json", "-o", name, *more).stdout)["dev"][
            "perplexity"
        ]
        for name, more in (("repeated", ()), ("unique", ("--unique",)))
    )
    assert unique < repeated


def test_a_gzipped_srilm_file_is_scored(text: Path) -> None:
    sla("lm", "estimate", text, "--order", 2, "--fallback", "-o", "gloss.arpa")
    Path("srilm.gz").write_bytes(gzip.compress(b"made by ngram-count\n\n" + Path("gloss.arpa").read_bytes()))
    ours, theirs = (json.loads(sla("lm", "score", name, text, "--json").stdout) for name in ("gloss.arpa", "srilm.gz"))
    assert {**theirs, "lm": ""} == {**ours, "lm": ""}
