"""The store returns what was written, in any process."""

from __future__ import annotations

import multiprocessing
import pickle
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from clip_store import HEADER, SIDE, clip, make_store, one_split, write_file
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.errors import FormatError, SlaError
from sla_cli.store.clips import Split
from sla_cli.store.codec import encode
from sla_cli.store.content import EncodedClip, EncodedFrames
from sla_cli.store.file import StoreFile
from sla_cli.store.store import Store, open_split, vocabulary_digest
from sla_cli.store.write import write_clips

CLIPS = {  # id to signer, glosses, frames
    "plain": ("Signer01", "HEUTE HEUTE", 5),
    "with/slashes/../and a space": ("", "NULL", 1),
    "سوق-٣": ("موقّع", "سوق_تجاري 下雨", 3),
    "e\u0301 is not é": ("手語", "A\u0301 Á \u200dX 🤟", 2),
    "no glosses": ("Signer01", "", 4),
    "x" * 5000: ("Signer01", "NULL nan None #", 2),
}
FACTS = {"fit": "pad", "labels": "phoenix2014.v1", "recipe": "0123456789abcdef", "profile": "phoenix2014"}
BOUNDS = st.one_of(st.none(), st.integers(-8, 8))


def encoded(name: str) -> EncodedClip:
    signer, glosses, frames = CLIPS[name]
    return clip(name, glosses, frames, signer=signer, stamp=f"of {name[:9]}")


def pictures_only(one: EncodedClip, data: np.ndarray, sizes: np.ndarray | None = None) -> EncodedClip:
    """A clip with other bytes of its frames."""
    return replace(one, frames=replace(one.frames, data=data, sizes=one.frames.sizes if sizes is None else sizes))


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return one_split(tmp_path_factory.mktemp("store"), map(encoded, CLIPS), **FACTS)


def test_every_clip_comes_back(split: Split) -> None:
    assert (split.ids, len(split)) == (list(CLIPS), len(CLIPS))
    for name, (signer, glosses, frames) in CLIPS.items():
        stored, raw, original = split[name], split[name].raw(), encoded(name)
        assert name in split
        assert (stored.id, stored.signer, stored.glosses, len(stored)) == (name, signer, tuple(glosses.split()), frames)
        assert np.array_equal(raw.frames.data, original.frames.data)
        assert np.array_equal(raw.frames.sizes, original.frames.sizes)
        parts = np.split(raw.frames.data, raw.frames.sizes.cumsum()[:-1])
        images = [cv2.imdecode(part, cv2.IMREAD_COLOR)[..., ::-1] for part in parts]
        assert np.array_equal(stored.frames(), np.stack(images))
    assert split.references() == {name: tuple(glosses.split()) for name, (_, glosses, _) in CLIPS.items()}


def test_all_facts_of_a_clip_come_back(tmp_path: Path) -> None:
    about = {"raw_glosses": ("loc-HEUTE", "__ON__", "HEUTE"), "translation": "Heute, heute.\tMit Tab und 你好"}
    one = replace(encoded("plain"), **about, source="videos/a b.mp4 1.5-3.0", stamp="x")
    one = replace(one, times=tuple((0.04 * number, 0.04 * number + 1.999) for number in range(len(one.glosses))))
    one = replace(one, frames=replace(one.frames, fps=29.97, squared_error=1.25, note="frame 3 is missing"))
    stored = one_split(tmp_path, [one, replace(encoded("no glosses"), frames=encoded("plain").frames)])
    nothing = np.empty(0)
    again = pictures_only(stored["plain"].raw(), nothing, nothing)
    assert repr(again) == repr(pictures_only(one, nothing, nothing))
    assert (stored["plain"].glosses, stored["plain"].raw_glosses) == (one.glosses, one.raw_glosses)
    assert (stored["plain"].translation, stored["plain"].fps) == (one.translation, 29.97)
    assert stored.times == [one.times, ()]
    assert stored.references() == {"plain": one.raw_glosses, "no glosses": ()}
    assert (stored.glosses, stored.raw_glosses) == ([one.glosses, ()], [one.raw_glosses, ()])
    assert (stored.translations, stored.clip_fps.tolist()) == ([one.translation, ""], [29.97, 25.0])


