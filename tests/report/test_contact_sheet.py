"""Contact sheets by their properties: size, the store's own frames in it, text where text belongs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from clip_store import bytes_only, make_store
from matplotlib.font_manager import FontEntry, fontManager

from sla_cli.errors import SlaError
from sla_cli.pages.fonts import PREFERRED, families_for
from sla_cli.report.contact_sheet import FRAMES, GAP, MARGIN, MOST, SIDE, WIDTH, write_sheet
from sla_cli.store.content import EncodedClip, EncodedFrames
from sla_cli.store.division import Division, write_division
from sla_cli.store.paths import division_path
from sla_cli.store.store import Store

ARABIC, CHINESE = "\u0634\u0645\u0633", "\u5929\u6c14"


def flat(name: str, text: str, frames: int = FRAMES, **more: str) -> EncodedClip:
    """A clip of the sheet's own size, every frame of which is one colour: its number, and the name's last letter."""
    parts = [np.full((SIDE, SIDE, 3), (10 * frame, 255, ord(name[-1])), np.uint8).ravel() for frame in range(frames)]
    sizes = np.array([len(part) for part in parts], np.int64)
    return EncodedClip(name, "", tuple(text.split()), EncodedFrames(np.concatenate(parts), sizes, 25.0), **more)


def store(folder: Path, *clips: EncodedClip, split: str = "dev") -> Path:
    return make_store(folder / "store", {split: clips}, size=SIDE, codec="raw", quality=0)


def draw(path: Path, tmp_path: Path, **options: object) -> np.ndarray:
    out = tmp_path / "sheet.png"
    width, height = write_sheet(out, path, **options)  # type: ignore[arg-type]
    image = cv2.imread(str(out))
    assert image.shape == (height, width, 3)
    return image


def rows_of_frames(image: np.ndarray) -> list[int]:
    """Top of each row of frames: all pixels of a row's first frame have green 255 and blue 0."""
    column = image[:, MARGIN + SIDE // 2]
    inside = (column[:, 1] == 255) & (column[:, 0] == 0)
    return np.flatnonzero(inside & ~np.roll(inside, 1)).tolist()


def inked(image: np.ndarray) -> np.ndarray:
    """Where there is text, bool (height, width)."""
    return image.max(axis=2) < 120


def test_every_frame_of_the_store_is_in_it_in_order_and_unchanged(tmp_path: Path) -> None:
    path = store(tmp_path, flat("clip-a", "HEUTE REGEN"), flat("clip-b", "SONNE"))
    image = draw(path, tmp_path)
    assert image.shape[1] == WIDTH + 2 * MARGIN
    tops = rows_of_frames(image)
    assert len(tops) == 2
    for top, clip in zip(tops, Store(path)["dev"], strict=True):
        for number, frame in enumerate(clip.frames()):
            left = MARGIN + number * (SIDE + GAP)
            seen = image[top : top + SIDE, left : left + SIDE, ::-1]
            assert (seen == frame).all()


def test_frames_are_evenly_spaced(tmp_path: Path) -> None:
    image = draw(store(tmp_path, flat("clip-a", "A", 25)), tmp_path)
    (top,) = rows_of_frames_of_any_blue(image)
    blues = [int(image[top + 5, MARGIN + number * (SIDE + GAP) + 5, 0]) // 10 for number in range(FRAMES)]
    assert blues == [1, 4, 6, 9, 12, 15, 18, 20, 23]  # the middles of nine equal stretches of 25 frames


def rows_of_frames_of_any_blue(image: np.ndarray) -> list[int]:
    inside = image[:, MARGIN + SIDE // 2, 1] == 255
    return np.flatnonzero(inside & ~np.roll(inside, 1)).tolist()


def test_a_clip_shorter_than_the_row_repeats_frames(tmp_path: Path) -> None:
    image = draw(store(tmp_path, flat("clip-a", "A", 2)), tmp_path)
    (top,) = rows_of_frames(image)
    blues = [int(image[top + 5, MARGIN + number * (SIDE + GAP) + 5, 0]) for number in range(FRAMES)]
    assert blues == [0] * 4 + [10] * 5


def test_clips_are_drawn_at_random_by_seed_or_named(tmp_path: Path) -> None:
    path = store(tmp_path, *(flat(f"clip-{chr(97 + number)}", "A") for number in range(20)))
    reds = [
        [int(image[top + 5, MARGIN + 5, 2]) for top in rows_of_frames(image)]
        for image in (
            draw(path, tmp_path, count=5, seed=1),
            draw(path, tmp_path, count=5, seed=1),
            draw(path, tmp_path, count=5, seed=2),
        )
    ]
    assert reds[0] == reds[1] == sorted(reds[0])
    assert len(set(reds[0])) == 5
    assert reds[0] != reds[2]
    image = draw(path, tmp_path, ids=("clip-t", "clip-b"))
    assert [chr(image[top + 5, MARGIN + 5, 2]) for top in rows_of_frames(image)] == ["t", "b"]


def test_all_clips_of_a_signer_are_drawn_and_nobody_elses(tmp_path: Path) -> None:
    """Also those in no split, and however a table writes the name."""
    people = {"clip-a": "S01", "clip-b": "S02", "clip-c": "s01 ", "clip-d": ""}
    clips = [replace(flat(name, "A"), signer=signer) for name, signer in people.items()]
    path = store(tmp_path, *clips)
    write_division(path, Division("corpus", {"clip-a": "dev", "clip-b": "train"}))
    write_division(path, Division("f1", {"clip-b": "dev"}))

    def drawn(**options: object) -> str:
        image = draw(path, tmp_path, count=None, **options)
        return "".join(chr(image[top + 5, MARGIN + 5, 2]) for top in rows_of_frames(image))

    assert drawn(signer="s01") == "ac"
    assert drawn(signer="S01", split="dev") == "a"
    division_path(path, "corpus").unlink()
    assert drawn(signer="s01") == "ac"
    with pytest.raises(SlaError, match="own division is missing"):
        drawn(signer="S02", split="dev")
    path = path.with_name(f"{path.name}:f1")
    assert (drawn(signer="S01"), drawn(signer="S02", split="dev")) == ("ac", "b")
    for nobody in ("S03", "", " "):
        with pytest.raises(SlaError, match="is by a signer"):
            drawn(signer=nobody)


def test_a_clip_that_is_named_may_be_in_any_split_or_none(tmp_path: Path) -> None:
    path = store(tmp_path, *(flat(f"clip-{letter}", "A") for letter in "abc"))
    write_division(path, Division("corpus", {"clip-a": "dev", "clip-b": "train"}))
    image = draw(path, tmp_path, ids=("clip-c", "clip-b", "clip-a"))
    assert [chr(image[top + 5, MARGIN + 5, 2]) for top in rows_of_frames(image)] == ["c", "b", "a"]
    with pytest.raises(SlaError, match=r"dev of .*: no clip 'clip-b'"):
        draw(path, tmp_path, ids=("clip-b",), split="dev")


def test_a_sheet_of_a_person_does_not_depend_on_others(tmp_path: Path) -> None:
    own = [replace(flat(name, "A"), signer="S01") for name in ("clip-a", "clip-b")]
    other = replace(flat("clip-c", "A"), signer="S02")
    stores = [store(tmp_path / "alone", *own), store(tmp_path / "both", *own, other)]
    sheets = [draw(path, tmp_path, signer="S01", count=1) for path in stores]
    np.testing.assert_array_equal(*sheets)


def test_a_sheet_that_few_programs_could_open_is_refused(tmp_path: Path) -> None:
    path = store(tmp_path, *(bytes_only(f"c{number}", "A", 0, signer="S01") for number in range(MOST + 1)))
    for count in (None, MOST + 1):
        with pytest.raises(SlaError, match=f"sheet of {MOST + 1} clips would be too high"):
            write_sheet(tmp_path / "x.png", path, signer="S01", count=count)
    with pytest.raises(SlaError, match=f"too high\nName at most {MOST}"):  # --clips is refused with --clip
        write_sheet(tmp_path / "x.png", path, ids=[f"c{number}" for number in range(MOST + 1)])
    assert draw(path, tmp_path, signer="S01", count=1).shape[1] == WIDTH + 2 * MARGIN
    with pytest.raises(SlaError, match=r"a sheet of .* pixels would be too high"):
        draw(store(tmp_path / "long", bytes_only("c", ("A" * 99,) * 2000, 0)), tmp_path)


def test_glosses_stand_on_the_side_on_which_their_script_begins(tmp_path: Path) -> None:
    path = store(tmp_path, flat("clip-a", "HEUTE REGEN"), flat("clip-b", f"{ARABIC} {ARABIC}"), flat("clip-c", CHINESE))
    image = draw(path, tmp_path)
    for top, right in zip(rows_of_frames(image), (False, True, False), strict=True):
        line = inked(image)[top + SIDE + 40 : top + SIDE + 66]
        columns = np.flatnonzero(line.any(axis=0))
        assert len(columns) > 10
        assert (columns.min() > MARGIN + WIDTH / 2) == right
        assert (columns.max() < MARGIN + WIDTH / 2) == (not right)


def test_arabic_letters_are_joined(tmp_path: Path) -> None:
    """A joined word is narrower than its letters, which a zero-width non-joiner parts."""
    joined, parted = (
        widest_run(draw(store(tmp_path / name, flat("clip-a", text)), tmp_path))
        for name, text in (("joined", ARABIC), ("parted", "\u200c".join(ARABIC)))
    )
    assert joined < 0.9 * parted


def widest_run(image: np.ndarray) -> int:
    (top,) = rows_of_frames(image)
    columns = np.flatnonzero(inked(image)[top + SIDE + 40 : top + SIDE + 66].any(axis=0))
    return int(columns.max() - columns.min())


def test_many_glosses_take_more_lines_and_all_are_inside(tmp_path: Path) -> None:
    path = store(tmp_path, flat("clip-a", " ".join(f"GLOSSE{number}" for number in range(40))))
    image = draw(path, tmp_path)
    one = draw(store(tmp_path / "one", flat("clip-a", "GLOSSE")), tmp_path)
    assert image.shape[0] > one.shape[0] + 60
    assert not inked(image)[:, : MARGIN - 2].any()
    assert not inked(image)[:, -MARGIN + 2 :].any()


def test_text_is_not_taken_for_mathematics(tmp_path: Path) -> None:
    draw(store(tmp_path, flat("clip-$_a$", r"$\frac{1}$ $$ a^b_ \alpha")), tmp_path)


def test_a_script_that_no_font_has_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    unassigned = "\U000e1234"
    assert families_for(f"A{unassigned}")[1] == {unassigned}
    with caplog.at_level("WARNING", logger="sla"):
        draw(store(tmp_path, flat("clip-a", f"A{unassigned}")), tmp_path)
    assert "no installed font has" in caplog.text


def test_fonts_are_added_for_what_the_first_one_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = FontEntry(fname="/removed/since/it/was/listed.ttc", name=PREFERRED[0], style="normal", weight=400)
    monkeypatch.setattr(fontManager, "ttflist", [gone, *fontManager.ttflist])
    assert families_for("HEUTE \u00fc " + ARABIC) == (["DejaVu Sans"], set())
    families, missing = families_for(CHINESE)
    assert (len(families) == 2) != bool(missing)  # where a Chinese font is installed, it is taken


def test_a_clip_without_frames_or_glosses_has_its_row(tmp_path: Path) -> None:
    empty = bytes_only("clip-b", (), 0)
    image = draw(store(tmp_path, flat("clip-a", "A"), empty), tmp_path)
    assert len(rows_of_frames(image)) == 1


def test_nothing_to_draw_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="has no split 'dev'"):
        write_sheet(tmp_path / "x.png", make_store(tmp_path / "store", {"dev": []}))
    with pytest.raises(SlaError, match="no clip 'nobody'"):
        write_sheet(tmp_path / "x.png", store(tmp_path / "one", flat("clip-a", "A")), ids=("nobody",))
    assert not (tmp_path / "x.png").exists()
