"""The page of `sla annotate` in Chromium: a person's work by keys alone, and what may come between."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from annotating import read, write_suggestions
from eaf_rules import broken_rules
from serving import Served, served
from typist import FRAME, Typist, at_work, opened_in, recording, suggested, write_work

from sla_cli.annotation.eaf_read import read_eaf
from sla_cli.annotation.timed import Interval
from sla_cli.errors import WEB

for module in WEB:
    pytest.importorskip(module, reason="needs the extra web")


def tier(path: Path, name: str) -> list[tuple[int, int, str]]:
    """The annotations of a tier as pympi reads them, in order of time."""
    found = read(path)
    if name not in found.get_tier_names():
        return []
    if found.get_parameters_for_tier(name).get("PARENT_REF"):
        return sorted(one[:3] for one in found.get_ref_annotation_data_for_tier(name))
    return sorted(found.get_annotation_data_for_tier(name))


def lines_without_last_id(data: bytes) -> list[bytes]:
    return [line for line in data.splitlines() if b"lastUsedAnnotationId" not in line]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recording(tmp_path_factory.mktemp("video"))


@pytest.fixture
def work(tmp_path: Path, video: Path) -> Path:
    """A recording with 60 suggestions in a file of somebody else; returns the file."""
    (tmp_path / "video.mp4").symlink_to(video)
    return write_work(tmp_path / "video.eaf", suggested())


@pytest.fixture
def server(work: Path) -> Iterator[Served]:
    with served(work.parent, "--tier", "GLOSS", "--tier", "GLOSS-LH", "--translation", "Translation") as found:
        yield found


def spoiled(true: list[Interval]) -> list[Interval]:
    """What a recogniser suggested: six wrong glosses, two that end too early, two that are no signs."""
    found = list(true)
    for place in (3, 11, 19, 27, 35, 43):
        found[place] = true[place]._replace(text="NEBEL")
    for place in (7, 31):
        found[place] = true[place]._replace(end=true[place].end - 2 * FRAME)
    return found


def correct(typist: Typist, suggestions: list[Interval], true: dict[Interval, Interval | None]) -> None:
    """Decide about all open suggestions in the order in which the page offers them."""
    by_start = {mark.start: mark for mark in suggestions}
    typist.press("n")
    for _ in suggestions:
        minutes, seconds = typist.selected[0].split(":")
        mark = by_start[round(1000 * (60 * int(minutes) + float(seconds)))]
        wanted = true[mark]
        assert typist.selected[1] == mark.text and typist.selected[2].startswith("open")
        if wanted == mark:
            typist.press("a")
        elif wanted is None:
            typist.press("r")
        elif wanted.text != mark.text:
            typist.press("c")
            typist.type(wanted.text)
            typist.press("Enter")
        else:
            for _ in range((wanted.end - mark.end) // FRAME):
                typist.press("4")  # the first press makes the gloss, which is then selected
            typist.wait()
            typist.press("n")


def test_sixty_suggestions_with_ten_wrong_ones_are_corrected_by_keys_alone(
    browser: Any, work: Path, tmp_path: Path
) -> None:
    true = suggested()
    suggestions = spoiled(true)
    wanted: dict[Interval, Interval | None] = dict(zip(suggestions, true, strict=True))
    wanted |= {suggestions[15]: None, suggestions[50]: None}  # no signs
    write_work(work, suggestions)
    before = work.read_bytes()
    with served(work.parent) as server, at_work(browser, server.address) as typist:
        correct(typist, suggestions, wanted)
        typist.press("f")
        typist.wait()
        assert (typist.fault, typist.said()) == ("", "recording is done")
        typist.page.wait_for_selector("#recordings button.done")
    assert tier(work, "GLOSS") == sorted(tuple(mark) for mark in wanted.values() if mark)
    assert tier(work, "SIGN") == sorted(map(tuple, suggestions))
    kinds = [text.split(" ", 1)[0] for *_, text in tier(work, "SIGN-decision")]
    assert {kind: kinds.count(kind) for kind in kinds} == {"accepted": 50, "changed": 8, "rejected": 2}
    lines = iter(lines_without_last_id(work.read_bytes()))
    assert all(line in lines for line in lines_without_last_id(before))  # everything of others, byte for byte
    old = {one.name: [mark[:3] for mark in one.marks] for one in read_eaf(before, "before").tiers}
    new = {one.name: [mark[:3] for mark in one.marks] for one in read_eaf(work.read_bytes(), "after").tiers}
    assert {name: new[name] for name in old} == old
    assert new.keys() - old.keys() == {"GLOSS", "GLOSS-decision", "SIGN-decision"}
    assert broken_rules(work) == []


def test_glosses_are_made_moved_split_joined_copied_and_translated_by_keys(
    browser: Any, server: Served, work: Path
) -> None:
    with at_work(browser, server.address) as typist:
        typist.page.wait_for_function("() => document.getElementById('video').readyState > 1")
        for key in ("Home", ".", ".", "g"):
            typist.press(key)
        typist.type("reg")
        typist.press("ArrowDown", "Enter")  # completed from the glosses of the file
        typist.wait()
        assert tier(work, "GLOSS") == [(80, 580, "REGEN")]
        typist.page.locator("#signer").fill("Anna")
        typist.press("Enter", "Tab")
        typist.wait()
        assert (typist.said(), read(work).get_parameters_for_tier("GLOSS")["PARTICIPANT"]) == ("Anna signs", "Anna")
        typist.page.evaluate("document.activeElement.blur()")
        typist.press("1", "3", "3")
        typist.wait()
        [(start, end, _)] = tier(work, "GLOSS")
        assert (start, end) == (40, 520)
        for typed in ("", "40.5"):
            typist.page.locator("#start").fill(typed)
            typist.press("Tab")
            assert "whole numbers" in typist.fault and typist.page.locator("#start").input_value() == "40"
        typist.page.evaluate("document.activeElement.blur()")
        for key in ("Home", *6 * ".", "t"):
            typist.press(key)
            typist.settle()
        typist.wait()
        assert [mark[:2] for mark in tier(work, "GLOSS")] == [(40, 240), (240, 520)]
        typist.press("j", "o")
        typist.wait()
        typist.press("y")
        typist.type("Es regnet.")
        typist.press("Enter")
        typist.wait()
        assert tier(work, "GLOSS") == tier(work, "GLOSS-LH") == [(40, 520, "REGEN")]
        assert tier(work, "Translation") == [(40, 520, "Es regnet.")]
        typist.press("r", "u", "u")
        typist.wait()
        assert (typist.fault, tier(work, "Translation")) == ("", [])
        typist.press("ArrowRight", "c")
        typist.type("NEUE-GLOSSE")
        typist.press("Enter")
        typist.wait()
        assert any(text == "NEUE-GLOSSE" for *_, text in tier(work, "GLOSS")), typist.fault
    assert broken_rules(work) == []


def test_the_selected_sign_is_played_in_a_loop_at_half_speed(browser: Any, server: Served) -> None:
    with at_work(browser, server.address) as typist:
        typist.page.wait_for_function("() => document.getElementById('video').readyState > 1")
        typist.press("ArrowRight", "h", "l")
        start, end = 1.0, suggested()[0].end / 1000
        typist.page.evaluate(
            """() => { window.seen = []; window.ends = [];
            const video = document.getElementById("video");
            const look = () => { const last = window.seen.at(-1) ?? 0, now = video.currentTime;
              if (now < last) window.ends.push(last);
              window.seen.push(now); requestAnimationFrame(look); };
            look(); }"""
        )
        typist.page.wait_for_function("() => window.ends.length >= 4")
        assert typist.page.evaluate("document.getElementById('video').playbackRate") == 0.5
        times, ends = typist.page.evaluate("[window.seen.slice(5), window.ends.slice(1)]")
        assert min(times) >= start - 0.05 and min(ends) <= end + 0.3  # a busy machine may go back late


def test_a_frame_that_is_chosen_while_the_video_loads_stays(browser: Any, server: Served, work: Path) -> None:
    context, faults, held, ready = browser.new_context(), list[str](), list[Any](), list[bool]()

    def hold(route: Any) -> None:  # a browser asks for several parts of a video
        if ready:
            route.continue_()
        else:
            held.append(route)

    context.route("**/video", hold)
    typist = Typist(opened_in(context, server.address, faults))
    typist.press("Home", ".", ".")
    while not held:
        typist.page.wait_for_timeout(10)
    ready.append(True)
    for route in held:
        route.continue_()
    typist.page.wait_for_function("() => document.getElementById('video').readyState > 1")
    typist.press("g")
    typist.type("reg")
    typist.press("Enter")
    typist.wait()
    assert [mark[:2] for mark in tier(work, "GLOSS")] == [(80, 580)]
    context.close()
    assert [fault for fault in faults if "net::ERR" not in fault] == []


def test_a_timeline_that_begins_within_the_video_is_played_from_there(browser: Any, work: Path, video: Path) -> None:
    folder = work.parent / "late"
    folder.mkdir()
    (folder / "late.mp4").symlink_to(video)
    link = f'<MEDIA_DESCRIPTOR MEDIA_URL="file://{video}" MIME_TYPE="video/mp4" TIME_ORIGIN="2000" />'
    made = write_suggestions(folder / "late.eaf").read_text(encoding="utf-8")
    (folder / "late.eaf").write_text(made.replace("<PROPERTY", f"{link}<PROPERTY", 1), encoding="utf-8")
    with served(folder) as server, at_work(browser, server.address) as typist:
        typist.page.wait_for_function("() => document.getElementById('video').readyState > 1")
        assert 2 <= typist.page.evaluate("document.getElementById('video').currentTime") < 2 + FRAME / 1000
        typist.press("End", "g")
        typist.type("LAST")
        typist.press("Enter")
        typist.wait()
        assert tier(folder / "late.eaf", "GLOSS") == [(67960, 68000, "LAST")], "not after the end of the video"


def test_what_is_typed_is_for_the_annotation_at_which_the_typing_began(
    browser: Any, server: Served, work: Path
) -> None:
    """Whatever is answered meanwhile: a large file takes half a second."""
    with at_work(browser, server.address) as typist:
        typist.in_time()
        typist.press("n", "a")
        typist.wait()
        with typist.held("**/edit"):
            typist.press("u", "c")
            typist.type("NEU")
        typist.page.wait_for_function("() => document.getElementById('said').textContent.startsWith('undone')")
        typist.press("Enter")
        typist.wait()
        assert tier(work, "GLOSS") == [tuple(suggested()[1]._replace(text="NEU"))]


def test_what_is_typed_stays_when_the_window_is_left_and_comes_back(browser: Any, server: Served, work: Path) -> None:
    context, faults = browser.new_context(), list[str]()
    typist = Typist(opened_in(context, server.address, faults))
    page, devtools = typist.page, context.new_cdp_session(typist.page)
    typist.in_time()
    typist.press("n", "a", "ArrowLeft", "Home", "g")  # an open suggestion is selected
    typist.type("NEU")
    devtools.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    page.evaluate("""() => { window.seen = []; for (const kind of ["blur", "focus"])
        document.getElementById("text").addEventListener(kind, () => window.seen.push(kind)); }""")
    context.new_page().bring_to_front()
    page.wait_for_function("() => window.seen.at(-1) === 'blur'", polling=100)
    page.bring_to_front()
    page.wait_for_function("() => window.seen.at(-1) === 'focus'", polling=100)
    typist.press("Enter")
    typist.wait()
    assert tier(work, "GLOSS") == [(0, 500, "NEU"), tuple(suggested()[0])]
    context.close()
    assert faults == []


def test_what_was_chosen_while_an_answer_was_awaited_is_left_alone(browser: Any, server: Served, work: Path) -> None:
    """A key that waited does nothing to it, and what the answer is about is not selected instead."""
    with at_work(browser, server.address) as typist:
        typist.in_time()
        typist.press("n", "a", "a", "ArrowLeft", "Home", "g")
        typist.type("NEU")
        typist.press("Enter")
        typist.wait()
        first, second = (tuple(mark) for mark in suggested()[:2])
        with typist.held("**/edit"):
            typist.press("c")
            typist.type("ALT")
            typist.press("Enter", "r", "ArrowRight")
        typist.wait()
        assert typist.fault == "Nothing was done: another annotation was chosen meanwhile."
        assert tier(work, "GLOSS") == [(0, 500, "ALT"), first, second]
        chosen = typist.selected
        assert chosen[1] == first[2]
        with typist.held("**/edit"):
            typist.press("ArrowLeft", "u", "ArrowRight")
        typist.wait()
        assert typist.selected == chosen and tier(work, "GLOSS")[0] == (0, 500, "NEU")


def test_a_key_while_another_recording_is_opened_does_nothing_but_open_the_next(
    browser: Any, work: Path, video: Path
) -> None:
    for number in (2, 3):
        (work.parent / f"video{number}.mp4").symlink_to(video)
    with served(work.parent) as server, at_work(browser, server.address) as typist:
        with typist.held("**/recordings/1"):
            typist.press("n", "PageDown", "a")
            assert typist.fault == "Nothing was done: a recording is being opened."
            typist.press("PageDown")
            typist.page.wait_for_selector("text=video3.mp4 is open.")
        typist.page.wait_for_timeout(300)
        assert typist.page.locator("#name").inner_text() == "video3.mp4" and tier(work, "GLOSS") == []


def test_a_key_that_waits_for_an_answer_is_done_before_another_recording_is_opened(
    browser: Any, work: Path, video: Path
) -> None:
    """Otherwise its operation could go to the file of the other one."""
    (work.parent / "video2.mp4").symlink_to(video)
    with served(work.parent) as server, at_work(browser, server.address) as typist:
        typist.press("Home", "g")
        typist.type("ALT")
        typist.press("Enter")
        typist.wait()
        sent = list[Any]()
        typist.page.route("**/edit", lambda route: sent.append(route))  # noqa: PLW0108, Playwright sets an attribute
        typist.press("c")
        typist.type("NEU")
        typist.press("Enter", "r", "PageDown")
        for number in range(2):  # the text, then the deletion
            while len(sent) <= number:
                typist.page.wait_for_timeout(10)
            typist.page.wait_for_timeout(300)
            assert typist.page.locator("#name").inner_text() == "video.mp4"
            sent[number].continue_()
        typist.page.wait_for_selector("text=video2.mp4 is open.")
        assert tier(work, "GLOSS") == []


def test_two_tabs_on_one_file_lose_nothing(browser: Any, server: Served, work: Path) -> None:
    context, faults = browser.new_context(), list[str]()
    first, second = (Typist(opened_in(context, server.address, faults)) for _ in range(2))
    second.page.route("**/queue", lambda route: route.abort())  # it is not told before it sends
    first.press("ArrowRight", "a")
    first.wait()
    second.press("ArrowRight", "a")  # the same suggestion, which this tab has seen open
    second.wait()
    second.press("a")
    second.wait()
    second.page.unroute("**/queue")
    for typist in (first, second):
        typist.page.wait_for_selector("text=2 glosses")
    # The list of recordings has the number before the page has the file, to which an undo belongs.
    first.page.wait_for_function("() => document.body.innerText.includes('this is its content now')")
    assert len(tier(work, "GLOSS")) == 2 and len(tier(work, "SIGN-decision")) == 2
    first.press("u", "u")
    first.wait()
    second.page.wait_for_selector("text=0 glosses")
    assert tier(work, "GLOSS") == []
    context.close()
    assert [fault for fault in faults if "net::ERR" not in fault] == []


def test_a_change_by_another_program_is_shown_and_what_is_still_meant_is_done(
    browser: Any, server: Served, work: Path
) -> None:
    with at_work(browser, server.address, lost=True) as typist:
        typist.in_time()
        typist.press("ArrowRight")
        work.write_bytes(work.read_bytes().replace(b"/haus/", b"/Haus/"))
        typist.press("a")
        typist.wait()
        assert "/Haus/" in [text for *_, text in tier(work, "Mouth")]
        assert tier(work, "GLOSS") == [tuple(suggested()[0])]
        second = suggested()[1]
        typist.page.route("**/queue", lambda route: route.abort())  # the page is not told before it sends
        assert typist.selected[1] == second.text
        value = f"<ANNOTATION_VALUE>{second.text}</ANNOTATION_VALUE>".encode()
        work.write_bytes(work.read_bytes().replace(value, b"<ANNOTATION_VALUE>ANDERES</ANNOTATION_VALUE>", 1))
        typist.press("a")
        typist.wait()
        assert "What you did last was not done: that annotation has changed" in typist.fault
        assert tier(work, "GLOSS") == [tuple(suggested()[0])]
        typist.page.unroute("**/queue")
        work.write_bytes(work.read_bytes().replace(b"ANDERES", b"DRITTES"))
        typist.page.wait_for_function("() => document.getElementById('rows').innerText.includes('DRITTES')")


def test_a_server_that_is_killed_loses_at_most_the_last_key(browser: Any, work: Path) -> None:
    """At random moments around an operation, the file is one of the versions before and after the last key."""
    draw, done = random.Random(0), 0
    for _ in range(4):
        with served(work.parent) as server, at_work(browser, server.address, lost=True) as typist:
            typist.press("n")
            for _ in range(draw.randint(1, 4)):
                typist.press("a")
                typist.wait()
                done += 1
            typist.press("a")
            typist.page.wait_for_timeout(draw.choice([0, 1, 3, 8, 20]))
            server.process.kill()
            server.process.wait()
            typist.page.close()
        found = len(tier(work, "GLOSS"))
        assert found in (done, done + 1) and len(tier(work, "SIGN-decision")) == found
        assert broken_rules(work) == []
        done = found


def test_a_browser_that_is_killed_loses_at_most_the_last_key(browser: Any, server: Served, work: Path) -> None:
    draw, done = random.Random(1), 0
    for killed in range(1, 3):
        command = ["/usr/bin/chromium", "--headless", "--no-sandbox", "--remote-debugging-port=0"]
        command += [f"--user-data-dir={work.parent}/profile", "about:blank"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            line = next(line for line in process.stderr if "DevTools listening on" in line)
            chromium = browser.browser_type.connect_over_cdp(line.split()[-1])
            typist = Typist(opened_in(chromium.contexts[0], server.address, []))
            typist.press("n")
            for _ in range(draw.randint(1, 4)):
                typist.press("a")
                typist.wait()
                done += 1
            typist.press("a")
            typist.page.wait_for_timeout(draw.choice([0, 2, 10]))
            process.kill()
            process.wait()
        # The server may have read the last request before the browser died, and may still be at it.
        assert done <= len(tier(work, "GLOSS")) <= done + killed


def test_a_server_that_ended_is_said_and_what_waits_is_sent_when_it_answers(
    browser: Any, server: Served, work: Path
) -> None:
    with at_work(browser, server.address, lost=True) as typist:
        asked = list[str]()
        typist.page.route("**/edit", lambda route: route.abort())
        typist.page.reload()  # Chromium may send a request of the page that is open before it asks the route
        typist.page.wait_for_selector("body[data-ready]")
        typist.press("ArrowRight", "a")
        typist.page.wait_for_selector("#fault:visible")
        assert "Not saved" in typist.fault and typist.page.locator("#saved").inner_text() == "not saved"
        typist.page.route("**/queue", lambda route: (asked.append(route.request.url), route.abort()))
        while len(asked) < 2:
            typist.page.wait_for_timeout(100)
            assert "Not saved" in typist.fault, "it is not replaced by a message that says less"
        typist.page.unroute_all()
        typist.wait()
        assert len(tier(work, "GLOSS")) == 1


def test_why_an_edit_was_refused_is_said(browser: Any, server: Served, work: Path) -> None:
    with at_work(browser, server.address, lost=True) as typist:
        whole = work.read_bytes()
        typist.press("n")
        with typist.held("**/queue"):
            work.write_text("<broken")
            with typist.page.expect_response("**/recordings/0"):  # asked for after the edit was refused
                typist.press("a")
            typist.page.wait_for_timeout(200)
            assert "video.eaf, line 1: not XML" in typist.fault
            work.write_bytes(whole)
        typist.press("a")
        typist.wait()
        assert len(tier(work, "GLOSS")) == 1


def test_a_file_that_is_no_elan_file_is_named_and_the_others_open(browser: Any, work: Path) -> None:
    (work.parent / "a.mp4").write_bytes(bytes(1000))
    (work.parent / "a.eaf").write_text("<ANNOTATION_DOCUMENT>")
    with served(work.parent) as server, at_work(browser, server.address) as typist:
        assert "a.eaf, line 1: not XML (no element found). Open it in ELAN" in typist.fault
        typist.press("n", "ArrowDown", "ArrowRight", "g", "Escape", "r", "4", "+", "PageDown")
        typist.page.wait_for_selector("text=video.mp4 is open.")
        typist.press("n", "a")
        typist.wait()
        assert (typist.fault, len(tier(work, "GLOSS"))) == ("", 1)
    assert (work.parent / "a.eaf").read_text() == "<ANNOTATION_DOCUMENT>"


def test_hours_with_thousands_of_annotations_have_few_elements(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "long.mp4").write_bytes(bytes(1000))
    marks = [Interval(1440 * n, 1440 * n + 800, f"GLOSS{n}") for n in range(5000)]
    write_work(tmp_path / "long.eaf", marks)
    with served(tmp_path / "long.mp4") as server, at_work(browser, server.address) as typist:
        page = typist.page
        page.wait_for_function("() => document.getElementById('unplayable').innerText.includes('cannot play long.mp4')")
        for share in (0, 0.3, 1):
            page.locator("#scroller").evaluate("(one, share) => { one.scrollLeft = share * one.scrollWidth; }", share)
            page.locator("#rows").evaluate("(one, share) => { one.scrollTop = share * one.scrollHeight; }", share)
            typist.settle()
            assert 0 < page.locator(".mark").count() < 100 and 0 < page.locator("[role=option]").count() < 60
        assert page.locator("#rows").inner_text().rstrip().splitlines()[-2] == "GLOSS4999"
        page.locator("#spacer > div").last.click()
        typist.press("a")
        typist.wait()
        assert tier(tmp_path / "long.eaf", "GLOSS") == [tuple(marks[-1])]
