"""What `benchmarks/fuzz.py` and `benchmarks/flips.py` found: each input that once ended in a traceback is refused."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch
from clip_store import bytes_only, write_file
from synthetic import FACTS, tiny

from sla_cli.annotation.eaf_edit import add_to
from sla_cli.annotation.eaf_read import read_eaf
from sla_cli.annotation.layout import Layout
from sla_cli.artifact.hdf5 import strings
from sla_cli.artifact.receipt import Receipt, write_receipt
from sla_cli.core.annotation import Annotation, Sentence, Sign
from sla_cli.emit.parts import Parts
from sla_cli.errors import FormatError, SlaError
from sla_cli.exchange.gloss_files import read_gloss_file
from sla_cli.lm.kenlm_model import describe_lm, open_lm
from sla_cli.model.device import place
from sla_cli.model.network import Network
from sla_cli.prep.begun import read_begun
from sla_cli.prep.corpora import find_corpus
from sla_cli.prep.encoding.cache import read_cached
from sla_cli.score.score import ScoreOptions
from sla_cli.score.score_file import score_in_memory
from sla_cli.store.content import NUMBERS, TEXTS, file_digest
from sla_cli.store.file import StoreFile
from sla_cli.train.state import State, load_state, save_state
from sla_cli.video.source import open_tree
from sla_cli.video.stated_size import missing_bytes
from sla_cli.work.alignment import COLUMNS, read_alignment
from sla_cli.work.describe import describe
from sla_cli.work.emissions import Emission, EmissionHeader, Emissions, write_emissions
from sla_cli.work.folder import Work
from sla_cli.work.hypotheses import read_header
from sla_cli.work.kind import file_kind
from sla_cli.work.run import Run
from sla_cli.work.tuning import read_tuned

SIGNS = Annotation("v", None, 2.0, (Sentence((Sign("A", 0.1, 0.5, 0.9),)),))


def deflated() -> bytes:
    """An archive whose first member claims to be deflated, and is not."""
    file = io.BytesIO()
    np.savez(file, data=np.arange(9))
    with zipfile.ZipFile(file) as archive:
        offset, (entry, *_) = archive.start_dir, archive.infolist()
    changed = bytearray(file.getvalue())
    changed[entry.header_offset + 8] = changed[offset + 10] = 8
    return bytes(changed)


def test_a_section_of_an_order_without_end(tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa"
    path.write_text("\\data\\\nngram 1=1\nngram 2=1\n\n\\99999999999999999999-grams:\n-1 a\n\n\\end\\\n")
    with pytest.raises(FormatError, match=r"lm\.arpa"):
        open_lm(path)


def test_a_number_that_is_cut_within_a_character(tmp_path: Path) -> None:
    """KenLM's complaint quotes the number up to its first byte that is none."""
    path = tmp_path / "lm.arpa"
    unigrams, bigrams = "\\1-grams:\n-1\ta\t-0.4\u202825\n-1\tb\t0", "\\2-grams:\n-1\ta b"
    text = f"\\data\\\nngram 1=2\nngram 2=1\n\n{unigrams}\n\n{bigrams}\n\n\\end\\\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=r"lm\.arpa"):
        open_lm(path)


def test_a_format_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "dev.h5"
    with h5py.File(path, "w") as file:
        file.attrs["format"], file.attrs["version"] = b"sla-e\xedissions", 3
    with pytest.raises(FormatError, match="expected sla-emissions") as raised:
        Emissions(path)
    assert str(raised.value).encode()


@pytest.mark.parametrize("line", [f"ngram {'2' * 5000}=1", f"ngram 2={'1' * 5000}"])
def test_a_header_of_so_many_digits(tmp_path: Path, line: str) -> None:
    path = tmp_path / "lm.arpa"
    path.write_text(f"\\data\\\nngram 1=1\n{line}\n\n\\1-grams:\n-1\ta\t0\n\n\\2-grams:\n-1\ta a\n\n\\end\\\n")
    with pytest.raises(FormatError, match=r"lm\.arpa"):
        open_lm(path)
    described = describe_lm(path)
    assert described is not None
    assert described.facts["order"] == 1


def shaped(length: int) -> bytes:
    """An archive with an array of a length that is not its own."""
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(array, {"descr": "|u1", "fortran_order": False, "shape": (length,)})
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("data.npy", array.getvalue())
    return content.getvalue()


