"""The store returns what was written, in any process, or raises an error."""

from __future__ import annotations

import multiprocessing
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.artifact.receipt import Receipt, write_receipt
from sla_cli.errors import FormatError, SlaError
from sla_cli.store.codec import encode
from sla_cli.store.content import Encoded, SplitHeader
from sla_cli.store.file import StoreFile
from sla_cli.store.paths import split_files, split_path
from sla_cli.store.store import Split, Store, vocabulary_digest
from sla_cli.store.write import write_split

HEADER = SplitHeader(
    "phoenix2014",
    "train",
    24,
    25.0,
    95,
    ("HEUTE", "NULL", "سوق_تجاري", "下雨", "A\u0301"),
    fit="pad",
    labels="phoenix2014.v1",
    protocol="SI",
    recipe="0123456789abcdef",
)
CLIPS = {  # id to signer, glosses, frames
    "plain": ("Signer01", ("HEUTE", "HEUTE"), 5),
    "with/slashes/../and a space": ("", ("NULL",), 1),
    "سوق-٣": ("موقّع", ("سوق_تجاري", "下雨"), 3),
    "e\u0301 is not é": ("手語", ("A\u0301", "Á", "\u200dX", "🤟"), 2),
    "no glosses": ("Signer01", (), 4),
    "x" * 5000: ("Signer01", ("NULL", "nan", "None", "#"), 2),
}


def encoded(name: str) -> Encoded:
    signer, glosses, frames = CLIPS[name]
    rng = np.random.default_rng(len(name))
    images = (cv2.GaussianBlur(rng.integers(0, 255, (24, 24, 3), np.uint8), (0, 0), 3) for _ in range(frames))
    parts = [cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].ravel() for image in images]
    return Encoded(name, signer, glosses, np.concatenate(parts), np.array([len(part) for part in parts], np.int64))


def write(path: Path, clips: Sequence[Encoded], header: SplitHeader = HEADER) -> Split:
    write_split(path, header, iter(clips), sum(len(clip.data) for clip in clips))
    return Split(path)


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return write(tmp_path_factory.mktemp("store") / "train.h5", [encoded(name) for name in CLIPS])


def test_every_clip_comes_back(split: Split) -> None:
    assert split.ids == list(CLIPS)
    assert len(split) == len(CLIPS)
    for name, (signer, glosses, frames) in CLIPS.items():
        clip, raw, original = split[name], split[name].raw(), encoded(name)
        assert name in split
        assert (clip.id, clip.signer, clip.glosses, len(clip)) == (name, signer, glosses, frames)
        assert np.array_equal(raw.data, original.data)
        assert np.array_equal(raw.sizes, original.sizes)
        parts = np.split(raw.data, raw.sizes.cumsum()[:-1])
        images = [cv2.imdecode(part, cv2.IMREAD_COLOR)[..., ::-1] for part in parts]
        assert np.array_equal(clip.frames(), np.stack(images))
    assert split.references() == {name: glosses for name, (_, glosses, _) in CLIPS.items()}


def test_what_is_said_of_a_clip_comes_back(tmp_path: Path) -> None:
    clip = replace(
        encoded("plain"),
        raw_glosses=("loc-HEUTE", "__ON__", "HEUTE"),
        translation="Heute, heute.\tMit Tab und 你好",
        fps=29.97,
        squared_error=1.25,
        source="videos/a b.mp4 1.5-3.0",
    )
    stored = write(tmp_path / "train.h5", [clip, encoded("no glosses")])
    nothing = np.empty(0)
    again = replace(stored["plain"].raw(), data=nothing, sizes=nothing)
    assert repr(again) == repr(replace(clip, data=nothing, sizes=nothing))
    assert (stored["plain"].glosses, stored["plain"].raw_glosses) == (clip.glosses, clip.raw_glosses)
    assert (stored["plain"].translation, stored["plain"].fps) == (clip.translation, 29.97)
    assert stored.references() == {"plain": clip.raw_glosses, "no glosses": ()}
    assert (stored.glosses, stored.raw_glosses) == ([clip.glosses, ()], [clip.raw_glosses, ()])
    assert (stored.translations, stored.clip_fps.tolist()) == ([clip.translation, ""], [29.97, 0.0])


