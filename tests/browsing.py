"""Opening pages in Chromium, for the tests of pages."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 200_000  # milliseconds for what a page should do: the machine may be busy
LUMINANCE = """(pair) => {
  const of = (colour) => {
    const c = document.createElement("canvas").getContext("2d");
    c.fillStyle = colour; c.fillRect(0, 0, 1, 1);
    const [r, g, b] = Array.from(c.getImageData(0, 0, 1, 1).data.slice(0, 3), (v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const resolve = (name) => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(${name})`;
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return of(colour);
  };
  const [high, low] = pair.map(resolve).sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}"""


@contextmanager
def opened(
    browser: Any, path: Path, width: int = 1440, scheme: str = "light", *, also: Collection[str] = ()
) -> Iterator[Any]:
    """The page, which must not log errors, and must request nothing but the URLs in `also`."""
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE)
    page, printed, asked = context.new_page(), [], []
    page.on("console", lambda message: printed.append(message.text))
    page.on("pageerror", lambda error: printed.append(str(error)))
    page.on("dialog", lambda dialog: (printed.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert printed == []
    assert {url for url in asked if not url.startswith("data:")} - set(also) == {path.as_uri()}


def contrast(page: Any, first: str, second: str) -> float:
    """Contrast of two colours of the page's style, as defined in WCAG."""
    ratio: float = page.evaluate(LUMINANCE, [first, second])
    return ratio
