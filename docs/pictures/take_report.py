"""Takes the picture of a report: python docs/pictures/take_report.py REPORT.html, with Debian's Chromium."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def main(report: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=OPTIONS)
        page = browser.new_page(viewport={"width": 1000, "height": 1060})
        page.goto(report.resolve().as_uri())
        page.screenshot(path=Path(__file__).parent / "report.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