def test_a_split_without_references_says_so(tmp_path: Path) -> None:
    split = write(tmp_path / "test.h5", [encoded("no glosses")], replace(HEADER, split="test", annotated=False))
    with pytest.raises(SlaError, match="the test split of phoenix2014 has no reference glosses") as caught:
        split.references()
    assert "decoded but not scored" in caught.value.hint


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(sorted(CLIPS)), min_size=1, unique=True), st.integers(1, 4))
def test_shards_are_one_split(names: list[str], size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clips = [encoded(name) for name in names]
        groups = [clips[start : start + size] for start in range(0, len(clips), size)]
        for number, group in enumerate(groups):
            path = split_path(Path(folder), "dev", number, len(groups))
            header = replace(HEADER, shard=number, shards=len(groups))
            write_split(path, header, group, sum(len(clip.data) for clip in group))
        split = Split(*split_files(Path(folder), "dev"))
        assert split.ids == names
        assert [clip.id for clip in split] == [split[number].id for number in range(-len(names), 0)] == names
        assert split.lengths == [CLIPS[name][2] for name in names]
        assert split.references() == {name: CLIPS[name][1] for name in names}
        for clip in clips:
            assert np.array_equal(split[clip.id].raw().data, clip.data)


@pytest.mark.parametrize("codec", ["png", "raw"])
def test_lossless_frames_come_back_to_the_bit(codec: str, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (3, 24, 24, 3), np.uint8)
    parts = [encode(image, codec, 0) for image in images]
    clip = Encoded("a", "", (), np.concatenate(parts), np.array([len(part) for part in parts], np.int64))
    split = write(tmp_path / "dev.h5", [clip], replace(HEADER, codec=codec, quality=0))
    assert np.array_equal(split["a"].frames(), images[..., ::-1])
    small = split["a"].frames(slice(1, 3), reduce=4)
    assert np.abs(small - images[1:, ..., ::-1].reshape(2, 6, 4, 6, 4, 3).mean(axis=(2, 4))).max() <= 1


def test_what_all_clips_share_comes_back(split: Split) -> None:
    assert split.files[0].header == HEADER
    assert (split.corpus, split.name, split.size, split.fps) == ("phoenix2014", "train", 24, 25.0)
    assert (split.codec, split.quality, split.fit) == ("jpeg", 95, "pad")
    assert (split.labels, split.protocol, split.recipe) == ("phoenix2014.v1", "SI", "0123456789abcdef")
    assert vocabulary_digest(split.vocabulary) != vocabulary_digest(split.vocabulary[::-1])


bounds = st.one_of(st.none(), st.integers(-8, 8))


@given(st.sampled_from(sorted(CLIPS)), bounds, bounds)
def test_a_slice_of_frames_is_that_slice_of_all(split: Split, name: str, start: int | None, stop: int | None) -> None:
    wanted = slice(start, stop)
    part, whole = split[name].frames(wanted), split[name].frames()
    assert np.array_equal(part, whole[wanted])
    assert part.shape[1:] == (24, 24, 3)


@pytest.mark.parametrize("reduce", [1, 2, 4, 8])
def test_frames_decoded_smaller_are_those_of_the_whole_scaled_down(split: Split, reduce: int) -> None:
    whole, small = split["plain"].frames(), split["plain"].frames(slice(0, 2), reduce=reduce)
    side = 24 // reduce
    area = whole[:2].reshape(2, side, reduce, side, reduce, 3).mean(axis=(2, 4))
    assert small.shape == (2, side, side, 3)
    assert np.abs(small - area).mean() < 4
    assert split["plain"].frames(slice(0), reduce=reduce).shape == (0, side, side, 3)


def test_clips_are_found_by_number_as_in_a_list(split: Split) -> None:
    assert [clip.id for clip in split] == [split[number].id for number in range(len(split))] == split.ids
    assert split[-1].id == split.ids[-1]
    assert np.array_equal(split[-2].frames(), split[len(split) - 2].frames())
    assert split[np.int64(2)].id == split.ids[2]  # type: ignore[call-overload, index, unused-ignore]
    with pytest.raises(IndexError):
        split[len(split)]
    with pytest.raises(SlaError, match="no clip 'unheard of'"):
        split["unheard of"]
    with pytest.raises(ValueError, match="step of 1"):
        split["plain"].frames(slice(None, None, 2))


def _checksum(split: Split) -> int:
    return int(sum(clip.frames().astype(np.int64).sum() for clip in split))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_open_split_crosses_into_processes(split: Split, method: str) -> None:
    expected = _checksum(split)  # opens it here
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(_checksum, [split, split, split], chunksize=1) == [expected] * 3
    assert _checksum(split) == expected
    assert _checksum(pickle.loads(pickle.dumps(split))) == expected


def test_a_forked_child_opens_the_file_for_itself(split: Split) -> None:
    expected = _checksum(split)
    parents = split.files[0].file.id.id
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.SimpleQueue[tuple[int, bool]] = context.SimpleQueue()

    def child() -> None:  # inherits the split with its handle
        handle = split.files[0]._file
        answers.put((_checksum(split), split.files[0].file is handle))

    process = context.Process(target=child)
    process.start()
    process.join()
    assert answers.get() == (expected, False)
    assert split.files[0].file.id.id == parents


def test_a_split_that_was_opened_is_read_to_its_end_where_another_takes_its_place(tmp_path: Path) -> None:
    before = write(tmp_path / "train.h5", [encoded("plain")])
    after = write(tmp_path / "train.h5", [encoded("no glosses")])
    assert [(split.ids, split.signers, len(split[0].frames())) for split in (before, after)] == [
        (["plain"], ["Signer01"], 5),
        (["no glosses"], ["Signer01"], 4),
    ]
    assert before.glosses == [("HEUTE", "HEUTE")]


def test_a_frame_that_does_not_decode_is_named_by_its_number_in_the_clip(tmp_path: Path) -> None:
    clip = encoded("plain")
    data = clip.data.copy()
    data[clip.sizes[:3].sum() : clip.sizes[:4].sum()] = 0
    split = write(tmp_path / "train.h5", [replace(clip, data=data)])
    assert len(split["plain"].frames(slice(0, 3))) == 3
    with pytest.raises(FormatError, match="clip plain, frame 3 does not decode") as caught:
        split["plain"].frames(slice(2, 5))
    assert "--force" in caught.value.hint, "without it the store is up to date"


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    clips = [encoded(name) for name in CLIPS]
    one, two = write(tmp_path / "one.h5", clips), write(tmp_path / "two.h5", clips)
    assert one.digest == two.digest
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


def _other_byte(clip: Encoded) -> Encoded:
    return replace(clip, data=np.concatenate([clip.data[:-1], clip.data[-1:] ^ 1]))


@pytest.mark.parametrize(
    "change",
    [
        lambda clip: replace(clip, id="another"),
        lambda clip: replace(clip, signer="another"),
        lambda clip: replace(clip, glosses=("HEUTE",)),
        lambda clip: replace(clip, raw_glosses=("HEUTE",)),
        lambda clip: replace(clip, translation="Heute"),
        lambda clip: replace(clip, fps=24.0),
        _other_byte,
    ],
)
def test_any_other_content_gives_another_digest(tmp_path: Path, change: Callable[[Encoded], Encoded]) -> None:
    one, two = encoded("plain"), encoded("no glosses")
    digest = write(tmp_path / "a.h5", [one, two]).digest
    assert write(tmp_path / "b.h5", [change(one), two]).digest != digest
    assert write(tmp_path / "c.h5", [two, one]).digest != digest
    assert write(tmp_path / "d.h5", [one, two], replace(HEADER, vocabulary=("HEUTE",))).digest != digest


def test_a_split_without_clips(tmp_path: Path) -> None:
    split = write(tmp_path / "dev.h5", [], replace(HEADER, vocabulary=()))
    assert (len(split), list(split), split.vocabulary) == (0, [], ())


def test_the_file_is_hardly_larger_than_its_frames(split: Split) -> None:
    assert split.path.stat().st_size < sum(len(clip.raw().data) for clip in split) + (64 << 10)


@pytest.mark.parametrize("glosses", [("HEUTE REGEN",), ("",), ("A", "B\u00a0"), ("A\u3000B",)])
def test_glosses_that_would_not_read_back_are_refused(tmp_path: Path, glosses: tuple[str, ...]) -> None:
    with pytest.raises(SlaError, match="clip plain: a gloss is empty or holds white space"):
        write(tmp_path / "train.h5", [replace(encoded("plain"), glosses=glosses)])
    assert list(tmp_path.iterdir()) == []


def _no_hdf5(path: Path) -> None:
    path.write_bytes(b"no HDF5 at all")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3000])


