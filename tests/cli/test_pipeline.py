"""The commands of the README, one after another, on a small synthetic corpus; then with bad input."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import forked
import h5py
import numpy as np
import pytest
from forked import Forked
from json_schemas import result_name
from tiny_work import tiny_work
from typer.testing import CliRunner

from sla_cli.artifact.receipt import read_receipt, write_receipt
from sla_cli.cli.main import app
from sla_cli.work.emissions import Emissions
from sla_cli.work.hypotheses import read_hypotheses

pytestmark = pytest.mark.long


def run_sla(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As typed, in a separate process."""
    command = [sys.executable, "-m", "sla_cli", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


def sla(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same in this process, which has imported torch already: a start costs seconds."""
    with contextlib.chdir(folder):
        answer = CliRunner().invoke(app, arguments)
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return subprocess.CompletedProcess(["sla", *arguments], answer.exit_code, answer.stdout, answer.stderr)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the README's lines have run, only smaller; it was moved since."""
    folder = tmp_path_factory.mktemp("lines")
    (folder / "data").symlink_to(tiny_work().parent / "corpus")
    smaller = {"prep": ["--size", "64"], "train": ["--epochs", "2"]}
    lines = readme_lines()
    assert [line[0] for line in lines] == ["prep", "train", "lm", "decode", "score"]
    for stage, *arguments in lines:
        own = [argument.replace("sla-demo/corpus", "data") for argument in arguments] + smaller.get(stage, [])
        with contextlib.chdir(folder):
            process = Forked(forked.sla, stage, *own, "--json", printed=tmp_path_factory.mktemp("printed"))
        printed, reported = process.communicate(timeout=250)
        assert process.returncode == 0, f"sla {stage} {own}\n{reported}"
        (folder / f"{stage}.json").write_text(printed, encoding="utf-8")
    return folder.rename(folder.with_name("moved"))


def readme_lines() -> list[list[str]]:
    """The arguments of the README's commands for a researcher, from a corpus to a score."""
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```sh\n(sla prep phoenix2014 .*?)```", text, re.DOTALL)
    assert block is not None
    return [shlex.split(line, comments=True)[1:] for line in block[1].splitlines()]


def test_results_for_machines_are_as_their_schemas_say(folder: Path) -> None:
    for command in ("prep", "train", "lm estimate", "decode", "score"):
        printed = (folder / f"{command.split()[0]}.json").read_text(encoding="utf-8")
        assert result_name(command, json.loads(printed)) == command.replace(" ", "-")
    for line, name in (("emit", "emit"), ("train --preset tiny --dry-run", "train-dry-run")):
        answer = sla(folder, *line.split(), "--json", "-q")
        assert result_name(line.split()[0], json.loads(answer.stdout)) == name


def work_on_copy(folder: Path, copy: Path) -> Path:
    """A second folder with the same work folder in it, for tests that change it."""
    subprocess.run(["cp", "-r", str(folder), str(copy)], check=True)
    return copy


def test_stages_name_what_they_take_and_results_go_to_stdout(folder: Path) -> None:
    answer = run_sla(folder, "score")
    assert "taking hypotheses" in answer.stderr
    assert answer.stdout.startswith("WER ")
    assert "profile:phoenix2014" in answer.stdout


def test_every_artifact_has_a_receipt_and_nothing_partial_is_left(folder: Path) -> None:
    work = folder / "sla-work"
    for stage, pattern in (
        ("prep", "stores/*/receipt.json"),
        ("train", "runs/*/receipt.json"),
        ("emit", "emissions/*/*.receipt.json"),
        ("decode", "hypotheses/*/*.receipt.json"),
        ("score", "scores/*/receipt.json"),
    ):
        receipts = [json.loads(path.read_text()) for path in work.glob(pattern)]
        assert receipts and all(receipt["stage"] == stage for receipt in receipts)
        assert all(receipt["inputs"] and receipt["environment"]["torch"] for receipt in receipts)
    assert list(folder.rglob("*.partial")) == []


def test_score_json_is_one_object_with_the_promised_keys(folder: Path) -> None:
    facts = json.loads(sla(folder, "score", "--json", "-q").stdout)
    assert {"wer", "sub", "del", "ins", "correct", "ref_words", "utterances", "profile"} <= facts.keys()
    assert facts["wer"] == pytest.approx(100 * (facts["sub"] + facts["del"] + facts["ins"]) / facts["ref_words"])
    assert facts["utterances"] == 4


def test_hypotheses_cover_dev_with_spans_inside_the_clips(folder: Path) -> None:
    (path,) = (folder / "sla-work/hypotheses").glob("*/*.tsv")
    (emissions,) = (folder / "sla-work/emissions").glob("*/dev.h5")
    frames = dict(zip(Emissions(emissions).ids, Emissions(emissions).frames.tolist(), strict=True))
    hypotheses = read_hypotheses(path)
    assert [hypothesis.id for hypothesis in hypotheses] == list(frames)
    for hypothesis in hypotheses:
        assert len(hypothesis.spans) == len(hypothesis.glosses)
        assert all(0 <= start < end <= frames[hypothesis.id] for start, end in hypothesis.spans)


def test_decoding_existing_emissions_needs_no_torch(folder: Path) -> None:
    block = "import sys; sys.modules['torch'] = None; sys.argv = ['sla', 'decode', '--beam', '3']; "
    code = block + "from sla_cli.cli.main import run; run()"
    answer = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_a_second_decode_gives_the_same_file_without_work(folder: Path) -> None:
    first, second = (sla(folder, "decode", "--lm", "gloss.arpa") for _ in range(2))
    assert "up to date" in second.stderr
    assert first.stdout == second.stdout


def test_hypotheses_asked_for_again_are_the_newest(folder: Path) -> None:
    for options in (["--lm", "gloss.arpa"], ["--beam", "2"], ["--lm", "gloss.arpa"]):
        path = json.loads(sla(folder, "decode", "--json", "-q", *options).stdout)["hypotheses"]
        assert f"taking hypotheses {path}" in sla(folder, "score").stderr


def test_a_moved_work_folder_is_as_good(folder: Path, tmp_path: Path) -> None:
    """Runs, emissions and hypotheses name their store by its absolute path, which is gone: see the fixture."""
    copy = work_on_copy(folder, tmp_path / "copy")
    tune = "tune --lm gloss.arpa --alphas 0 --betas 0"
    for line in ("score", "decode -o sla-work/own.tsv", "score sla-work/own.tsv", "decode --split test", "score", tune):
        answer = sla(copy, *line.split())
        assert answer.returncode == 0, f"sla {line}\n{answer.stderr}"


def test_following_the_advice_of_the_message_repairs_it(folder: Path, tmp_path: Path) -> None:
    copy = work_on_copy(folder, tmp_path / "copy")
    shutil.rmtree(copy / "sla-work/hypotheses")
    assert sla(copy, "decode", "--lm", "gloss.arpa").returncode == 0
    (hypotheses,) = (copy / "sla-work/hypotheses").glob("*/*.tsv")
    hypotheses.write_bytes(hypotheses.read_bytes()[:-5])
    assert "`sla decode --force`" in sla(copy, "score").stderr
    assert sla(copy, "decode", "--lm", "gloss.arpa").returncode == 2, "its receipt says that it is there"
    assert sla(copy, "decode", "--lm", "gloss.arpa", "--force").returncode == 0
    assert sla(copy, "score").returncode == 0
    store = copy / "sla-work/stores/phoenix2014/clips.h5"
    store.write_bytes(store.read_bytes()[:5000])
    assert "`sla prep --force`" in sla(copy, "check").stderr
    assert sla(copy, "prep", "phoenix2014", "data", "--size", "64", "--force").returncode == 0
    assert sla(copy, "check").returncode == 3, "it is read again, and small"
    for path in (copy / "sla-work").rglob("*receipt.json"):
        if "stores" not in path.parts:
            path.write_bytes(b"")
    for line in ("train --resume", "decode --lm gloss.arpa", "score"):
        answer = sla(copy, *line.split())
        while answer.returncode == 2:
            assert "hint: Delete it" in answer.stderr, answer.stderr
            Path(copy, answer.stderr.partition("error: ")[2].partition(": not a receipt")[0]).unlink()
            answer = sla(copy, *line.split())
        assert answer.returncode == 0, f"sla {line}\n{answer.stderr}"


def test_a_run_whose_glosses_were_edited_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = work_on_copy(folder, tmp_path / "copy")
    (glosses,) = (copy / "sla-work/runs").glob("*/glosses.txt")
    _, *others = glosses.read_text().split("\n")
    glosses.write_text("\n".join(["OTHER", *others]))
    for command in (("decode",), ("info", str(glosses.parent))):
        answer = sla(copy, *command)
        assert answer.returncode == 2 and f"{glosses.name} is damaged or was edited" in answer.stderr, answer.stderr


class TestBadInput:
    """One sentence, a hint, exit code 2, no traceback."""

    @staticmethod
    def refuse(folder: Path, *arguments: str, typed: Callable[..., subprocess.CompletedProcess[str]] = sla) -> str:
        answer = typed(folder, *arguments)
        assert answer.returncode == 2, answer.stderr
        assert "Traceback" not in answer.stderr
        assert answer.stdout == ""
        assert [line.partition(": ")[0] for line in answer.stderr.splitlines()[-2:]] == ["error", "hint"], answer.stderr
        return answer.stderr

    def test_no_such_folder(self, folder: Path) -> None:
        assert "no such folder or archive: " in self.refuse(folder, "prep", "phoenix2014", "nowhere")

    def test_not_phoenix(self, folder: Path) -> None:
        text = self.refuse(folder, "prep", "phoenix2014", "sla-work")
        assert "looked for annotations/manual" in text
        assert "emissions/" in text  # what is there instead; only the first names are listed

    def test_store_of_another_version(self, folder: Path, tmp_path: Path) -> None:
        copy = work_on_copy(folder, tmp_path / "copy")
        with h5py.File(copy / "sla-work/stores/phoenix2014/clips.h5", "r+") as file:
            file.attrs["version"] = 99
        text = self.refuse(copy, "train", "--preset", "tiny")
        assert "version 99" in text
        assert "sla prep" in text

    @pytest.mark.parametrize("content", [b"", b"not a model\n", b"\\data\\\nngram 1=2\n", b"\x1f\x8bgarbage"])
    def test_a_language_model_that_is_none(self, folder: Path, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "bad.arpa"
        path.write_bytes(content)
        assert str(path) in self.refuse(folder, "decode", "--lm", str(path))

    def test_missing_language_model(self, folder: Path) -> None:
        assert "nowhere.arpa" in self.refuse(folder, "decode", "--lm", "nowhere.arpa")

    def test_hypotheses_that_miss_or_exceed_the_references(self, folder: Path, tmp_path: Path) -> None:
        hypotheses, references = tmp_path / "hyp.csv", tmp_path / "ref.txt"
        references.write_text("id|gloss\none|A\ntwo|B\n")
        hypotheses.write_text("id,gloss\none,A\nthree,B\n")
        text = self.refuse(folder, "score", str(hypotheses), "--ref", str(references))
        assert "two" in text
        assert "three" in text

    def test_hypotheses_of_unknown_origin_need_references(self, folder: Path, tmp_path: Path) -> None:
        path = tmp_path / "hyp.csv"
        path.write_text("id,gloss\none,A\n")
        assert "--ref" in self.refuse(folder, "score", str(path))

    def test_damaged_emissions_are_named(self, folder: Path, tmp_path: Path) -> None:
        copy = work_on_copy(folder, tmp_path / "copy")
        (path,) = (copy / "sla-work/emissions").glob("*/dev.h5")
        path.write_bytes(path.read_bytes()[:500])
        text = self.refuse(copy, "decode", "--beam", "4")
        assert "dev.h5" in text
        assert "sla emit --force" in text

    def test_nan_in_emissions_names_the_clip(self, folder: Path, tmp_path: Path) -> None:
        copy = work_on_copy(folder, tmp_path / "copy")
        (path,) = (copy / "sla-work/emissions").glob("*/dev.h5")
        with h5py.File(path, "r+") as file:
            file["log_probs"][0, 0] = np.nan
        assert f"{path.name} is damaged or was edited" in self.refuse(copy, "decode", "--beam", "4")
        receipt = read_receipt(path)
        assert receipt is not None
        del receipt.results["digest"]  # as those of earlier versions, which let NaN through
        write_receipt(receipt, path)
        assert Emissions(path).ids[0] in self.refuse(copy, "decode", "--beam", "4")

    def test_a_place_that_the_file_system_refuses(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        text = self.refuse(folder, "demo", "--keep", str(tmp_path / "file" / "demo"))
        assert f"error: {tmp_path}/file is a file, and {tmp_path}/file/demo is to be a folder" in text
        assert "file is a file" in self.refuse(folder, "decode", "--work", str(tmp_path / "file"))

    def test_work_folder_without_artifacts(self, tmp_path: Path) -> None:
        for stage in ("train", "decode", "score"):
            assert "no finished" in self.refuse(tmp_path, stage)


def test_golden_scores_through_the_command(tmp_path: Path) -> None:
    golden = Path(__file__).parents[3] / "shared" / "golden"
    if not golden.is_dir():
        pytest.skip(f"no {golden}: the golden answers of the official scorers")
    phoenix, isharah = golden / "phoenix2014-dev", golden / "isharah1000-si-dev"
    arguments = ("--ref", str(phoenix / "ref.stm"), "--normalize", "phoenix2014", "--json", "-q")
    facts = json.loads(sla(tmp_path, "score", str(phoenix / "hyp.ctm"), *arguments).stdout)
    assert [facts[key] for key in ("correct", "sub", "del", "ins", "utterances")] == [4476, 672, 392, 557, 540]
    arguments = ("--ref", str(isharah / "ref.txt"), "--normalize", "none", "--json", "-q")
    facts = json.loads(sla(tmp_path, "score", str(isharah / "hyp.csv"), *arguments).stdout)
    assert facts["sub"] + facts["del"] + facts["ins"] == 333
    assert facts["ref_words"] == 4554
    assert facts["wer"] == pytest.approx(7.3123, abs=1e-4)
