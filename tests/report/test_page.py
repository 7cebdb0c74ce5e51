"""The page is read as a browser reads it: parsed, never matched as a string of markup."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.core.hypothesis import Hypothesis
from sla_cli.core.result import Score, score_clip
from sla_cli.errors import FormatError, SlaError
from sla_cli.formats.emissions import Emission, EmissionHeader, Emissions, write_emissions
from sla_cli.formats.store import Encoded, Split, SplitHeader, write_split
from sla_cli.report.page import System, write_page
from sla_cli.report.timeline import Reading, draw_timeline

GLOSSES = ("<b>FETT</b>", 'A&B"', "REGEN", "SONNE", "شمس", "天气")
STRIDE, FRAMES = 4, 38
SENTENCES = {
    "clip<i>0</i>": ("REGEN", "SONNE"),
    "clip-1": ("<b>FETT</b>", 'A&B"', "UNSEEN"),
    "clip-2": ("شمس", "天气", "شمس"),
    "clip-3": ("SONNE",),
}
SYSTEMS = {
    "beam 10": [("REGEN", "SONNE"), ("<b>FETT</b>", "REGEN"), ("شمس", "天气", "شمس"), ("REGEN", "SONNE")],
    "beam 10 + <u>bigram</u>": [("REGEN",), ("<b>FETT</b>", "REGEN"), ("شمس", "天气", "شمس"), ("SONNE",)],
}
METRICS = "epoch\tloss\tdev_wer\n1\t250.5\t100.0\n2\t40.25\t37.5\n3\t9.125\t41.25\n"


@dataclass
class Page(HTMLParser):
    """Visible text, tags, and the pictures by their class."""

    text: str = ""
    tags: set[str] = field(default_factory=set)
    pictures: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "img":
            self.pictures.append(dict(attrs)["src"] or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def parse(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.text = " ".join(page.text.split())
    return page


def decode(uri: str) -> np.ndarray:
    data = base64.b64decode(uri.split(",", 1)[1], validate=True)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return image


def store(folder: Path, sentences: dict[str, tuple[str, ...]], size: int = 48, frames: int = FRAMES) -> Split:
    rng = np.random.default_rng(0)
    clips = []
    for name, glosses in sentences.items():
        images = [rng.integers(0, 255, (size, size, 3), np.uint8) for _ in range(frames)]
        parts = [cv2.imencode(".jpg", image)[1].ravel() for image in images]
        sizes = np.array([len(part) for part in parts], np.int64)
        clips.append(Encoded(name, "<s>signer</s>", glosses, np.concatenate(parts), sizes))
    path = folder / "test.h5"
    header = SplitHeader("phoenix2014", "test", size, 25.0, 95, GLOSSES)
    write_split(path, header, clips, sum(len(clip.data) for clip in clips))
    return Split(path)


def emit(folder: Path, split: Split) -> Emissions:
    """Each gloss of the reference is sure at one step, in order; the blank is sure elsewhere."""
    path = folder / "emissions.h5"
    header = EmissionHeader("phoenix2014", "test", GLOSSES, STRIDE, 25.0, "store", "run")
    write_emissions(path, header, (peaked(clip.id, clip.glosses, len(clip)) for clip in split))
    return Emissions(path)


def peaked(name: str, glosses: Sequence[str], frames: int = FRAMES) -> Emission:
    logits = np.zeros((-(-frames // STRIDE), len(GLOSSES) + 1))
    logits[:, 0] = 6
    for number, gloss in enumerate(glosses):
        if gloss in GLOSSES:
            logits[2 * number + 1, GLOSSES.index(gloss) + 1] = 12
    return Emission(name, (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32), frames)


def systems(split: Split, recognised: dict[str, list[tuple[str, ...]]]) -> list[System]:
    answers = []
    for name, sentences in recognised.items():
        hypotheses = [
            Hypothesis(clip, heard, -1.0, tuple((8 * i + 4, 8 * i + 8) for i in range(len(heard))))
            for clip, heard in zip(split.ids, sentences, strict=True)
        ]
        clips = tuple(score_clip(h.id, split[h.id].glosses, h.glosses) for h in hypotheses)
        answers.append(System(name, Score("none", 1, f"wer|by:{name}|sla", clips), hypotheses))
    return answers


@dataclass
class Made:
    out: Path
    split: Split
    emissions: Emissions
    systems: list[System]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("page")
    split = store(folder, SENTENCES)
    emissions, compared = emit(folder, split), systems(split, SYSTEMS)
    (folder / "metrics.tsv").write_text(METRICS, encoding="utf-8")
    write_page(
        folder / "page.html",
        title="A <em>title</em>",
        split=split,
        emissions=emissions,
        systems=compared,
        metrics=folder / "metrics.tsv",
        note="Synthetic <q>signing</q>.",
        next_steps=("sla score --ref <FILE>",),
    )
    return Made(folder / "page.html", split, emissions, compared)


def test_it_shows_every_clip_every_figure_and_every_gloss(made: Made) -> None:
    page = parse(made.out)
    for clip in made.split:
        assert clip.id in page.text
        assert all(gloss in page.text for gloss in clip.glosses)
    for system in made.systems:
        total = system.score.total
        assert f"{system.name} {total.wer:.2f} % WER" in page.text
        assert (
            f"{total.correct} correct {total.substitutions} substituted {total.deletions} deleted "
            f"{total.insertions} inserted {system.score.signature}" in page.text
        )
    assert "37.5 % lowest, epoch 2" in page.text
    assert "9.125 lowest, epoch 3" in page.text
    assert "Synthetic <q>signing</q>." in page.text
    assert "sla score --ref <FILE>" in page.text


def test_what_users_name_is_text_and_never_markup(made: Made) -> None:
    assert not parse(made.out).tags & {"u", "s", "em", "q", "file", "script"}
    text = made.out.read_text(encoding="utf-8")
    assert "<b>FETT" not in text and "<i>0" not in text  # the page itself has such tags


def test_nothing_is_loaded_from_elsewhere(made: Made) -> None:
    page, text = parse(made.out), made.out.read_text(encoding="utf-8")
    assert "://" not in text
    assert "@import" not in text and "url(" not in text
    assert not page.tags & {"script", "link", "iframe", "object", "base", "form"}
    assert all(value.startswith("data:image/") for name, value in page.attributes if name in ("src", "srcset"))
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")


def test_links_lead_to_pictures(made: Made) -> None:
    attributes = parse(made.out).attributes
    anchors = {value for name, value in attributes if name == "id"}
    assert {value[1:] for name, value in attributes if name == "href"} == anchors
    assert len(anchors) == len(SENTENCES)


def test_glosses_of_any_script_say_their_own_direction(made: Made) -> None:
    assert sum(pair == ("dir", "auto") for pair in parse(made.out).attributes) > 20
    assert "شمس" in made.out.read_text(encoding="utf-8")


def test_pictures_decode_and_peak_where_the_glosses_are(made: Made) -> None:
    film, heat = decode(parse(made.out).pictures[0]), decode(parse(made.out).pictures[1])
    assert film.shape[2] == 3 and film.shape[1] % film.shape[0] == 0
    steps = -(-FRAMES // STRIDE)
    assert heat.shape == (3, steps, 4)  # REGEN, SONNE, blank
    assert [int(row.argmax()) for row in heat[:2, :, 3]] == [1, 3]
    assert heat[2, 1, 3] < heat[2, 0, 3]


def test_the_page_is_the_same_each_time(made: Made, tmp_path: Path) -> None:
    pages = [tmp_path / name for name in ("one.html", "two.html")]
    for page in pages:
        write_page(page, title="t", split=made.split, emissions=made.emissions, systems=made.systems)
    assert pages[0].read_bytes() == pages[1].read_bytes()


@pytest.mark.parametrize(
    ("clips", "shown"),
    [
        (0, []),
        (1, ["clip<i>0</i>"]),  # systems differ
        (3, ["clip<i>0</i>", "clip-1", "clip-2"]),  # and one that both got wrong, and one that both got right
        (9, list(SENTENCES)),
    ],
)
def test_pictures_are_of_clips_that_differ_that_fail_and_that_succeed(
    made: Made, tmp_path: Path, clips: int, shown: list[str]
) -> None:
    out = tmp_path / "page.html"
    write_page(out, title="t", split=made.split, emissions=made.emissions, systems=made.systems, clips=clips)
    labels = [value for name, value in parse(out).attributes if name == "aria-label" and value.startswith("time axis")]
    assert labels == [f"time axis of {name}" for name in shown]


def test_a_page_of_many_clips_stays_small(tmp_path: Path) -> None:
    sentences = {f"clip-{number}": ("REGEN", "SONNE", "شمس", "天气") for number in range(40)}
    split = store(tmp_path, sentences, size=112)  # noise, the hardest there is to compress
    compared = systems(split, {"a": list(sentences.values()), "b": [("REGEN",) * 5] * 40})
    write_page(tmp_path / "page.html", title="t", split=split, emissions=emit(tmp_path, split), systems=compared)
    assert (tmp_path / "page.html").stat().st_size < 2_000_000


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), st.integers(0, 99)), max_size=9
    )
)
def test_labels_never_cover_each_other(made: Made, heard: list[tuple[str, int]]) -> None:
    clip = made.split["clip-3"]
    starts = sorted(start % FRAMES for _, start in heard)
    hypothesis = Hypothesis(clip.id, tuple(gloss for gloss, _ in heard), 0.0, tuple((s, s + 1) for s in starts))
    reading = Reading("beam", score_clip(clip.id, clip.glosses, hypothesis.glosses), hypothesis)
    drawn = draw_timeline(clip, peaked(clip.id, clip.glosses), made.emissions.header, [reading])
    reference, lane = drawn.lanes
    assert lane.glosses == hypothesis.glosses
    assert [mark.gloss for mark in reference.marks] == ["SONNE"]
    assert [round(mark.start * FRAMES / 100) for mark in lane.marks] == starts
    assert all(mark.label >= -1e-9 and mark.room > 0 for mark in lane.marks)
    for left, right in pairwise(lane.marks):
        assert left.label + left.room == pytest.approx(right.label)


def test_a_reference_that_the_model_cannot_say_is_shown_without_times(made: Made) -> None:
    clip = made.split["clip-1"]
    reading = Reading("beam", score_clip(clip.id, clip.glosses, ()), Hypothesis(clip.id, ()))
    drawn = draw_timeline(clip, peaked(clip.id, clip.glosses), made.emissions.header, [reading])
    assert (drawn.lanes[0].glosses, drawn.lanes[0].marks) == (clip.glosses, ())


def test_systems_need_the_same_clips(made: Made, tmp_path: Path) -> None:
    first, second = made.systems
    fewer = replace(second, score=replace(second.score, clips=second.score.clips[1:]))
    with pytest.raises(SlaError, match="different clips: clip<i>0</i>"):
        write_page(tmp_path / "p", title="t", split=made.split, emissions=made.emissions, systems=[first, fewer])


def test_clips_without_emissions_are_named(made: Made, tmp_path: Path) -> None:
    header = EmissionHeader("phoenix2014", "test", GLOSSES, STRIDE, 25.0, "store", "run")
    write_emissions(tmp_path / "e.h5", header, [peaked("clip-1", ())])
    with pytest.raises(SlaError, match=r"e\.h5 lacks clips that were scored: clip-2, clip-3, clip<i>0"):
        write_page(
            tmp_path / "p", title="t", split=made.split, emissions=Emissions(tmp_path / "e.h5"), systems=made.systems
        )


def test_metrics_that_are_none_leave_an_older_page_alone(made: Made, tmp_path: Path) -> None:
    out, metrics = tmp_path / "page.html", tmp_path / "metrics.tsv"
    out.write_text("older", encoding="utf-8")
    metrics.write_text(METRICS + "4\tnan\t30.0\n", encoding="utf-8")
    with pytest.raises(FormatError, match=r"metrics\.tsv, line 5: loss is 'nan'"):
        write_page(out, title="t", split=made.split, emissions=made.emissions, systems=made.systems, metrics=metrics)
    assert out.read_text(encoding="utf-8") == "older"
    assert [path.name for path in tmp_path.glob("*page*")] == ["page.html"]


@pytest.mark.parametrize("rows", [[], ["1\t269.0\t100.0"], ["1\t3.0\t0.0", "2\t0.0\t0.0"]])
def test_short_and_flat_curves(made: Made, tmp_path: Path, rows: list[str]) -> None:
    metrics = tmp_path / "metrics.tsv"
    metrics.write_text("\n".join(["epoch\tloss\tdev_wer", *rows]) + "\n", encoding="utf-8")
    out = tmp_path / "page.html"
    write_page(out, title="t", split=made.split, emissions=made.emissions, systems=made.systems, metrics=metrics)
    assert ("Training loss" in parse(out).text) == bool(rows)
