"""The page is read as a browser reads it: parsed, never matched as a string of markup."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from report_work import CLIPS, FRAMES, GLOSSES, HOSTILE, METRICS, STRIDE, make_split, make_work, peaked

from sla_cli.core.clip_score import score_clip
from sla_cli.core.comparison import Comparison, MatchedPairs, verdict
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.core.result import Interval, Score
from sla_cli.errors import FormatError, SlaError
from sla_cli.report.page import REPORT, write_page
from sla_cli.report.system import System, load_systems
from sla_cli.work.emissions import EmissionHeader, Emissions, write_emissions
from sla_cli.work.run import Run


@dataclass
class Page(HTMLParser):
    """Visible text, tags, attributes, and the pictures in order."""

    text: str = ""
    tags: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    inside: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "img":
            self.pictures.append(dict(attrs)["src"] or "")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside not in ("script", "style"):
            self.text += data

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


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


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> list[System]:
    return load_systems(make_work(tmp_path_factory.mktemp("work")))


def test_it_shows_every_clip_every_figure_and_every_gloss(report: Path, systems: list[System]) -> None:
    page = parse(report)
    for name, glosses in CLIPS.items():
        assert name in page.text
        assert all(gloss in page.text for gloss in glosses)
    for mark, system in zip("AB", systems, strict=True):
        total, interval = system.score.total, system.score.interval
        assert interval is not None
        assert f"{mark}{system.name} {total.wer:.2f} % WER" in page.text
        assert f"95 % interval {interval.low:.2f} to {interval.high:.2f}" in page.text
        assert (
            f"{total.correct} correct {total.substitutions} substituted {total.deletions} deleted "
            f"{total.insertions} inserted" in page.text
        )
        assert system.score.signature in page.text
        assert set(system.settings.values()) <= {*page.text.split(), *system.settings.values()}
    assert "37.5 % lowest, epoch 2" in page.text
    assert "9.125 lowest, epoch 3" in page.text
    assert "Synthetic <q>signing</q>." in page.text
    assert "sla score --ref <FILE>" in page.text


def test_later_systems_say_how_they_compare_with_the_first(systems: list[System], tmp_path: Path) -> None:
    pair = [Interval(low, high, 90, 50, 0, 25) for low, high in ((-3.5, -0.25), (-1, 2))]
    none = MatchedPairs(9, None, None)
    better, unclear = (
        Comparison(names, systems[0].score, systems[1].score, interval, "sentence", 0.9, none, 3, 1, 1, [])
        for names, interval in ((("A", "B"), pair[0]), (("A", "C"), pair[1]))
    )
    write_page(tmp_path / "p", [systems[0], systems[1], systems[1]], against=[better, None])
    page, points = parse(tmp_path / "p"), f"{better.difference:+.2f}".replace("-", "\N{MINUS SIGN}")
    assert page.text.count("points against A") == 1
    assert (
        f"{points} points against A, 90 % interval \N{MINUS SIGN}3.50 to \N{MINUS SIGN}0.25. {verdict(better)}"
        in page.text
    )
    assert f"WER minus that of A{points} (\N{MINUS SIGN}3.50 to \N{MINUS SIGN}0.25)" in page.text
    write_page(tmp_path / "p", [systems[0], systems[1], systems[1]], against=[better, unclear])
    assert verdict(unclear) in parse(tmp_path / "p").text


def test_what_users_name_is_text_and_never_markup(report: Path) -> None:
    page = parse(report)
    assert not {"em", "q", "s", "file", "u"} & set(page.tags)
    assert page.tags.count("script") == 1
    text = report.read_text(encoding="utf-8")
    assert "alert(1)" not in text.replace("&lt;script&gt;alert(1)&lt;/script&gt;", "")
    assert "{{987*654}}" in page.text and "645498" not in page.text


def test_nothing_is_loaded_from_elsewhere(report: Path) -> None:
    page, text = parse(report), report.read_text(encoding="utf-8")
    assert "://" not in text
    assert "@import" not in text and "url(" not in text
    assert not {"link", "iframe", "object", "base", "form"} & set(page.tags)
    assert all(value.startswith("data:image/") for value in (*page.values("src"), *page.values("srcset")))
    assert all(value.startswith("#") for value in page.values("href"))
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_links_lead_to_something(report: Path) -> None:
    page = parse(report)
    anchors = page.values("id")
    assert len(set(anchors)) == len(anchors)
    assert {value[1:] for value in page.values("href")} <= set(anchors)


def test_pictures_decode_and_peak_where_the_glosses_are(systems: list[System], tmp_path: Path) -> None:
    write_page(tmp_path / "p.html", systems[:1], ids=("clip<i>0</i>",))
    film, heat = map(decode, parse(tmp_path / "p.html").pictures)
    assert film.shape[2] == 3 and film.shape[1] % film.shape[0] == 0
    assert heat.shape == (3, -(-FRAMES // STRIDE), 4)  # REGEN, SONNE, blank
    assert [int(row.argmax()) for row in heat[:2, :, 3]] == [1, 3]
    assert heat[2, 1, 3] < heat[2, 0, 3]


def test_frames_are_shown_once_above_what_each_run_saw(systems: list[System], tmp_path: Path) -> None:
    write_page(tmp_path / "p.html", systems, ids=("clip-2",))
    assert len(parse(tmp_path / "p.html").pictures) == 3
    write_page(tmp_path / "p.html", [systems[0], replace(systems[0], name="again")], ids=("clip-2",))
    assert len(parse(tmp_path / "p.html").pictures) == 2


def test_the_page_is_the_same_each_time(systems: list[System], tmp_path: Path) -> None:
    pages = [tmp_path / name for name in ("one.html", "two.html")]
    for page in pages:
        write_page(page, systems)
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_it_shows_what_there_is(systems: list[System], tmp_path: Path) -> None:
    bare = System("bare", systems[0].score, missing=("The run /home/mia/run is gone.",))
    write_page(tmp_path / "p.html", [bare])
    page = parse(tmp_path / "p.html")
    assert page.pictures == []
    assert "Not all files" in page.text and "mia" not in page.text
    assert "Training loss" not in page.text
    assert "clip-2" in page.text
    frameless = replace(systems[0], split=None)
    write_page(tmp_path / "p.html", [frameless], ids=("clip-2",))
    assert len(parse(tmp_path / "p.html").pictures) == 1


def test_runs_of_one_name_are_told_apart_by_their_systems(systems: list[System], tmp_path: Path) -> None:
    """Not by their paths, which may name people."""
    runs = []
    for folder in ("mia", "ada"):
        runs.append(Run(tmp_path / folder / "same"))
        runs[-1].path.mkdir(parents=True)
        runs[-1].metrics.write_text(METRICS, encoding="utf-8")
    score = systems[0].score
    write_page(tmp_path / "p.html", [System(f"s{n}", score, run=run) for n, run in enumerate((*runs, runs[0]))])
    page = parse(tmp_path / "p.html")
    assert "A C same 37.5" in page.text and "B same 37.5" in page.text and str(tmp_path) not in page.text


def test_profiles_that_differ_in_the_reference_stand_apart(tmp_path: Path) -> None:
    scores = [score_clip("a", reference, ("X",)) for reference in (("X", "Y"), ("X+Y",))]
    systems = [System(f"s{n}", Score("none", 1, "sig", (clip,))) for n, clip in enumerate(scores)]
    write_page(tmp_path / "p.html", systems)
    page = parse(tmp_path / "p.html")
    assert sum(value == "alignment" for value in page.values("class")) == 2


def test_pages_are_distinguished_from_other_files(report: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.html").write_text("<!doctype html><title>mine</title>")
    assert REPORT.fits(report)
    assert not REPORT.fits(tmp_path / "mine.html")


def test_a_picture_is_small(tmp_path: Path) -> None:
    """A page of 629 clips has to stay under 5 MB: noise, the hardest to compress, at the size of the strip."""
    split = make_split(tmp_path, {f"clip-{number}": ("REGEN", "SONNE", "شمس") for number in range(2)}, size=112)
    header = EmissionHeader("signs", "test", GLOSSES, STRIDE, "store", "run")
    write_emissions(tmp_path / "e.h5", header, (peaked(clip.id, clip.glosses, len(clip)) for clip in split))
    score = Score("none", 1, "sig", tuple(score_clip(name, ("REGEN",), ("WIND",)) for name in split.ids))
    sizes = []
    for emissions in (None, Emissions(tmp_path / "e.h5")):
        write_page(tmp_path / "p.html", [System("s", score, {}, {}, emissions, split)])
        sizes.append((tmp_path / "p.html").stat().st_size)
    assert sizes[1] - sizes[0] < 2 * 150_000


def test_a_page_of_a_huge_corpus_stays_small_and_says_what_it_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a tenth of the real limits."""
    monkeypatch.setattr("sla_cli.report.clip_choice.ROWS", 1000)
    monkeypatch.setattr("sla_cli.report.page.LISTED_SIGNERS", 100)
    monkeypatch.setattr("sla_cli.report.summary.LISTED_SIGNERS", 100)
    read = [("WIND",)] * 5 + [("REGEN",)]  # 1,000 of 1,200 are wrong, as many as are shown
    clips = [score_clip(f"clip-{i}", ("REGEN",), read[i % 6], f"s{i}") for i in range(1200)]
    write_page(tmp_path / "p.html", [System("s", Score("none", 1, "sig", tuple(clips)))])
    assert (tmp_path / "p.html").stat().st_size < 2.5e6
    page = parse(tmp_path / "p.html")
    assert "1,200 clips · 1,200 glosses signed · 1,200 signers" in page.text
    assert "1,000 of 1,200 clips: those with the highest word error rates." in page.text
    assert "The 100 with most clips of 1,200 signers" in page.text
    listed = page.values("data-id")
    assert len(listed) == 1000
    assert all(int(name.removeprefix("clip-")) % 6 != 5 for name in listed)