@pytest.mark.parametrize("content", [deflated(), shaped(10**50), b"PK", b""])
def test_a_damaged_clip_of_the_cache_and_batch_of_emissions(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.npz"
    path.write_bytes(content)
    with pytest.raises(SlaError, match="is damaged"):
        read_cached(path)
    assert not path.exists()
    parts = Parts(tmp_path, [[0]], "float32", least=None)
    parts.keep(0, [Emission("a", np.zeros((2, 3), np.float32), 8)])
    (tmp_path / "000000.npz").write_bytes(content)
    clips = SimpleNamespace(split=SimpleNamespace(ids=["a"]), lengths=[8], rates=[25.0])
    with pytest.raises(FormatError, match="Run again: its clips are computed again"):
        list(parts.joined(clips))  # type: ignore[arg-type]
    assert parts.missing([0]) == [0]


def test_an_attribute_that_cannot_be_read(tmp_path: Path) -> None:
    """The text of the format is said to be longer than all of the file's texts."""
    path = tmp_path / "dev.h5"
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "sla-emissions"
    data = path.read_bytes()
    at = data.index(b"sla-emissions", data.index(b"GCOL")) - 8
    path.write_bytes(data[:at] + (2**31).to_bytes(8, "little") + data[at + 8 :])
    for read in (Emissions, describe, file_kind):
        with pytest.raises(FormatError, match=r"damaged HDF5 file|or a damaged one"):
            read(path)


def test_a_damaged_file_is_not_kept_open(tmp_path: Path) -> None:
    """HDF5 took what it knew of one for the next file in the same place, and could wait for ever on that."""
    path, store = tmp_path / "dev.h5", tmp_path / "store.h5"
    write_emissions(
        path, EmissionHeader("c", "dev", ("A",), 4, "s", "r"), [Emission("a", np.log(np.full((2, 2), 0.5)), 8)]
    )
    write_file(store, [bytes_only("a", ["A"], 4)])
    for file, read, text in ((path, Emissions, b"sla-emissions"), (store, StoreFile, b"sla-store")):
        good = file.read_bytes()
        at = good.index(text, good.index(b"GCOL")) - 8
        file.write_bytes(good[:at] + (2**31).to_bytes(8, "little") + good[at + 8 :])
        with pytest.raises(FormatError) as error:
            read(file)
        file.write_bytes(good)
        assert read(file).ids == ["a"], error
        with h5py.File(file, "r+") as changed:
            del changed["ids"]
        with pytest.raises(FormatError) as error:
            read(file)
        file.write_bytes(good)
        assert read(file).ids == ["a"], error


def test_a_heap_in_which_hdf5_goes_round_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "dev.h5"
    write_emissions(
        path, EmissionHeader("c", "dev", ("A",), 4, "s", "r"), [Emission("a", np.log(np.full((2, 2), 0.5)), 8)]
    )
    data = path.read_bytes()
    at = data.index(b"GCOL") + 16
    path.write_bytes(data[:at] + bytes(16) + data[at + 16 :])  # the first text has neither number nor length
    code = f"from sla_cli.work.kind import file_kind; from pathlib import Path; file_kind(Path({str(path)!r}))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=200)
    assert "a heap of texts in it is damaged" in answer.stderr
    for read in (Emissions, describe):
        with pytest.raises(FormatError, match="a heap of texts in it is damaged"):
            read(path)


def test_frames_that_state_more_bytes_than_any_file_has(tmp_path: Path) -> None:
    path = tmp_path / "dev.h5"
    write_file(path, [bytes_only("x", ("A",), 2)])
    with h5py.File(path) as file:
        one = file["bytes"].id
        place, size = one.get_offset().to_bytes(8, "little"), one.get_storage_size().to_bytes(8, "little")
    path.write_bytes(path.read_bytes().replace(place + size, place + (1 << 63).to_bytes(8, "little")))
    assert StoreFile(path).ids == ["x"]  # HDF5 takes the size from the shape


def test_a_text_of_a_type_at_which_h5py_crashes(tmp_path: Path) -> None:
    """One bit of a type makes a list of small numbers of it, which ended the process by SIGSEGV."""
    path = tmp_path / "dev.h5"
    write_emissions(
        path, EmissionHeader("c", "dev", ("A",), 4, "s", "r"), [Emission("a", np.log(np.full((2, 2), 0.5)), 8)]
    )
    data, text = path.read_bytes(), bytes.fromhex("1901010010000000")  # of variable length, in UTF-8, of 16 bytes
    code = f"from sla_cli.work.describe import describe; from pathlib import Path; describe(Path({str(path)!r}))"
    for at in (data.index(text), data.rindex(text)):
        path.write_bytes(data[: at + 1] + b"\x09" + data[at + 2 :])
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=200)
        assert "has a type that is not read" in answer.stderr, answer


