"""The benchmarks run and print results in the documented form; their numbers are not tested."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Literal

import pytest
import torch
from clip_store import bytes_only, write_file
from forked import Forked, script
from recordings import signed
from step_flops import Vit
from tiny_work import tiny_work
from torch.utils._python_dispatch import TorchDispatchMode

from sla_cli.demo.figures import DemoFigures
from sla_cli.errors import WEB, FormatError
from sla_cli.model.device import place
from sla_cli.store.file import StoreFile

pytestmark = [pytest.mark.long, pytest.mark.ci]

ROOT = Path(__file__).parents[1]
SMALL = ["--image-size", "32", "--set", "model.backbone_args={embed_dim = 32, depth = 2, num_heads = 2}"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--variant", "adapter", "--layers", "last:1", "--frames", "6"],
        ["--variant", "lora", "--inference", "--set", "lora.shift=off", "--frames", "6"],
        ["--checkpointing", "--clips", "2,4"],
    ],
)
def test_a_training_step(arguments: list[str]) -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("peak memory is read from Linux's /proc")
    found = answer("train_step", [*arguments, *SMALL, "--repeats", "1", "--threads", "1"])
    assert found["frames"] == 6
    assert found["ratio"] == pytest.approx(found["seconds"] / found["floor_seconds"])
    assert found["peak_mib"] > 0
    assert found["share"] == pytest.approx(found["flops_per_second"] / found["machine_flops_per_second"])


@pytest.mark.parametrize(("variant", "adapted"), [("adapter", 2), ("lora", 3)])
def test_the_operations_of_a_training_step(variant: Literal["adapter", "lora"], adapted: int) -> None:
    """As counted by PyTorch; by arithmetic the same."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("peak memory is read from Linux's /proc")
    deep = ["--set", "model.backbone_args={embed_dim = 32, depth = 3, num_heads = 2}"]
    shape = ["--variant", variant, "--layers", f"last:{adapted}", "--frames", "6", *SMALL, *deep]
    found = answer("train_step", [*shape, "--repeats", "1", "--threads", "1"])
    vit = Vit(depth=3, width=32, patch=16, patches=4, features=512)
    sizes = (6, variant, adapted, 16)
    assert found["flops"] == vit.forward(*sizes) + vit.backward(*sizes)
    assert found["step_flops"] > found["flops"]


def test_a_training_step_of_the_frozen_backbone_goes_forward_only() -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("peak memory is read from Linux's /proc")
    found = answer("train_step", ["--variant", "frozen", "--frames", "6", *SMALL, "--repeats", "1", "--threads", "1"])
    vit = Vit(depth=2, width=32, patch=16, patches=4, features=512)
    assert found["flops"] == vit.forward(6, "adapter", adapted=0, inner=0)
    assert found["step_flops"] > found["flops"]


