"""`sla tune` on an emissions file, and how `sla decode` uses the choice."""

from __future__ import annotations

import json
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

import pytest
from click.testing import Result
from decode_work import GLOSSES, write_store
from typer.testing import CliRunner

from sla_cli.artifact.receipt import Receipt, read_receipt, write_receipt
from sla_cli.cli.main import app
from sla_cli.work.emissions import EmissionHeader, Emissions, write_emissions
from sla_cli.work.hypotheses import read_hypotheses


class NoTorch(MetaPathFinder):
    """Refuses torch. `sys.modules["torch"] = None` would do so too, but scipy looks there for torch's types."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == "torch":
            raise ImportError("tuning needs no torch")


@pytest.fixture(autouse=True)
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoTorch(), *sys.meta_path])


def sla(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def refuse(*arguments: str) -> str:
    result = sla(*arguments)
    assert result.exit_code == 2, result.output
    return " ".join(result.output.split())


def test_tuning_and_what_it_changes(folder: Path) -> None:
    write_store(folder)
    grid = ("--alphas", "0,0.5,1", "--betas=-1,0,1", "--beams", "1,4", "-j", "2")
    result = sla("tune", "dev.h5", "--lm", "gloss.arpa", *grid)
    assert result.exit_code == 0, result.output
    assert "WER %, beam 4" in result.output and result.output.count("(* is chosen)") == 1
    (tuned,) = Path("tuning").iterdir()
    choice = json.loads((tuned / "tuned.json").read_text())
    assert f"tuned on dev: alpha {choice['alpha']:g}, beta {choice['beta']:g}" in " ".join(result.output.split())
    for split in ("dev", "test"):
        answer = json.loads(sla("decode", f"{split}.h5", "--lm", "gloss.arpa", "--json", "-q").stdout)
        made = json.loads(Path(answer["hypotheses"] + ".receipt.json").read_text())["arguments"]
        assert [made[key] for key in ("alpha", "beta", "beam")] == [choice[key] for key in ("alpha", "beta", "beam")]
    answer = json.loads(sla("decode", "test.h5", "--lm", "gloss.arpa", "--alpha", "0.3", "--json", "-q").stdout)
    made = json.loads(Path(answer["hypotheses"] + ".receipt.json").read_text())["arguments"]
    assert (made["alpha"], made["beta"]) == (0.3, 1.5)


def test_the_gain_is_printed_with_its_interval_and_follows_from_the_kept_errors(folder: Path) -> None:
    write_store(folder)
    grid = ("--alphas", "0.5,1", "--betas", "0,1")
    printed = " ".join(sla("tune", "dev.h5", "--lm", "gloss.arpa", *grid, "--force").output.split())
    again = sla("tune", "dev.h5", "--lm", "gloss.arpa", *grid, "--json")
    assert again.exit_code == 0, again.output
    facts = json.loads(again.stdout)
    ends = facts["interval"]
    assert (
        f"without a language model {facts['wer_without']:.2f} %, difference {facts['difference']:+.2f} points"
        in printed
    )
    assert f"95 % interval {ends['low']:.2f} to {ends['high']:.2f} (rough: only 4 sentences)" in printed
    header, *rows = [row.split("\t") for row in (Path(facts["tuned"]) / "clips.tsv").read_text().splitlines()]
    assert header[:3] == ["id", "reference", "ref_words"]
    assert header[3:] == [f"beam 10 alpha {a} beta {b}" for a, b in ((0.5, 0), (0.5, 1), (1, 0), (1, 1), (0, 0))]
    assert [row[0] for row in rows] == [f"dev-{i}" for i in range(4)]
    assert [len(row[1].split()) for row in rows] == [int(row[2]) for row in rows]
    errors = {name: sum(int(row[column]) for row in rows) for column, name in enumerate(header) if column > 2}
    chosen = f"beam 10 alpha {facts['alpha']:g} beta {facts['beta']:g}"
    assert errors[chosen] == facts["errors"] and chosen != header[-1]
    words = sum(int(row[2]) for row in rows)
    assert facts["wer_without"] == pytest.approx(100 * errors[header[-1]] / words)
    assert facts["lowest_wer"] == pytest.approx(100 * min(errors[name] for name in header[3:-1]) / words)
    table = (Path(facts["tuned"]) / "tune.tsv").read_text().splitlines()
    assert [int(row.split("\t")[4]) for row in table[1:]] == list(errors.values())


def test_of_a_grid_that_is_too_wide_no_table_is_shown(folder: Path) -> None:
    write_store(folder)
    betas = ",".join(f"{beta / 100}" for beta in range(41))
    printed = sla("tune", "dev.h5", "--lm", "gloss.arpa", "--alphas", "0.5", "--betas", betas, "--beams", "1").stdout
    first, _, chosen, *_ = printed.splitlines()
    assert first == "The tables of WERs are too wide to be shown: tune.tsv, beside tune.png, has all."
    assert chosen.startswith("tuned on dev: alpha 0.5, beta ")


def test_no_language_model_is_said_to_gain_nothing(folder: Path) -> None:
    write_store(folder)
    output = sla("tune", "dev.h5", "--lm", "gloss.arpa", "--alphas", "0", "--betas", "0").output
    assert "the choice is no language model: no gain is shown" in output
    facts = json.loads(sla("tune", "dev.h5", "--lm", "gloss.arpa", "--alphas", "0", "--betas", "0", "--json").stdout)
    assert (facts["difference"], facts["interval"]) == (0, None)


def test_a_language_model_without_gain_is_left_out_and_that_is_said(folder: Path) -> None:
    write_store(folder)
    grid = ("--alphas", "0", "--betas", "0", "--beams", "1,4")
    assert sla("tune", "dev.h5", "--lm", "gloss.arpa", *grid).exit_code == 0
    printed = "the language model was left out: tuning on dev found no gain"
    for split in ("dev", "test"):
        plain = json.loads(sla("decode", f"{split}.h5", "--beam", "1", "--json").stdout)["hypotheses"]
        answer = sla("decode", f"{split}.h5", "--lm", "gloss.arpa")
        assert f"{printed} (gloss.arpa)" in " ".join(answer.stderr.split()) and printed in answer.stdout
        assert "tuned on" not in answer.stdout and "tuned on" not in answer.stderr.replace("as tuned on", "")
        facts = json.loads(sla("decode", f"{split}.h5", "--lm", "gloss.arpa", "--json").stdout)
        assert (facts["no_gain_on"], facts["tuned_on"]) == ("dev", "")
        made = json.loads(Path(facts["hypotheses"] + ".receipt.json").read_text())
        assert made["arguments"]["beam"] == 1 and "lm" not in made["inputs"]
        assert made["arguments"]["no_gain_on"] == "dev" and "tuned_on" not in made["arguments"]
        assert read_hypotheses(Path(facts["hypotheses"])) == read_hypotheses(Path(plain))
        score = sla("score", facts["hypotheses"])
        assert printed in score.stdout and "optimistic" not in score.stdout
        assert json.loads(sla("score", facts["hypotheses"], "--json").stdout)["no_gain_on"] == "dev"
        assert f"B: {printed}" in sla("compare", plain, facts["hypotheses"], "--ref", "store").stdout
    report = sla("report", "--json")
    assert json.loads(report.stdout)["no_gain_on"] == ["dev"], report.output
    page = Path(json.loads(report.stdout)["report"]).read_text()
    assert "The language model was left out: tuning on dev found no gain." in page
    assert "none: tuning on dev found no gain" in page
    weighed = json.loads(sla("decode", "dev.h5", "--lm", "gloss.arpa", "--alpha", "0.5", "--json").stdout)
    assert weighed["no_gain_on"] == ""
    for option, reported in (
        (("--nbest", "3"), "a beam of 1 cannot give 3 hypotheses"),
        (("--engine", "prefix"), "--engine: no effect on a beam of 1"),
    ):
        result = sla("decode", "dev.h5", "--lm", "gloss.arpa", *option)
        assert result.exit_code == 2 and reported in result.stderr, "also with the hypotheses there"


def test_hypotheses_say_on_which_split_their_weights_were_tuned(folder: Path) -> None:
    write_store(folder)
    assert sla("tune", "dev.h5", "--lm", "gloss.arpa", "--alphas", "0.5", "--betas", "0").exit_code == 0
    printed = "the weights were tuned on these same clips"
    for split, options, tuned_on, warned in (
        ("dev", [], "dev", True),
        ("test", [], "dev", False),
        ("dev", ["--beam", "3"], "dev", True),
        ("dev", ["--alpha", "0.5"], None, False),  # the tuned beam alone
        ("dev", ["--alpha", "0.5", "--beta", "0", "--beam", "10"], None, False),
    ):
        answer = sla("decode", f"{split}.h5", "--lm", "gloss.arpa", "--json", *options)
        made = json.loads(Path(json.loads(answer.stdout)["hypotheses"] + ".receipt.json").read_text())
        assert made["arguments"].get("tuned_on") == tuned_on
        assert (printed in " ".join(answer.stderr.split())) == warned
        assert json.loads(answer.stdout)["tuned_on"] == (tuned_on or "")
        text = sla("decode", f"{split}.h5", "--lm", "gloss.arpa", *options).stdout
        assert ("weights tuned on these same clips, so this WER is too low" in text) == warned
        assert ("weights tuned on" in text) == (tuned_on is not None)
    write_receipt(Receipt("emit", {}, {"weights": "w", "split": "of another dev"}), folder / "dev.h5")
    tuned = next(folder.glob("tuning/*/tuned.json"))
    tuned.write_text(tuned.read_text().replace('"split_digest": ""', '"split_digest": "of dev"'))
    made = read_receipt(tuned.parent)
    assert made is not None
    made.results["split_digest"] = "of dev"  # the receipt holds the choice too
    write_receipt(made, tuned.parent)
    answer = sla("decode", "dev.h5", "--lm", "gloss.arpa", "--json")
    made = json.loads(Path(json.loads(answer.stdout)["hypotheses"] + ".receipt.json").read_text())
    assert made["arguments"]["tuned_on"] == "dev (other clips)"
    assert printed not in answer.stderr


def test_a_tuning_of_emissions_without_receipts_lies_beside_them_and_counts_for_one_system(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_store(folder)
    for split in ("dev", "test"):
        source = Emissions(folder / f"{split}.h5")
        for system, name in (("A", ""), ("B", "/gone/B"), ("C", "c")):
            header = EmissionHeader(**{**vars(source.header), "run": name})
            write_emissions(folder / f"{system}-{split}.h5", header, list(source))
    (elsewhere := folder / "elsewhere/c").mkdir(parents=True)
    monkeypatch.chdir(elsewhere.parent)
    lm, grid = ("--lm", "../gloss.arpa"), ("--alphas", "1", "--betas", "2")
    replaced, others = "made for other weights, or on other clips, and is replaced", "was tuned for other weights"
    for system, before in (("A", ""), ("B", "A"), ("C", "B")):
        tuned = sla("tune", f"../{system}-dev.h5", *lm, *grid)
        assert (replaced in " ".join(tuned.stderr.split())) == bool(before), tuned.output
        assert "alpha 1, beta 2 as tuned on dev" in sla("decode", f"../{system}-test.h5", *lm).stderr
        if before:
            answer = " ".join(sla("decode", f"../{before}-test.h5", *lm).stderr.split())
            assert others in answer and "as tuned on" not in answer
    assert len(list(folder.glob("tuning/*/tuned.json"))) == 1 and not list(Path().rglob("tuning"))


@pytest.mark.parametrize("how", ["deleted", "edited"])
@pytest.mark.parametrize("name", ["tune.tsv", "clips.tsv", "tune.png"])
def test_a_file_that_is_not_as_it_was_is_made_again(folder: Path, name: str, how: str) -> None:
    write_store(folder)
    grid = ("tune", "dev.h5", "--lm", "gloss.arpa", "--alphas", "0.5", "--betas", "0")
    file = Path(json.loads(sla(*grid, "--json").stdout)["tuned"]) / name
    before = file.read_bytes()
    if how == "deleted":
        file.unlink()
    else:
        file.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    answer = sla(*grid)
    assert answer.exit_code == 0 and file.read_bytes() == before
    assert "is up to date" in sla(*grid).stderr


def test_a_search_other_than_the_one_that_was_tuned_is_reported(folder: Path) -> None:
    write_store(folder)
    word = ("--hotword", GLOSSES[0], "--hotword-weight", "1", "--prune-logp=-2")
    assert sla("tune", "dev.h5", "--lm", "gloss.arpa", "--alphas", "0.5", "--betas", "0", *word).exit_code == 0
    reported = " ".join(sla("decode", "dev.h5", "--lm", "gloss.arpa").stderr.split())
    assert f"tuned with hotwords ['{GLOSSES[0]}'] (now []), hotword_weight 1.0 (now 0.15), prune_logp -2.0" in reported
    assert "tuned with" not in sla("decode", "dev.h5", "--lm", "gloss.arpa", *word).stderr


def test_a_hot_word_that_is_named_twice_is_no_other_tuning(folder: Path) -> None:
    write_store(folder)
    grid = ("--lm", "gloss.arpa", "--alphas", "0.5", "--betas", "0")
    word = ("--hotword", GLOSSES[0])
    assert sla("tune", "dev.h5", *grid, *word).exit_code == 0
    assert "is up to date" in sla("tune", "dev.h5", *grid, *word, *word).stderr


def test_tuning_is_refused_where_it_makes_no_sense(folder: Path) -> None:
    write_store(folder)
    assert "of 'test', and weights are tuned on dev" in refuse("tune", "test.h5", "--lm", "gloss.arpa")
    assert "--lm" in refuse("tune", "dev.h5")
    for numbers in (
        ("--alphas", "low,high"),
        ("--betas", "0,\u0665"),
        ("--alphas", "1_0"),
        ("--beams", "\u0665"),
        ("--beams", "1.5"),
    ):
        assert "numbers" in refuse("tune", "dev.h5", "--lm", "gloss.arpa", *numbers)


def test_bad_input_is_refused(folder: Path) -> None:
    assert "Missing option '--lm'" in refuse("tune", "dev.h5")
    assert "No such option: --alpha" in refuse("tune", "dev.h5", "--lm", "gloss.arpa", "--alpha", "1")
    dev = Emissions(folder / "dev.h5")
    header = EmissionHeader(**{**vars(dev.header), "split": "train"})
    write_emissions(folder / "train.h5", header, list(dev))
    assert "of 'train', and weights are tuned on dev" in refuse("tune", "train.h5", "--lm", "gloss.arpa")


def test_thresholds_are_options_and_recorded(folder: Path) -> None:
    write_store(folder)
    grid = ("--lm", "gloss.arpa", "--alphas", "0.5", "--betas", "0")
    assert sla("tune", "dev.h5", *grid, "--prune-logp=-3", "--token-min-logp=-2").exit_code == 0
    [receipt] = Path("tuning").glob("*/receipt.json")
    arguments = json.loads(receipt.read_text())["arguments"]
    assert (arguments["prune_logp"], arguments["token_min_logp"]) == (-3, -2)
    assert "no hot word is given for --hotword-weight" in refuse("tune", "dev.h5", *grid, "--hotword-weight", "2")
    assert "token_min_logp is 1.0" in refuse("tune", "dev.h5", *grid, "--token-min-logp", "1")
