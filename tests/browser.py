"""A real browser for the tests of pages: Debian's chromium, driven by playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Response,
    expect,
    sync_playwright,
)

NAMES = ("chromium", "chromium-browser", "google-chrome")
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1360, "height": 900}
_PATIENCE = 20_000  # milliseconds, on however busy a machine
_REFUSED = "Failed to load resource"  # how the console reports any answer that is an error


@contextmanager
def opened() -> Iterator[Browser]:
    """The browser; a test without one is skipped."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no browser: apt-get install chromium")
    expect.set_options(timeout=_PATIENCE)
    alone = ["--no-sandbox"] if os.geteuid() == 0 else []  # chromium refuses to run as root else
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=alone)
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page, and what its browser complained of: errors of scripts, breaches of the page's policy,
    files that are missing. Refused requests to /v1 are no complaint."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_REFUSED):
            self.complaints.append(message.text)

    def _response(self, response: Response) -> None:
        if response.status >= 400 and "/v1/" not in response.url:
            self.complaints.append(f"{response.url}: {response.status}")


@contextmanager
def tab(browser: Browser, url: str, **context: Any) -> Iterator[Page]:
    """A fresh tab at ``url``; at the end the browser must not have complained."""
    with browser.new_context(**{"viewport": DESK, **context}) as fresh:
        found = Tab(fresh.new_page())
        found.page.set_default_timeout(_PATIENCE)
        found.listen()
        found.page.goto(url)
        yield found.page
        assert found.complaints == [], found.complaints


def fits(page: Page) -> bool:
    """Whether nothing is wider than the screen."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return wide <= 0
