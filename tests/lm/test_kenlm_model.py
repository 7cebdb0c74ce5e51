from __future__ import annotations

import base64
import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sla_cli.errors import FormatError, SlaError
from sla_cli.lm import kenlm_model
from sla_cli.lm.arpa import write_arpa
from sla_cli.lm.estimate import estimate
from sla_cli.lm.kenlm_model import open_lm, out_of_vocabulary

UNIGRAM = b"\\data\\\nngram 1=3\n\n\\1-grams:\n-1\t<unk>\n0\t<s>\n-1\t</s>\n\n\\end\\\n"

# Made by KenLM's build_binary (trie) of a bigram model of five words, gzipped.
TRIE = gzip.decompress(
    base64.b64decode(
        "H4sIAAAAAAACA8vNTSxQyMlVyCgpKbDS18/OSE1My0zNSdFLzs/VT85PSVVIyy/KTSxRKEstKs7Mz1Mw5WJAgAZ7ILGfEUj8BwKQCCNUhglMHrBn"
        "goqBMDtUjh/JBDYoXVCnuNeyrZSBNebBkvPdnNrXJYRfvP5QH8aV8/1jbfGDbIPgxx8sXEULZ1zfLMXFy3sHpr/oR+9+kEOQjGSYrTBrH4zNweGw"
        "H5l/UzYczGeG8i0XyID1s6Kp50Tj8zCgAn4G7CCyYu8PTcn8p89br3fH6x2cWxc74973lT/Lb2+/mhkeb7vXrC4uJ+BH6sOvj5an7Jk6XzxOv86z"
        "VuZXLlDgOlBAHtksm9K8bDsGm2I7BvcgRxeGIFd3Vz8GG30g388/yIUh2N/Pz5UBAGEaYcjBAQAA"
    )
)


@pytest.fixture(scope="module")
def arpa(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("lm") / "lm.arpa"
    write_arpa(estimate([["A", "B"], ["B", "ÜBER"], ["NULL"]], 2, fallback=True), path)
    return path.read_bytes()


def _with(data: bytes, gloss: bytes, probability: bytes, weight: bytes = b"-0.3") -> bytes:
    """A model with other numbers for a gloss."""
    line = next(line for line in data.split(b"\n") if line.split(b"\t")[1:2] == [gloss])
    return data.replace(line, b"\t".join([probability, gloss, weight]))


def test_numbers_that_models_have(arpa: bytes, tmp_path: Path) -> None:
    numbers = ((b"-99", b"-99"), (b"0", b"0"), (b"-1e-05", b"1.5e+00"), (b"-100", b"3"), (b"-inf", b"-inf"))
    for probability, weight in numbers:
        (tmp_path / "lm").write_bytes(_with(arpa, b"NULL", probability, weight))
        assert open_lm(tmp_path / "lm").order == 2


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: data.replace(b"\n", b"\r\n")])
def test_arpa_plain_gzipped_and_from_windows(pack, arpa: bytes, tmp_path: Path) -> None:
    (tmp_path / "lm").write_bytes(pack(arpa))
    model = open_lm(tmp_path / "lm")
    assert model.order == 2
    assert out_of_vocabulary(model, ["A", "ÜBER", "a", "<unk>", "<s>"]) == ["a", "<unk>", "<s>"]