def _other_format(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["format"] = "sla-emissions"


def _foreign(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["x"] = 1


def _other_version(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 99


def _version_0(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 0


def _no_sources(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["sources"]


def _no_ids(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["ids"]


def _no_fps(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file.attrs["fps"]


def _numbers_for_ids(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["ids"]
        file["ids"] = [1, 2]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_no_hdf5, "not an HDF5 file"),
        (_empty, "not an HDF5 file"),
        (_truncated, "not an HDF5 file, or a damaged one"),
        (_other_format, "holds sla-emissions, expected sla-store"),
        (_foreign, "holds something else, expected sla-store"),
        (_version_0, "sla-store version 0, this sla reads version 1 and 2"),
        (_other_version, "sla-store version 99, this sla reads version 1 and 2"),
        (_no_ids, "damaged or incomplete"),
        (_no_sources, "damaged or incomplete .*no sources"),
        (_no_fps, "damaged or incomplete"),
        (_numbers_for_ids, "damaged or incomplete"),
    ],
)
def test_what_is_no_store_is_named_with_the_stage_that_makes_one(
    tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    path = tmp_path / "train.h5"
    write(path, [encoded("plain")])
    spoil(path)
    with pytest.raises(FormatError, match=message) as caught:
        Split(path)
    assert str(path) in caught.value.message
    assert "sla prep" in caught.value.hint


def test_a_store_has_splits(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match=r"is not a store: no train\.h5, dev\.h5, test\.h5 in it"):
        Store(tmp_path)
    for name in ("dev", "train"):
        write(split_path(tmp_path, name), [encoded("plain")], replace(HEADER, split=name))
    with pytest.raises(SlaError, match="not complete"):
        Store(tmp_path)
    write_receipt(Receipt("prep", {}, {}), tmp_path)
    store = Store(tmp_path)
    assert store.splits == ["train", "dev"]
    assert (store.corpus, store.vocabulary) == (HEADER.corpus, HEADER.vocabulary)
    assert store["dev"].name == "dev"
    assert store["dev"] is store["dev"]
    with pytest.raises(SlaError, match="has no split 'test'") as caught:
        store["test"]
    assert "train, dev" in caught.value.hint


def test_clips_are_taken_one_at_a_time(tmp_path: Path) -> None:
    """Memory holds one clip: the next is requested only when the previous one is in the file."""
    alive: list[int] = []

    def clips() -> Iterator[Encoded]:
        for number in range(4):
            clip = replace(encoded("plain"), id=str(number))
            alive.append(number)
            yield clip

    total = 4 * len(encoded("plain").data)
    write_split(tmp_path / "train.h5", HEADER, clips(), total)
    assert alive == [0, 1, 2, 3]


@pytest.mark.parametrize("size", [1000, 50_000, 3 << 20])
def test_a_full_disk_is_an_error_to_correct_and_leaves_what_was_there(small_disk: Path, size: int) -> None:
    """HDF5 itself crashes the process here."""
    path = small_disk / "train.h5"
    before = write(path, [encoded("plain")]).digest
    clip = replace(encoded("plain"), data=np.ones(size, np.uint8), sizes=np.array([size], np.int64))
    clips = [replace(clip, id=str(number)) for number in range(-(-(3 << 20) // size))]
    with pytest.raises(SlaError, match="No space left") as caught:
        write(path, clips)
    assert "files that were complete before are unchanged" in caught.value.hint
    assert Split(path).digest == before
    assert [entry.name for entry in small_disk.iterdir()] == ["train.h5"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("clip_offsets", lambda old: old[[0, 2, 1, 3]]),
        ("clip_offsets", lambda old: old.astype(float) + np.nan),
        ("clip_offsets", lambda old: old[:-1]),
        ("clip_offsets", lambda old: old.reshape(2, 2)),
        ("clip_offsets", lambda old: old - 1),
        ("clip_offsets", lambda old: old[:0]),
        ("clip_offsets", lambda old: np.where(old == old[-1], 2**62, old)),
        ("frame_offsets", lambda old: old[::-1]),
        ("frame_offsets", lambda old: old + (old > 0) * 10**9),
        ("frame_offsets", lambda old: old.astype(float) * np.nan),
        ("frame_offsets", lambda old: old.astype(np.uint64)[::-1]),
    ],
)
def test_offsets_that_are_none(tmp_path: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    path = split_path(tmp_path, "train")
    write(path, [encoded(name) for name in ("plain", "سوق-٣", "no glosses")])
    with h5py.File(path, "r+") as file:
        old = file[name][:]
        del file[name]
        file[name] = change(old)
    with pytest.raises(FormatError, match=rf"damaged or incomplete \(.*{name}"):
        StoreFile(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_frame_rates_that_are_none(tmp_path: Path, value: float) -> None:
    path = split_path(tmp_path, "train")
    write(path, [encoded("plain")])
    with h5py.File(path, "r+") as file:
        file["clip_fps"][:] = value
    with pytest.raises(FormatError, match=r"clip_fps|is damaged: .* not as they were written"):
        _ = StoreFile(path).clip_fps