@pytest.mark.parametrize("options", [[], ["--inference"]])
def test_in_half_precision_neither_side_of_a_ratio_converts_weights(
    options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import train_step

    monkeypatch.setattr(sys, "argv", ["train_step.py", *SMALL, *options])
    arguments, placement = train_step.parse(), place("cpu", "bf16")
    config, pixels = train_step.settings(arguments), torch.randn(2, 3, 32, 32)
    steps = train_step.pair(config, arguments, placement, pixels, [2])
    weights = {value.shape for value in train_step.bare(config, placement).parameters() if value.dim() in (2, 4)}
    for name in ("floor", "ours"):
        with Conversions() as found:
            steps[name]()
        assert found.shapes, name
        assert not weights & found.shapes, name


class Conversions(TorchDispatchMode):
    """Shapes of the tensors that PyTorch converts to another type."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes = set[torch.Size]()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function.overloadpacket in (torch.ops.aten._to_copy, torch.ops.aten.to):  # the latter in inference mode
            self.shapes.add(args[0].shape)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("benchmark", "arguments", "facts"),
    [
        pytest.param(
            "score",
            ["--clips", "5", "--samples", "100", "--repeats", "1"],
            {"clips", "samples", "seconds", "ratio", "files_ratio"},
            marks=pytest.mark.needs("editdistance"),
        ),
        (
            "store",
            ["--clips", "1", "--reads", "2", "--repeats", "1", "--opened", "9"],
            {"frames_per_second", "ratios", "opening_seconds"},
        ),
        ("prep", ["--clips", "1", "--frames", "9", "--jobs", "1", "--repeats", "1"], {"jobs", "tar: listed, times"}),
        ("startup", ["--repeats", "1"], {"floor_seconds", "help_seconds", "ratio"}),
        (
            "align",
            ["--steps", "900", "--labels", "100", "--vocabulary", "50", "--repeats", "1"],
            {"cpu_seconds", "peak_mib"},
        ),
        (
            "transcribe",
            [
                "--backbone",
                "vit_tiny_patch16_224",
                "--image-size",
                "32",
                "--seconds",
                "1",
                "--lengths",
                "1,2",
                "--repeats",
                "1",
            ],
            {"share", "share_of_frozen", "realtime", "peak_mib", "memory", "linear"},
        ),
        pytest.param(
            "annotate_page",
            ["--annotations", "20", "--seconds", "0.5"],
            {"idle_fps", "timeline_of_idle", "list_of_idle", "editing_of_idle", "saved_ms"},
            marks=[
                pytest.mark.needs("playwright"),
                pytest.mark.needs("uvicorn"),
                pytest.mark.skipif(
                    not Path("/usr/bin/chromium").exists(), reason="needs Chromium at /usr/bin/chromium"
                ),
            ],
        ),
        ("input", ["--frames", "280"], {"frames", "frames_per_second", "frames_per_cpu_second", "waiting"}),
    ],
)
def test_the_others(benchmark: str, arguments: list[str], facts: set[str]) -> None:
    found = answer(benchmark, arguments)
    assert facts <= found.keys()
    assert all(value >= 0 for value in numbers(found))


def test_the_ranking_of_wrong_labels(demo: DemoFigures) -> None:
    assert demo.kept is not None
    [emissions] = demo.kept.glob("work/emissions/*/test.h5")
    found = answer("suspicious", ["--emissions", str(emissions), "--share", "0.3", "--repeats", "2"])
    assert {"average precision", "of a random order", "found, added"} <= found.keys()
    assert all(value >= 0 for value in numbers(found))


def test_an_epoch_on_kept_features(demo: DemoFigures) -> None:
    assert demo.kept is not None
    [store] = demo.kept.glob("work/stores/*")
    found = answer("kept_features", [str(store), "--preset", "tiny", "--clips", "2", "--dev", "1"])
    assert found["ratio"] == pytest.approx(found["frames_seconds"] / found["kept_seconds"])
    assert {"wall_ratio", "once_seconds"} <= found.keys() and found["mb"] > 0
    assert sorted(demo.kept.glob("work/stores/*")) == [store]


def test_a_profile_of_a_step() -> None:
    found = answer("profile_step", ["--device", "cpu", "--frames", "6", *SMALL])
    assert 0.3 < sum(found["shares"].values()) <= 1.001
    assert found["milliseconds"] > 0 and found["operations_milliseconds"] > 0
    assert found["waits"] == 0


def test_all_that_is_measured_on_a_gpu(tmp_path: Path) -> None:
    """Without one it says so; without time each part says so, and the files are there. All parts take the options."""
    path = ROOT / "benchmarks" / "gpu.py"
    for options, code, message in (
        ([], 2, "sees no CUDA device here; --device cpu runs"),
        (["--device", "cpu", "--repeats", "3"], 2, "unrecognized arguments: --repeats 3"),
        (["--device", "cpu", "--minutes", "0"], 1, "no time was left"),
    ):
        process = Forked(
            script, path, *options, "--out", str(tmp_path), printed=tmp_path, environment={"CUDA_VISIBLE_DEVICES": ""}
        )
        out, err = process.communicate(timeout=300)
        assert process.returncode == code
        assert message in out + err
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert len(found["rows"]) == 7
    assert {row["error"] for row in found["rows"].values()} == {"no time was left"}
    assert "no time was left" in (tmp_path / "gpu.md").read_text()


def test_a_part_that_hangs_loses_only_its_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes that it started end too: the pipe is closed, else reading would not end."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from gpu import Part, answered

    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    hangs = Part(["sh", "-c", f"(echo started; exec sleep 999) > '{tmp_path}/pipe' & wait"])
    found = answered({"hangs": hangs, "answers": Part(["echo", '{"seconds": 1}'], share=2)}, seconds=3.3)
    assert found == {"hangs": {"error": "not finished within its 1 s"}, "answers": {"seconds": 1}}
    os.set_blocking(reader, True)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == "started\n"


def test_tuning_on_a_table_of_errors(tmp_path: Path) -> None:
    settings = [f"beam 10 alpha {alpha} beta {beta}" for alpha in (0, 1) for beta in (0, 1)]
    rows = [["id", "reference", "ref_words", *settings]]
    rows += [[f"clip {i}", f"A{i}", "4", "1", "3", str(i % 2), "2"] for i in range(10)]
    (tmp_path / "clips.tsv").write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    [(name, found)] = answer("tuning", [str(tmp_path), "--clips", "12", "--draws", "20", "--samples", "40"]).items()
    assert name == f"{tmp_path.name}, 12 clips"
    assert found["no language model, WER %"] == 25 and found["best setting, WER %"] == 12.5
    assert found["0 standard errors, WER %"] == pytest.approx(12.5, abs=1)
    assert found["draws that choose a language model, %"] > 90 and 0 <= found["interval covers, %"] <= 100


def test_flipped_bits_are_found() -> None:
    """In all but a run's log for people, which has no digest."""
    found = answer("flips", ["--flips", "200"])
    reported = {name: counts for name, counts in found.items() if not name.endswith("metrics.tsv")}
    files = {"dev.h5", "dev.h5.receipt.json", "gloss.arpa"}
    folders = {"store", "merged", "runs", "tuning", "hypotheses", "alignments", "scores"}
    assert {name.partition("/")[0] for name in reported} == files | folders
    assert {name: counts["silent"] for name, counts in reported.items()} == dict.fromkeys(reported, 0)
    assert all(counts["found"] for counts in reported.values())
    assert not any(counts["crashed"] or counts["late"] for counts in found.values())


def test_readers_survive_changed_files(tmp_path: Path) -> None:
    """Some files for each reader; benchmarks/fuzz.py can run for any time."""
    found = answer("fuzz", ["--inputs", "6", "--keep", str(tmp_path)])
    assert len(found) > 40
    assert {name: counts["finding"] for name, counts in found.items()} == dict.fromkeys(found, 0)
    assert all(counts["read"] + counts["refused"] == 6 for counts in found.values())
    assert sum(counts["read"] for counts in found.values()) > 25
    assert sum(counts["refused"] for counts in found.values()) > 100


def test_changes_inside_of_a_store_pass_its_digests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its readers would stop at these, and see nothing of what changed."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from fuzzing.inside import in_hdf5

    write_file(tmp_path / "dev.h5", [bytes_only(name, ("A", "B"), 2, signer="S1") for name in ("x", "y")])
    data, passed = (tmp_path / "dev.h5").read_bytes(), 0
    for seed in range(60):
        (tmp_path / f"{seed}.h5").write_bytes(in_hdf5(Random(seed), data))
        with suppress(FormatError):
            StoreFile(tmp_path / f"{seed}.h5").check()
            passed += (tmp_path / f"{seed}.h5").read_bytes() != data
    assert passed > 6  # many changes are refused for what they are


def test_the_fuzzer_finds_a_fault(tmp_path: Path) -> None:
    """A reader that fails, one that hangs, one that takes too much memory and one that writes elsewhere."""
    ended = Forked(fuzz_readers_with_faults, tmp_path / "kept", printed=tmp_path)
    out, err = ended.communicate(timeout=300)
    assert ended.returncode == 1, err
    assert {name: counts["finding"] for name, counts in json.loads(out).items()} == dict.fromkeys(
        ("fails", "endless", "large", "elsewhere", "dies"), 1
    )
    assert len(list((tmp_path / "kept").iterdir())) == 5


def fuzz_readers_with_faults(keep: Path) -> None:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import fuzz
    from fuzzing import child
    from fuzzing.readers import Reader

    def endless(path: Path) -> None:
        while True:
            pass

    reads = {
        "fails": lambda path: 1 / 0,
        "endless": endless,
        "large": lambda path: bytes(1 << 33),
        "elsewhere": lambda path: (path.parents[2] / "escaped").write_text(""),
        "dies": lambda path: os.kill(os.getpid(), signal.SIGKILL),
    }
    child.SECONDS = 1.0
    fuzz.all_readers = lambda *_: [Reader(name, "x", [b"a 1"], read) for name, read in reads.items()]
    sys.argv[1:] = ["--inputs", "1", "--json", "--keep", str(keep)]
    fuzz.main()


def test_a_refused_input_of_the_fuzzer_does_not_change_the_next_outcome(tmp_path: Path) -> None:
    """HDF5 used what it knew of the refused file, so that all other inputs of the process were refused."""
    ended = Forked(fuzz_a_damaged_store_and_a_good_one, tmp_path, printed=tmp_path)
    out, err = ended.communicate(timeout=300)
    assert out.split() == ["refused", "read", "refused", "read"], err


def fuzz_a_damaged_store_and_a_good_one(folder: Path) -> None:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import fuzz
    import h5py
    from fuzzing.child import batch

    reader = fuzz.all_readers(folder / "made", ["store"])[0]
    good, other = reader.seeds[:2]
    with h5py.File(BytesIO(other)) as file:
        at, size = file["bytes"].id.get_offset(), file["bytes"].size
    damaged = other[:at] + bytes(size) + other[at + size :]
    fuzz.input_of = lambda reader, seed, number: good if number % 2 else damaged
    box = reader.laid(folder / "boxes" / "store")
    for report in batch(partial(fuzz._read, reader, box, 0), box, range(4)):
        sys.stdout.write(f"{report.outcome}\n")


def test_joined_sentences(shared: Path) -> None:
    run = tiny_work() / "runs" / "adapter"
    options = ["--minutes", "0.2", "--windows", "40", "--contexts", "4"]
    whole, default, windows, all_at_once = answer("joined", [str(run), str(shared), *options])
    assert (whole["name"], default["name"], windows["name"]) == ("whole", "232/56 (default)", "40/8")
    assert int(all_at_once["name"].split("/")[0]) >= 0.2 * 60 * 25
    assert len({one["glosses"] for one in (whole, default, windows, all_at_once)}) == 1


def test_recordings_with_pauses(demo: DemoFigures) -> None:
    assert demo.kept is not None
    found = answer("recordings", [str(demo.kept / "work" / "runs" / "adapter-1"), "--sentences", "2"])
    assert [row["condition"] for row in found][:2] == ["single sentences", "rests 0.1 to 0.3 s"]
    once = {row["glosses"] for row in found if row["condition"] != "signs repeated"}
    [twice] = {row["glosses"] for row in found if row["condition"] == "signs repeated"}
    assert once == {twice - 2}  # one sign of each sentence
    assert all(0 <= share <= 100 for row in found for share in row["f1"])


def test_streams(demo: DemoFigures) -> None:
    assert demo.kept is not None
    found = answer("live", [str(demo.kept / "work" / "runs" / "adapter-1"), "--sentences", "1", "--lookahead", "0"])
    assert {row["lookahead"] for row in found} == {0}
    assert all(row["load"] > 0 and 0 <= row["back"] <= 100 and row["whole"] >= 0 for row in found)


def test_recordings_unlike_the_training_data(demo: DemoFigures, shared: Path) -> None:
    assert demo.kept is not None
    options = ["--drawn", "--each", "1", "--sentences", "1", "--foreign", str(shared / "data" / "videos")]
    found = answer("unlike", [str(demo.kept / "work" / "runs" / "adapter-1"), *options])
    groups = {row["group"]: row for row in found}
    assert {
        "own dev",
        "own test",
        "own rests 2 to 3 s",
        "videos",
        "noise",
        "camera: turned by 90 degrees",
    } < groups.keys()
    assert all((row["auc"] is None) == name.startswith("own") for name, row in groups.items())
    assert groups["noise"]["least"] > groups["own dev"]["greatest"]


@pytest.mark.needs("pyctcdecode")
def test_decoding() -> None:
    work = tiny_work()
    corpus = ["--corpus", "tiny", str(work / "emissions" / "adapter" / "dev.h5"), str(work / "gloss.arpa")]
    found = answer("decode", [*corpus, "--beams", "1", "10", "--repeats", "1"])
    assert [(row["lm"], row["hot word"] != "no", row["beam"]) for row in found["search"]] == [
        (lm, hot, beam) for lm in ("no", "yes") for hot in (False, True) for beam in (1, 10)
    ]
    for row in found["search"]:
        assert row["prefix errors"] <= row["clips"] and row["prefix ms"] > 0 and row["time"] > 0
    assert {row["lm"] for row in found["hot words"]} == {"no", "yes"}
    [compared] = found["language model"]
    assert compared["from"] <= compared["wer with lm"] - compared["wer"] <= compared["to"]
    assert [row["clips changed"] for row in found["float16"]] == [0, 0, 0]


def test_ways_of_computing() -> None:
    found = answer("runtimes", ["--run", str(tiny_work() / "runs" / "adapter")])
    assert [row["way"] for row in found] == ["torch fp32", "torch bf16", "onnx fp32", "onnx int8"]
    assert found[0]["difference"] == 0
    assert found[2]["wer"] == found[0]["wer"]


def test_the_throughput_of_a_service(tmp_path: Path) -> None:
    for module in (*WEB, "httpx"):
        pytest.importorskip(module, reason="needs the extra web, and httpx")
    run, video = tiny_work() / "runs" / "adapter", signed(tmp_path / "a.mkv", "NORD REGEN")
    few = ["--rounds", "1", "--videos", "2", "--json"]
    command = [sys.executable, ROOT / "benchmarks" / "service.py", run, video, *few]  # starts processes of its own
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert 0 < found["lowest"] <= found["ratio"] <= found["highest"] and found["cpu_ratio"] > 0
    assert found["cpu_s"] > 0 and 0 < found["idle_mib"] <= found["most_mib"]


def answer(benchmark: str, arguments: Sequence[str]) -> Any:
    with TemporaryDirectory() as printed:
        path = ROOT / "benchmarks" / f"{benchmark}.py"
        process = Forked(script, path, *arguments, "--json", printed=Path(printed))
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return json.loads(out)


def numbers(found: dict[str, Any]) -> list[float]:
    return [number for value in found.values() for number in (value.values() if isinstance(value, dict) else [value])]