def test_a_format_and_version_that_are_lists(tmp_path: Path) -> None:
    path = tmp_path / "dev.h5"
    with h5py.File(path, "w") as file:
        file.attrs["format"], file.attrs["version"] = ["sla-emissions", "x"], [3, 3]
    with pytest.raises(FormatError, match="expected sla-emissions"):
        Emissions(path)
    with h5py.File(path, "w") as file:
        file.attrs["format"], file.attrs["version"] = "sla-emissions", [3, 3]
    with pytest.raises(FormatError, match="a damaged one"):
        Emissions(path)


@pytest.mark.parametrize("name", ["raw_glosses", "signers", "sources", "clip_fps", "squared_errors", "stamps"])
def test_a_column_of_more_rows_than_clips(tmp_path: Path, name: str) -> None:
    """Forged together with the digests, which alone would refuse it."""
    path = tmp_path / "dev.h5"
    header = StoreFile(write_file(path, [bytes_only("a", ("A",), 2)])).header
    with h5py.File(path, "r+") as file:
        values, kind = file[name][:], file[name].dtype
        del file[name]
        file.create_dataset(name, data=np.concatenate([values, values]), dtype=kind)
        texts = {column: strings(file, column) for column in TEXTS}
        numbers = {column: file[column][:] for column in NUMBERS}
        file.attrs["digest"] = file_digest(asdict(header), texts, numbers)
    with pytest.raises(FormatError, match=f"2 {name} for 1 clips"):
        getattr(StoreFile(path), name)


@pytest.mark.parametrize("name", ["ids", "log_probs", "offsets", "frames", "fps", "glosses"])
def test_a_group_where_an_array_is_due(tmp_path: Path, name: str) -> None:
    path = tmp_path / "dev.h5"
    write_emissions(
        path, EmissionHeader("c", "dev", ("A",), 4, "s", "r"), [Emission("a", np.log(np.full((2, 2), 0.5)), 8)]
    )
    with h5py.File(path, "r+") as file:
        del file[name]
        file.create_group(name)
    with pytest.raises(FormatError, match=r"dev\.h5"):
        Emissions(path)


def test_texts_that_are_none(tmp_path: Path) -> None:
    """HDF5 gives bytes that are no UTF-8 as half pairs, which no terminal prints and no file holds."""
    path = tmp_path / "dev.h5"
    write_emissions(
        path, EmissionHeader("c", "dev", ("A",), 4, "s", "r"), [Emission("a", np.log(np.full((2, 2), 0.5)), 8)]
    )
    for name in ("corpus", "run", "profile"):
        with h5py.File(path, "r+") as file:
            before, file.attrs[name] = file.attrs[name], b"x\xff"
        with pytest.raises(FormatError, match="damaged or incomplete") as raised:
            Emissions(path)
        assert str(raised.value).encode()
        with h5py.File(path, "r+") as file:
            file.attrs[name] = before
    assert Emissions(path).header.corpus == "c"


@pytest.mark.parametrize(("name", "value"), [("size", "32"), ("size", -1), ("size", 2**40), ("shard", "0")])
def test_a_store_whose_facts_are_of_another_type(tmp_path: Path, name: str, value: object) -> None:
    path = tmp_path / "dev.h5"
    write_file(path, [bytes_only("a", ("A",), 2)])
    with h5py.File(path, "r+") as file:
        file.attrs[name] = value
    with pytest.raises(FormatError, match=r"dev\.h5"):
        StoreFile(path)