def test_all_facts_of_a_store_come_back(split: Split) -> None:
    [file] = Store(split.store).files
    assert file.header == replace(HEADER, **FACTS)
    assert (split.corpus, split.name, split.size, split.fps) == ("mine", "train", SIDE, 25.0)
    assert (split.codec, split.quality, split.fit) == ("jpeg", 95, "pad")
    assert (split.labels, split.profile, split.division) == ("phoenix2014.v1", "phoenix2014", "corpus")
    assert split.vocabulary == tuple(sorted({gloss for _, text, _ in CLIPS.values() for gloss in text.split()}))
    assert vocabulary_digest(split.vocabulary) != vocabulary_digest(split.vocabulary[::-1])


def test_a_split_without_references_says_so(tmp_path: Path) -> None:
    store = Store(make_store(tmp_path, {"test": [encoded("no glosses")]}))
    with pytest.raises(SlaError, match=r"test of .*:corpus has no reference glosses") as caught:
        store["test"].references()
    assert "decoded but not scored" in caught.value.hint
    assert not store["test"].annotated


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(sorted(CLIPS)), min_size=1, unique=True), st.integers(1, 4))
def test_shards_are_one_store(names: list[str], shards: int) -> None:
    clips = list(map(encoded, names))
    shards = min(shards, len(clips))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(make_store(Path(folder), {"dev": clips}, shards=shards))
        dev = store["dev"]
        assert len(store.files) == shards
        assert dev.ids == names
        assert [one.id for one in dev] == [dev[number].id for number in range(-len(names), 0)] == names
        assert dev.lengths == [CLIPS[name][2] for name in names]
        assert dev.glosses == [tuple(CLIPS[name][1].split()) for name in names]
        for one in clips:
            assert np.array_equal(dev[one.id].raw().frames.data, one.frames.data)


@pytest.mark.parametrize("codec", ["png", "raw"])
def test_lossless_frames_come_back_to_the_bit(codec: str, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (3, SIDE, SIDE, 3), np.uint8)
    parts = [encode(image, codec, 0) for image in images]
    frames = EncodedFrames(np.concatenate(parts), np.array([len(part) for part in parts], np.int64))
    stored = one_split(tmp_path, [EncodedClip("a", "", (), frames)], codec=codec, quality=0)["a"]
    assert np.array_equal(stored.frames(), images[..., ::-1])
    small = stored.frames(slice(1, 3), reduce=4)
    assert np.abs(small - images[1:, ..., ::-1].reshape(2, 6, 4, 6, 4, 3).mean(axis=(2, 4))).max() <= 1


@given(st.sampled_from(sorted(CLIPS)), BOUNDS, BOUNDS)
def test_a_slice_of_frames_is_that_slice_of_all(split: Split, name: str, start: int | None, stop: int | None) -> None:
    wanted = slice(start, stop)
    part, whole = split[name].frames(wanted), split[name].frames()
    assert np.array_equal(part, whole[wanted])
    assert part.shape[1:] == (SIDE, SIDE, 3)


@pytest.mark.parametrize("reduce", [1, 2, 4, 8])
def test_reduced_frames_are_averages_of_whole_ones(reduce: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = [cv2.GaussianBlur(rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8), (0, 0), 3) for _ in range(3)]
    parts = [encode(image, "jpeg", 95) for image in images]
    frames = EncodedFrames(np.concatenate(parts), np.array([len(part) for part in parts], np.int64))
    stored = one_split(tmp_path, [EncodedClip("a", "", (), frames)])["a"]
    whole, small = stored.frames(), stored.frames(slice(0, 2), reduce=reduce)
    side = SIDE // reduce
    assert small.shape == (2, side, side, 3)
    assert np.abs(small - whole[:2].reshape(2, side, reduce, side, reduce, 3).mean(axis=(2, 4))).mean() < 4
    assert stored.frames(slice(0), reduce=reduce).shape == (0, side, side, 3)