def test_loading_is_silent_even_without_unk(arpa: bytes, tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    lines = [line for line in arpa.split(b"\n") if b"<unk>" not in line]
    (tmp_path / "lm").write_bytes(b"\n".join(lines).replace(b"ngram 1=7", b"ngram 1=6"))
    assert open_lm(tmp_path / "lm").order == 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: b"", "line 1: neither ARPA nor KenLM binary; it starts with nothing"),
        (lambda _: b"\n# note\nNORD SUED\n", "line 3: neither .* 'NORD SUED'"),
        (lambda _: b"\0\xff" * 9999, r"line 1: neither .* '\\x00\\xff\\x00"),
        (lambda _: b"<html>" * 9999, "line 1: neither .* '<html><html>"),
        (lambda _: gzip.compress(b"NORD\n"), "line 1: neither .* 'NORD'"),
        (lambda data: gzip.compress(data)[:60], "gzip"),
        (lambda _: UNIGRAM, "a unigram model"),
        (lambda data: data.replace(b"ngram 2=", b"ngram 2=7\nngram 7="), "order 7"),
        (lambda data: data[: len(data) // 2], ", line 1[0-9]: "),
        (lambda data: data.replace(b"\\end\\", b""), ", line [0-9]+: End of file"),
        (
            lambda data: data.replace(b"<s>", b"<t>"),
            r"missing <s> and the model is configured to reject these models\n",
        ),
        (lambda data: data.replace(b"-0.81200952\tA", b"-1\tB\t0\n-1\tA"), "line 10: B is listed twice"),
        (lambda data: data.replace(b"ngram 1=7", b"ngram 1=9"), r', line 14: Could not parse "\\2-grams:"'),
        (lambda data: data.replace(b"\tNULL\t", b"\tNULL\tzero"), 'line 12: Could not parse "zero'),
        (lambda data: _with(data, b"NULL", b"-1e300"), "line 12: -1e300 is no log-probability that a model can have"),
        (lambda data: _with(data, b"NULL", b"0.5"), "line 12: 0.5 is no log-probability that a model can have"),
        (lambda data: _with(data, b"NULL", b"inf"), "line 12: inf is no log-probability that a model can have"),
        (lambda data: _with(data, b"NULL", b"-101"), "line 12: -101 is no log-probability that a model can have"),
        (
            lambda data: _with(data, b"NULL", b"-1", b"1e30"),
            "line 12: 1e30 is no back-off weight that a model can have",
        ),
        (lambda data: _with(data, b"NULL", b"-1", b"5"), "line 12: 5 is no back-off weight that a model can have"),
        (lambda data: _with(data, b"NULL", b"-1", b"42"), "line 12: 42 is no back-off weight that a model can have"),
        (lambda data: _with(data, b"NULL", b"-1 ", b" -1e3"), "line 12: -1e3 is no back-off weight that a model can"),
        (lambda data: gzip.compress(_with(data, b"NULL", b"-1e300")), "line 12: -1e300 is no log-probability"),
        (lambda data: data.replace(b"A B\n", b"A Q\n"), "line 16: Word Q was not seen in the unigrams"),
        (lambda data: data.replace(b"ngram 1=7", b"ngram 1=5"), r", line 11: Was expecting n-gram header"),
        (
            lambda data: gzip.compress(data.replace(b"ngram 1=7", b"ngram 1=5")),
            r", line 11: Was expecting n-gram header",
        ),
        (lambda data: b"SRILM\n" + data.replace(b"A B\n", b"A Q\n"), "line 17: Word Q was not seen in the unigrams"),
        (lambda _: gzip.compress(b"mmap lm http://kheafield.com/code format version 5\n\0"), "a gzipped KenLM binary"),
        (
            lambda _: b"mmap lm http://kheafield.com/code format version 4\n\0" + b"\0" * 99,
            "of this version: Binary file has version",
        ),
        (
            lambda _: b"mmap lm http://kheafield.com/code format version 5\n\0" + b"\0" * 99,
            "of this version: File looks like",
        ),
        (lambda _: b"mmap lm http://kheafield.com/code", "."),
    ],
)
def test_what_is_no_language_model(
    change, message: str, arpa: bytes, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    (tmp_path / "lm.arpa").write_bytes(change(arpa))
    with pytest.raises(FormatError, match=message) as caught:
        open_lm(tmp_path / "lm.arpa")
    assert str(tmp_path / "lm.arpa") in caught.value.message
    assert "threw" not in caught.value.message
    assert len(caught.value.message) < len(str(tmp_path)) + 250
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("end", [60, 100, 120, 224, 400])
def test_a_kenlm_binary_that_is_cut_off_is_named(tmp_path: Path, end: int) -> None:
    path = tmp_path / "lm.bin"
    path.write_bytes(TRIE)
    assert out_of_vocabulary(open_lm(path), ["NORD", "REGEN", "X"]) == ["X"]
    path.write_bytes(TRIE[:end])
    with pytest.raises(FormatError, match=r"lm\.bin is no whole KenLM binary of this version: \w") as caught:
        open_lm(path)
    assert "build_binary" in caught.value.hint and "line" not in caught.value.message.replace(str(tmp_path), "")


@pytest.mark.parametrize(("place", "value"), [(96, 9), (104, 9), (108, 99), (116, 99)])
def test_a_kenlm_binary_whose_header_is_damaged_is_refused(tmp_path: Path, place: int, value: int) -> None:
    path = tmp_path / "lm.bin"
    path.write_bytes(TRIE[:place] + bytes([value]) + TRIE[place + 1 :])
    with pytest.raises(FormatError, match=r"lm\.bin is no whole KenLM binary of this version: \w"):
        open_lm(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match=r"cannot read the language model .*none\.arpa: No such file"):
        open_lm(tmp_path / "none.arpa")
    with pytest.raises(SlaError, match=r"cannot read the language model .*: Is a directory"):
        open_lm(tmp_path)


OPEN = """
import sys
from pathlib import Path
from sla_cli.errors import FormatError
from sla_cli.lm.kenlm_model import open_lm
for path in sys.argv[1:]:
    try:
        open_lm(Path(path))
    except FormatError as error:
        print(error.message, flush=True)
"""


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_kenlm_does_not_survive(pack: Callable[[bytes], bytes], arpa: bytes, tmp_path: Path) -> None:
    """In a separate process, since KenLM might crash it."""
    changes = (
        (b"ngram 1=7", b"ngram 1=-7", "line 2: 'ngram 1=-7' is not a number of n-grams"),
        (b"ngram 2=", b"ngram 2=-", "line 3: 'ngram 2=-"),
        (b"ngram 2=", b"ngram 2=99999999999", "line 3: 'ngram 2=99999999999"),
        ("ÜBER".encode(), b"\xdcBER", "line 11: not UTF-8 text"),
        (b"ngram 1=7", b"ngram\xdc 1=7", "line 2: not UTF-8 text"),
    )
    paths = [tmp_path / f"lm{number}" for number in range(len(changes))]
    for path, (old, new, _) in zip(paths, changes, strict=True):
        assert old in arpa
        path.write_bytes(pack(arpa.replace(old, new, 1)))
    ended = subprocess.run([sys.executable, "-c", OPEN, *paths], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    for printed, path, (_, _, reported) in zip(ended.stdout.splitlines(), paths, changes, strict=True):
        assert printed.startswith(f"{path}, {reported}")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_model_is_unpacked_up_to_a_limit(pack, arpa: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits are 256 MiB and five million lines, for which no test has time."""
    monkeypatch.setattr(kenlm_model, "MOST_BYTES", 1 << 18)
    monkeypatch.setattr(kenlm_model, "MOST_LINES", 1 << 16)
    path = tmp_path / "lm.arpa.gz"
    path.write_bytes(pack(arpa + b"\n" * (1 << 19)))
    with pytest.raises(FormatError, match=r"lm\.arpa\.gz has more than 0 MiB when it is unpacked"):
        open_lm(path)
    path.write_bytes(pack(arpa + b"\n" * (1 << 17)))
    with pytest.raises(FormatError, match=r"lm\.arpa\.gz has more than 65,536 lines when it is unpacked"):
        open_lm(path)