def test_systems_whose_references_name_signers_otherwise_are_compared_by_the_first_names(tmp_path: Path) -> None:
    """Each system's own table is in the order of its names, and may be missing."""
    heard = (("a", ("X",)), ("b", ()))  # of the first signer all is right, of the other one nothing
    scores = []
    for names in (("anna", "ben"), ("zoe", "bea"), ("", ""), ("anna", "ANNA")):
        clips = [score_clip(name, ("X",), said, signer) for (name, said), signer in zip(heard, names, strict=True)]
        scores.append(Score("none", 1, "sig", tuple(clips)))
    write_page(tmp_path / "p.html", [System(f"s{number}", score) for number, score in enumerate(scores)])
    page = parse(tmp_path / "p.html")
    assert f"anna1 {'0.0' * 4} ben1 {'100.0' * 4}" in page.text
    assert page.values("data-signer") == ["anna", "ben"]


def test_systems_need_the_same_clips(systems: list[System], tmp_path: Path) -> None:
    first, second = systems
    fewer = replace(second, score=replace(second.score, clips=second.score.clips[1:]))
    with pytest.raises(SlaError, match="different clips: clip<i>0</i>"):
        write_page(tmp_path / "p", [first, fewer])


def test_systems_need_the_same_references(tmp_path: Path) -> None:
    """The same ids in two stores: the frames of one would stand above the glosses of the other."""
    other = dict.fromkeys(CLIPS, ("REGEN",))
    [first, *_], [second, *_] = make_work(tmp_path / "a"), make_work(tmp_path / "b", clips=other)
    with pytest.raises(SlaError, match="other references for"):
        write_page(tmp_path / "page.html", load_systems([first, second]))