def test_clips_are_found_by_number_as_in_a_list(split: Split) -> None:
    assert [one.id for one in split] == [split[number].id for number in range(len(split))] == split.ids
    assert split[-1].id == split.ids[-1]
    assert np.array_equal(split[-2].frames(), split[len(split) - 2].frames())
    assert split[np.int64(2)].id == split.ids[2]  # type: ignore[call-overload, index, unused-ignore]
    with pytest.raises(IndexError):
        split[len(split)]
    with pytest.raises(SlaError, match="no clip 'unheard of'"):
        split["unheard of"]
    for step in (2, -1, 0, np.int64(3), 10**400):
        for read in (split["plain"].frames, split["plain"].encoded):
            with pytest.raises(SlaError, match="step of 1"):
                read(slice(None, None, step))
    with pytest.raises(SlaError, match=r"chosen by a slice, not by \[0\]"):
        split["plain"].frames([0])  # type: ignore[arg-type]
    assert len(split["plain"].encoded(slice(0, np.int64(2), 1))) == 2
    for reduce in (0, 3, -1, 16, 10**5000, "2", None, True, 2.0, np.ones(2), np.timedelta64(1, "s")):
        with pytest.raises(SlaError, match="reduce is"):
            split["plain"].frames(reduce=reduce)  # type: ignore[arg-type]
    for key in (None, 1.5, b"plain", slice(0, 2), True, np.array([0]), np.timedelta64(0, "s")):
        with pytest.raises(SlaError, match="by its id or number"):
            split[key]  # type: ignore[index]
        assert key not in split
    assert ["plain"] not in split and "plain" in split
    for wanted in (slice("a", "b"), slice(0, np.zeros(3)), slice(0, 2.0), slice(0, True), 3, None):
        with pytest.raises(SlaError, match="by a slice" if not isinstance(wanted, slice) else "has whole numbers"):
            split["plain"].frames(wanted)  # type: ignore[arg-type]


def test_a_split_is_asked_for_by_its_name(tmp_path: Path) -> None:
    store = Store(make_store(tmp_path, {"test": [encoded("plain")]}))
    assert "test" in store and "dev" not in store
    for wrong in (0, None, np.array(["test", "dev"])):
        assert wrong not in store
        with pytest.raises(SlaError, match="has no split"):
            store[wrong]  # type: ignore[index]


def _checksum(split: Split) -> int:
    return int(sum(one.frames().astype(np.int64).sum() for one in split))


@pytest.mark.parametrize(("method", "processes"), [("fork", 2), ("spawn", 1)])
def test_an_open_split_crosses_into_processes(split: Split, method: str, processes: int) -> None:
    expected = _checksum(split)  # opens it here
    with multiprocessing.get_context(method).Pool(processes) as pool:
        assert pool.map(_checksum, [split, split, split], chunksize=1) == [expected] * 3
    assert _checksum(split) == expected
    assert _checksum(pickle.loads(pickle.dumps(split))) == expected


def test_a_forked_child_opens_the_file_for_itself(split: Split) -> None:
    expected = _checksum(split)
    file = split.rows[0][0]
    parents = file.file.id.id
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.SimpleQueue[tuple[int, bool]] = context.SimpleQueue()

    def child() -> None:  # inherits the split with its handle
        handle = file._file
        answers.put((_checksum(split), file.file is handle))

    process = context.Process(target=child)
    process.start()
    process.join()
    assert answers.get() == (expected, False)
    assert file.file.id.id == parents


def test_another_process_reads_no_other_file_of_the_name(tmp_path: Path) -> None:
    """It would take clips of the new file by the places of the old one."""
    split = one_split(tmp_path, [encoded("plain")])
    sent = pickle.dumps(split)
    again = pickle.loads(sent)
    assert _checksum(again) == _checksum(split)
    write_file(split.rows[0][0].path, [encoded("no glosses")])
    with pytest.raises(SlaError, match="was replaced by another command while it was read"):
        _checksum(pickle.loads(sent))
    with pytest.raises(SlaError, match="was replaced by another command while it was read"):
        open_split(str(split.store), split.name, split.digest)


def test_an_open_file_is_read_to_its_end_if_another_replaces_it(tmp_path: Path) -> None:
    before = StoreFile(write_file(tmp_path / "clips.h5", [encoded("plain")]))
    after = StoreFile(write_file(tmp_path / "clips.h5", [encoded("no glosses")]))
    assert [(file.ids, file.signers, len(file.encoded(0))) for file in (before, after)] == [
        (["plain"], ["Signer01"], 5),
        (["no glosses"], ["Signer01"], 4),
    ]
    assert before.glosses == [("HEUTE", "HEUTE")]


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    one, two = (write_file(tmp_path / name, map(encoded, CLIPS)) for name in ("one.h5", "two.h5"))
    assert one.read_bytes() == two.read_bytes()


