"""A page in a browser, watched."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page


class Visit:
    """A page in the browser, with every address that it asked for and everything that it complained of."""

    def __init__(self, page: Page) -> None:
        self.page, self.requests, self.complaints = page, list[str](), list[str]()
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))

    def open(self, file: Path) -> Page:
        """Open a report and wait until its questions are there."""
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("html[data-ready]")
        return self.page
