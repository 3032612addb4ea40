"""Look at a page as a reader does: Chromium with scripts off and no network, on a screen of some width and scheme."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# For each piece of text: its colour, what lies behind it, and how much they differ by WCAG's formula.
_CONTRAST = """() => {
  const parse = (text) => (text.match(/[0-9.]+/g) || []).map(Number);
  const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const opaque = (text) => { const c = parse(text); return c.length >= 3 && (c.length < 4 || c[3] === 1) ? c : null; };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = opaque(getComputedStyle(at).backgroundColor);
      if (colour) return colour;
    }
    return [255, 255, 255];
  };
  const drawn = (text) => {
    text.scrollIntoView({block: "center", behavior: "instant"});
    const box = text.getBoundingClientRect();
    const x = box.x + box.width / 2, y = box.y + box.height / 2;
    for (const shape of document.elementsFromPoint(x, y)) {
      if (!(shape instanceof SVGGeometryElement)) continue;
      const colour = opaque(getComputedStyle(shape).fill);
      const point = new DOMPoint(x, y).matrixTransform(shape.getScreenCTM().inverse());
      if (colour && shape.isPointInFill(point)) return colour;
    }
    return behind(text.closest("svg"));
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility({visibilityProperty: true}) || element.closest("style")) continue;
    const style = getComputedStyle(element), inside = element.closest("svg");
    const colour = parse(inside ? style.fill : style.color);
    const [high, low] = [luminance(colour), luminance(inside ? drawn(element) : behind(element))].sort((a, b) => b - a);
    found.push({text: text.slice(0, 60), ratio: (high + 0.05) / (low + 0.05), size: parse(style.fontSize)[0]});
  }
  return found;
}"""


@contextmanager
def browser() -> Iterator[Any]:
    """Start Chromium; skip the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: pages are not looked at")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield started
        finally:
            started.close()


class Look:
    """One look at a page.

    Attributes:
        page: Playwright's page.
        requests: Addresses asked for besides the page itself.
        errors: What the console said, and exceptions.
    """

    def __init__(self, started: Any, path: Path, width: int, scheme: str) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []
        context = started.new_context(
            java_script_enabled=False, offline=True, color_scheme=scheme, viewport={"width": width, "height": 900}
        )
        self.page = context.new_page()
        address = path.resolve().as_uri()
        self.page.on("request", lambda request: self._note(request.url, address))
        self.page.on("console", lambda message: self.errors.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(address, wait_until="load")
        # What is folded away must be as good as the rest.
        self.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    def _note(self, url: str, address: str) -> None:
        if url.partition("#")[0] != address and not url.startswith("data:"):
            self.requests.append(url)

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the screen."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def broken_images(self) -> list[str]:
        """Return the images that did not load."""
        script = "[...document.images].filter((i) => !i.complete || !i.naturalWidth).map((i) => i.src.slice(0, 80))"
        return list(self.page.evaluate(script))

    def contrasts(self) -> list[dict[str, Any]]:
        """Return text, contrast with what is behind it, and font size of every piece of text that can be seen."""
        return list(self.page.evaluate(_CONTRAST))