CHANGES: list[Callable[[EncodedClip], EncodedClip]] = [
    lambda one: replace(one, id="another"),
    lambda one: replace(one, signer="another"),
    lambda one: replace(one, glosses=("HEUTE",)),
    lambda one: replace(one, raw_glosses=("HEUTE",)),
    lambda one: replace(one, translation="Heute"),
    lambda one: replace(one, source="another"),
    lambda one: replace(one, frames=replace(one.frames, fps=24.0)),
    lambda one: pictures_only(one, np.concatenate([one.frames.data[:-1], one.frames.data[-1:] ^ 1])),
]


def test_other_content_gives_another_digest(tmp_path: Path) -> None:
    one, two = encoded("plain"), encoded("no glosses")
    others = [[two, one], *([change(one), two] for change in CHANGES)]
    digests = [one_split(tmp_path / str(number), clips).digest for number, clips in enumerate([[one, two], *others])]
    assert len(set(digests)) == len(digests)
    assert one_split(tmp_path / "same", [one, two], shards=2, division="another").digest == digests[0]


def test_the_file_is_hardly_larger_than_its_frames(split: Split) -> None:
    [file] = Store(split.store).files
    assert file.path.stat().st_size < sum(split.clip_bytes) + (64 << 10)


def test_a_file_without_clips(tmp_path: Path) -> None:
    file = StoreFile(write_file(tmp_path / "clips.h5", []))
    assert (file.ids, file.glosses, file.lengths) == ([], [], [])


@pytest.mark.parametrize(
    "glosses", [("HEUTE REGEN",), ("",), ("A", "B\u00a0"), ("A\u3000B",), ("A\ufffe",), ("A\x07",)]
)
def test_glosses_that_would_not_read_back_are_refused(tmp_path: Path, glosses: tuple[str, ...]) -> None:
    with pytest.raises(SlaError, match="clip plain: a gloss is empty, or holds white space or control characters"):
        write_file(tmp_path / "clips.h5", [replace(encoded("plain"), glosses=glosses)])
    assert list(tmp_path.iterdir()) == []


def test_clips_are_written_one_at_a_time(tmp_path: Path) -> None:
    """Memory holds one clip: the next is requested only when the previous one is in the file."""
    alive: list[int] = []

    def clips() -> Iterator[EncodedClip]:
        for number in range(4):
            alive.append(number)
            yield replace(encoded("plain"), id=str(number))

    write_clips(tmp_path / "clips.h5", HEADER, clips(), 4 * len(encoded("plain").frames.data))
    assert alive == [0, 1, 2, 3]


@pytest.mark.parametrize("size", [1000, 50_000, 3 << 20])
def test_a_full_disk_leaves_the_earlier_file(small_disk: Path, size: int) -> None:
    """HDF5 itself crashes the process here."""
    path = write_file(small_disk / "clips.h5", [encoded("plain")])
    before = StoreFile(path).digest
    large = pictures_only(encoded("plain"), np.ones(size, np.uint8), np.array([size], np.int64))
    with pytest.raises(SlaError, match="No space left") as caught:
        write_file(path, [replace(large, id=str(number)) for number in range(-(-(3 << 20) // size))])
    assert "a file that was there is unchanged" in caught.value.hint
    assert StoreFile(path).digest == before
    assert [entry.name for entry in small_disk.iterdir()] == ["clips.h5"]


def test_an_undecodable_frame_is_named_by_its_number_in_the_clip(tmp_path: Path) -> None:
    one = encoded("plain")
    data, sizes = one.frames.data.copy(), one.frames.sizes
    data[sizes[:3].sum() : sizes[:4].sum()] = 0
    stored = one_split(tmp_path, [pictures_only(one, data)])["plain"]
    assert len(stored.frames(slice(0, 3))) == 3
    with pytest.raises(FormatError, match="clip plain, frame 3 does not decode") as caught:
        stored.frames(slice(2, 5))
    assert "--force" in caught.value.hint, "without it the store is up to date"
