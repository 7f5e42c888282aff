#!/usr/bin/env python3
"""How long a browser takes to open reports, until the texts are unpacked and the first one is shown.

    .deps/venv/bin/python bench/open_report.py REPORT.html… [--times 5]

Opens each page --times times in a new Chromium (headless, without a cache) and prints the fastest and the median: seconds from
the navigation on, seconds of processor of the page's own process, and the peak of its JavaScript memory. On a busy machine the
processor's seconds are the ones to look at.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
from pathlib import Path

from playwright.sync_api import sync_playwright

READY = "#explorer:not([hidden])"
# When the browser has painted what stands after the texts were unpacked.
SINCE_NAVIGATION = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now() / 1000))))"


def measured(driver, program: str, page_file: Path) -> tuple[float, float, float]:
    browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before = {entry["name"]: entry["value"] for entry in session.send("Performance.getMetrics")["metrics"]}
    page.goto(page_file.resolve().as_uri(), wait_until="commit")
    page.wait_for_selector(READY, timeout=120_000)
    seconds = page.evaluate(SINCE_NAVIGATION)
    after = {entry["name"]: entry["value"] for entry in session.send("Performance.getMetrics")["metrics"]}
    browser.close()
    return seconds, after["ProcessTime"] - before.get("ProcessTime", 0), after["JSHeapUsedSize"] / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path, nargs="+", metavar="REPORT.html")
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        parser.exit(1, "no Chromium: scripts/setup.sh --browser installs it\n")
    with sync_playwright() as driver:
        for page in arguments.pages:
            seconds, processor, memory = zip(*(measured(driver, program, page) for _ in range(arguments.times)), strict=True)
            print(f"{page.name}, {page.stat().st_size / 1e6:.1f} MB: opened in {min(seconds):.2f} s (median {statistics.median(seconds):.2f}), "
                  f"{min(processor):.2f} s of processor (median {statistics.median(processor):.2f}), {max(memory):.0f} MiB of JavaScript")  # fmt: skip


if __name__ == "__main__":
    main()