def test_clips_without_emissions_are_named(systems: list[System], tmp_path: Path) -> None:
    header = EmissionHeader("signs", "test", GLOSSES, STRIDE, "store", "run")
    write_emissions(tmp_path / "e.h5", header, [peaked("clip-1", ())])
    with pytest.raises(SlaError, match=r"e\.h5 lacks clips that were scored: clip\"<.*clip-2, clip-3, clip<i>0"):
        write_page(tmp_path / "p", [replace(systems[0], emissions=Emissions(tmp_path / "e.h5"))])


def test_an_unknown_clip_is_refused(systems: list[System], tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="no clip 'clip-33' was scored") as caught:
        write_page(tmp_path / "p", systems, ids=("clip-33",))
    assert "clip-3" in caught.value.hint


def test_metrics_that_are_none_leave_an_older_page_alone(systems: list[System], tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    out.write_text("older", encoding="utf-8")
    run = Run(tmp_path / "run")
    run.path.mkdir()
    run.metrics.write_text(METRICS + "4\tnan\t30.0\n", encoding="utf-8")
    with pytest.raises(FormatError, match=r"metrics\.tsv, line 5: loss is 'nan', not a number\nCopy the run again"):
        write_page(out, [replace(systems[0], run=run)])
    assert out.read_text(encoding="utf-8") == "older"
    assert [path.name for path in tmp_path.glob("*page*")] == ["page.html"]


@pytest.mark.parametrize("rows", [[], ["1\t269.0\t100.0"], ["1\t3.0\t0.0", "2\t0.0\t0.0"]])
def test_short_and_flat_curves(tmp_path: Path, rows: list[str]) -> None:
    run = Run(tmp_path / "run")
    run.path.mkdir()
    run.metrics.write_text("\n".join(["epoch\tloss\tdev_wer", *rows]) + "\n", encoding="utf-8")
    score = Score("none", 1, "sig", (score_clip("a", ("X",), ("X",)),), interval=Interval(0.0, 0.0, 95.0, 1, 0, 1))
    write_page(tmp_path / "page.html", [System("s", score, run=run)])
    page = parse(tmp_path / "page.html")
    assert ("Training loss" in page.text) == bool(rows) and "e-13" not in page.text


def test_a_hostile_gloss_that_is_recognised_is_text_too(tmp_path: Path) -> None:
    clip = score_clip(HOSTILE, ("A",), (HOSTILE, "'\"`"))
    hypotheses = {HOSTILE: Hypothesis(HOSTILE, (HOSTILE,))}
    write_page(
        tmp_path / "p.html", [System(HOSTILE, Score("none", 1, HOSTILE, (clip,)), {}, hypotheses)], title=HOSTILE
    )
    page = parse(tmp_path / "p.html")
    assert page.tags.count("script") == 1
    assert page.values("data-id") == [HOSTILE]


def test_it_warns_of_people_where_it_shows_them(report: Path, systems: list[System], tmp_path: Path) -> None:
    assert "show identifiable people" in parse(report).text
    assert "sla report --clips 0" in parse(report).text
    write_page(tmp_path / "without.html", systems, clips=0)
    assert "identifiable" not in parse(tmp_path / "without.html").text
    heat_only = [replace(system, split=None) for system in systems]
    write_page(tmp_path / "heat.html", heat_only)
    assert parse(tmp_path / "heat.html").pictures
    assert "identifiable" not in parse(tmp_path / "heat.html").text