def test_a_row_of_an_alignment_with_a_carriage_return(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(f"# sla-alignment 1\n{chr(9).join(COLUMNS)}\na\t0\tX\rY{chr(9) * 7}\n".encode())
    with pytest.raises(FormatError, match="line 3: not a row of 10 cells"):  # it ends a line, as in old files
        read_alignment(path)


def test_a_note_of_hypotheses_with_a_name_that_no_file_has(tmp_path: Path) -> None:
    (tmp_path / "hypotheses").mkdir()
    note = {"path": "x" * 5000, "finished": "2026"}
    (tmp_path / "hypotheses" / "newest-elsewhere.json").write_text(json.dumps(note))
    with pytest.raises(SlaError, match="are gone"):
        Work(tmp_path).newest_hypotheses()


def test_a_run_that_does_not_say_of_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('format = "sla-run"\nversion = 1\nstore = "s"\ncorpus = "c"\npreset = "p"\n')
    run = Run(tmp_path)
    for read in (lambda: run.store, lambda: run.own_store, lambda: run.facts):
        with pytest.raises(FormatError, match="without division, digests"):
            read()


def test_an_interval_that_is_no_numbers(tmp_path: Path) -> None:
    how = {"level": 95.0, "samples": 10, "seed": 0, "units": 1, "cluster": "sentence"}
    counts = {"ref_words": 1, "correct": 1, "sub": 0, "del": 0, "ins": 0}
    facts = {"format": "sla-score", "version": 1, "wer": 0.0, **counts, "profile": "none", "profile_version": 1}
    facts |= {"signature": "s", "absent": [], "left_out": [], "errors": 0, "utterances": 1}
    cells = ("id", "signer", *counts, "wer", "reference", "hypothesis"), ("a", "", *counts.values(), "0.00", "A", "A")
    (tmp_path / "clips.tsv").write_text("".join("\t".join(map(str, row)) + "\n" for row in cells))
    for low, right in ((0.0, True), ("x", False), (None, False), (10**400, False)):
        (tmp_path / "score.json").write_text(json.dumps({**facts, "interval": {"low": low, "high": 1.5, **how}}))
        if right:
            assert describe(tmp_path).facts["interval"] == [low, 1.5]
            continue
        with pytest.raises(FormatError, match=r"interval\.low"):
            describe(tmp_path)


def test_arguments_of_a_prep_that_are_too_deep(tmp_path: Path) -> None:
    deep = "[" * 900 + "]" * 900
    (tmp_path / "begun.json").write_text(f'{{"corpus": {deep}, "source": "x", "config": {{}}}}')
    with pytest.raises(FormatError, match="too deeply nested"):
        read_begun(tmp_path)


def test_an_id_of_so_many_digits_in_an_elan_file(tmp_path: Path) -> None:
    long, path = "9" * 5000, tmp_path / "v.eaf"
    path.write_text(
        '<?xml version="1.0"?><ANNOTATION_DOCUMENT FORMAT="3.0" VERSION="3.0"><HEADER TIME_UNITS="milliseconds">'
        f'<PROPERTY NAME="lastUsedAnnotationId">{long}</PROPERTY></HEADER><TIME_ORDER>'
        f'<TIME_SLOT TIME_SLOT_ID="ts{long}" TIME_VALUE="0"/></TIME_ORDER></ANNOTATION_DOCUMENT>'
    )
    add_to(path, SIGNS, Layout(tier="NEW"), replace=False)
    (tier,) = read_eaf(path.read_bytes(), "v.eaf").tiers
    assert [(mark.start, mark.end, mark.text) for mark in tier.marks] == [(100, 500, "A")]


def test_a_length_of_so_many_digits_in_csl_daily(tmp_path: Path) -> None:
    folder = tmp_path / "sentence_label"
    folder.mkdir()
    (folder / "split_1.txt").write_text("name|split\na|train\n")
    (folder / "video_map.txt").write_text(f"index|name|length|gloss|char\n0|a|{'5' * 5000}|A|B\n")
    corpus = find_corpus("csl-daily")
    with pytest.raises(FormatError, match=r"video_map\.txt, line 2: length '5+ … 5+' is not a number of frames"):
        corpus.read(corpus.open(tmp_path, None), corpus.options())


@pytest.mark.parametrize("name", ["", "."])
def test_a_member_without_a_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("n", b"x")
        archive.filelist[0].filename = name
    with pytest.raises(SlaError, match="a member has the name"):
        open_tree(path)


@pytest.mark.parametrize("part", ["weights", "optimizer", "epochs", "tally", "ema"])
def test_a_training_state_that_sla_did_not_write(tmp_path: Path, part: str) -> None:
    path, config = tmp_path / "state.pt", tiny()
    state = State(Network(config, 3), config, place("cpu", "fp32"))
    save_state(path, state)
    content = torch.load(path, weights_only=True)
    for other in ({key: value for key, value in content.items() if key != part}, {**content, part: [7]}):
        torch.save(other, path)
        with pytest.raises(SlaError, match=r"state\.pt"):
            load_state(path, state)


def test_a_cut_state_whose_end_lies_before_its_beginning(tmp_path: Path) -> None:
    path, config = tmp_path / "state.pt", tiny()
    state = State(Network(config, 3), config, place("cpu", "fp32"))
    save_state(path, state)
    path.write_bytes(path.read_bytes()[-60:])
    with pytest.raises(FormatError, match="a damaged one"):
        load_state(path, state)


def test_a_matroska_element_that_begins_behind_the_one_around_it(tmp_path: Path) -> None:
    path = tmp_path / "v.mkv"
    info = b"\x15\x49\xa9\x66\x83" + b"\x2a\xd7\xb1"  # 3 bytes, and the element in it needs 4 to say what it is
    path.write_bytes(b"\x1a\x45\xdf\xa3\x80" + b"\x18\x53\x80\x67\x88" + info + bytes(40))
    with path.open("rb") as file:
        assert missing_bytes(file) == 0


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_score_beyond_all_numbers(tmp_path: Path, sign: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(f'{{"id": "a", "glosses": ["A"], "score": {sign}1{"0" * 400}}}\n')
    with pytest.raises(FormatError, match=r"x\.jsonl, line 1: the score is too large"):
        read_gloss_file(path)


def test_a_run_of_a_store_with_a_name_that_no_file_has(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.create(tiny(), ("A",), replace(FACTS, store="x" * 5000))
    with pytest.raises(SlaError, match="is gone"):
        _ = run.store


@pytest.mark.parametrize("key", ["samples", "seed", "units"])
def test_a_tuned_interval_of_an_infinite_number(tmp_path: Path, key: str) -> None:
    made = {"low": -100.0, "high": -20.0, "level": 95.0, "samples": 1000, "seed": 0, "units": 2}
    facts = {"format": "sla-tuned", "version": 1, "beam": 3, "alpha": 0.5, "beta": 0.0, "wer": 20.0, "errors": 2}
    facts |= {"ref_words": 10, "split": "dev", "profile": "none.v1", "weights": "f7", "lm": "9c"}
    facts |= {"split_digest": "d", "lowest_wer": 20.0, "wer_without": 30.0, "difference": -10.0}
    for number, refused in ((made[key], False), (float("-inf"), True)):
        (tmp_path / "tuned.json").write_text(json.dumps({**facts, "interval": {**made, key: number}}))
        with pytest.raises(FormatError, match=r"tuned\.json: interval") if refused else nullcontext():
            read_tuned(tmp_path)


def test_a_tier_without_a_name(tmp_path: Path) -> None:
    tier = '"IntervalTier" "" 0 3 1 0 3 "REGEN" "IntervalTier" "SIGN" 0 3 1 0 3 "HEUTE"'
    (tmp_path / "v.TextGrid").write_text(f'"ooTextFile" "TextGrid" 0 3 <exists> 2 {tier}')
    (tmp_path / "v.mp4").write_bytes(b"x")
    found = find_corpus("elan")
    listing = found.read(found.open(tmp_path, None), found.options(tier=("*",)))
    assert {gloss for clip in listing.clips for gloss in clip.glosses} == {"HEUTE", "REGEN"}


@pytest.mark.parametrize("sources", [{}, {"store": "/gone"}, {"split": "dev"}])
def test_a_receipt_of_decode_that_names_no_store_or_split(tmp_path: Path, sources: dict[str, str]) -> None:
    path = tmp_path / "x.tsv"
    header = "# sla-hypotheses 1\n# corpus c\n# split dev\n# profile none\n"
    path.write_text(f"{header}id\trank\tscore\tfps\tspans\tconfidence\tglosses\n", encoding="utf-8")
    write_receipt(Receipt("decode", {}, {}, sources=sources), path)
    with pytest.raises(FormatError, match="names no store and split"):
        score_in_memory(path, None, ScoreOptions("none"))


@pytest.mark.parametrize("read", [read_header, read_alignment])
@pytest.mark.parametrize("kind", ["hypotheses", "alignment"])
def test_a_version_of_thousands_of_digits(tmp_path: Path, read: Callable[[Path], object], kind: str) -> None:
    path = tmp_path / "x.tsv"
    path.write_text(f"# sla-{kind} {'9' * 5000}\n")
    with pytest.raises(FormatError) as refused:
        read(path)
    assert len(refused.value.message) < 300
