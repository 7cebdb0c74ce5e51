"""The page of `sla annotate` on a long recording: frames a second in Chromium, and how long a key takes to be saved.

    python benchmarks/annotate_page.py [--annotations 5000] [--seconds 6] [--json]

The recording has a sign every 1.44 s; there is no video. `of_idle` are the frames a second in relation to those of the
page at rest in the same browser: 1 means that nothing is slower. `saved_ms` is from a key to the answer of the server,
median over the keys pressed, at most one every 0.3 s.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import sync_playwright

from sla_cli.annotation.formats import annotation_text
from sla_cli.annotation.layout import Layout
from sla_cli.core.annotation import Annotation, Sign, split_at_pauses

BEGIN = """() => { window.frames_seen = 0; window.counting = true; window.begun = performance.now();
  const next = () => { window.frames_seen += 1; if (window.counting) requestAnimationFrame(next); };
  requestAnimationFrame(next); }"""
END = "() => { window.counting = false; return 1000 * window.frames_seen / (performance.now() - window.begun); }"
SAVED = "() => document.getElementById('saved').textContent.startsWith('saved')"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--annotations", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "long.mp4"
        video.write_bytes(bytes(1000))
        write_suggestions(video.with_suffix(".eaf"), options.annotations)
        command = [sys.executable, "-m", "sla_cli", "annotate", str(video), "--no-open", "--annotator", "benchmark"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
            assert server.stdout is not None
            try:
                facts = measured(server.stdout.readline().strip(), options.seconds)
            finally:
                server.kill()
    print(json.dumps(facts) if options.json else "\n".join(f"{name:12} {value:8.2f}" for name, value in facts.items()))


def write_suggestions(path: Path, count: int) -> None:
    signs = [Sign(f"GLOSS{n % 400}", 1.44 * n, 1.44 * n + 0.8, n / count) for n in range(count)]
    found = Annotation("long", None, 1.44 * count, split_at_pauses(signs, 1.0))
    path.write_text(annotation_text("eaf", found, Layout(confidence=True), path.parent), encoding="utf-8")


def measured(address: str, seconds: float) -> dict[str, float]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.wait_for_selector("body[data-ready]")
        saved: list[float] = []

        def accept() -> None:
            begun = time.perf_counter()
            page.keyboard.press("a")
            page.wait_for_function(SAVED)
            saved.append(1000 * (time.perf_counter() - begun))
            page.wait_for_timeout(300)

        idle = frames(page, seconds, lambda: page.wait_for_timeout(100))
        page.locator("#scroller").hover()
        timeline = frames(page, seconds, lambda: page.mouse.wheel(300, 0))
        page.locator("#rows").hover()
        rows = frames(page, seconds, lambda: page.mouse.wheel(0, 300))
        page.keyboard.press("n")
        editing = frames(page, seconds, accept)
        browser.close()
    shares = {"timeline": timeline / idle, "list": rows / idle, "editing": editing / idle}
    return {"idle_fps": idle, **{f"{name}_of_idle": one for name, one in shares.items()}, "saved_ms": median(saved)}


def frames(page: Any, seconds: float, act: Callable[[], object]) -> float:
    """Frames a second while something is done again and again."""
    page.evaluate(BEGIN)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        act()
    return float(page.evaluate(END))


if __name__ == "__main__":
    main()
