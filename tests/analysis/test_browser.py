"""Reports in a real browser: no errors, controls that work, keys, colours, paper."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from layersweep_analysis.__main__ import main
from layersweep_analysis.report import charts

sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: scripts/setup.sh --browser installs it")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("no Chromium: scripts/setup.sh --browser installs it", allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(made: Path, sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    for name in ("sst", "squad"):
        assert main(["report", str(made / f"{name}.h5"), f"--out={folder / name}.html", "--no-speech"]) == 0
    assert main(["report", str(sweep), str(made / "counting.h5"), f"--out={folder / 'compared.html'}", "--no-speech"]) == 0
    return folder


def opened(browser: Any, page_file: Path, **options: Any) -> Any:
    """The page after its texts are unpacked; `page.complaints` are the console's errors and what it tried to load."""
    page = browser.new_context(**options).new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: page.complaints.append(request.url) if not request.url.startswith(("file:", "data:")) else None)
    page.goto(page_file.as_uri())
    page.wait_for_selector("#explorer:not([hidden])", timeout=60_000)
    return page


def closed(page: Any) -> None:
    assert page.complaints == []
    page.context.close()


@pytest.mark.parametrize("name", ["sst", "squad", "compared"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_opens_without_complaints(browser: Any, pages: Path, name: str, scheme: str) -> None:
    page = opened(browser, pages / f"{name}.html", color_scheme=scheme, viewport={"width": 700, "height": 900})
    width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1]  # nothing sticks out of a narrow window
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (light == "rgb(255, 255, 255)") == (scheme == "light")
    closed(page)


def test_grid_shows_the_masks_of_the_file(browser: Any, pages: Path, made: Path) -> None:
    page = opened(browser, pages / "sst.html")
    page.locator("#list button").nth(2).click()
    assert page.locator("#reading-title").inner_text() == "sst/dev/2"
    page.select_option("#source", label="hidden masks")
    with h5py.File(made / "sst.h5") as file:
        start, count = int(file["token_start"][2]), int(file["token_count"][2])
        chosen = file["hidden/chosen_seed"][...]
        keep = np.stack([file["hidden/keep_probability"][max(s, 0), p, start : start + count] for p, s in enumerate(chosen)])
    rows = page.locator(".grid-table tbody tr")
    assert rows.count() == 4
    for p in range(4):
        shown = [int(text) for text in rows.nth(p).locator("td:not(.side)").all_inner_texts()]
        np.testing.assert_allclose(shown, 100 * keep[p], atol=1.01)
        assert [value > 50 for value in shown] == list(keep[p] > 0.5)
    assert "not accepted" in rows.nth(3).locator("th").inner_text()
    closed(page)


def test_finding_ordering_and_filtering(browser: Any, pages: Path) -> None:
    page = opened(browser, pages / "sst.html")
    page.fill("#query", "dull lovely")
    page.wait_for_function("document.querySelectorAll('#list button').length === 0")
    page.fill("#query", "dev/3")
    page.wait_for_function("document.querySelectorAll('#list button').length === 1")
    page.fill("#query", "")
    page.wait_for_function("document.querySelectorAll('#list button').length === 24")
    page.select_option("#split", label="test")
    assert page.locator("#list button").count() == 14
    page.select_option("#only", "wrong")
    assert page.locator("#list button").count() == 1
    page.select_option("#only", "")
    page.select_option("#split", label="all")
    page.select_option("#order", "kl")
    first = page.locator("#list .id").first.inner_text()
    assert first == page.locator(".tops [data-example]").first.get_attribute("data-example")
    closed(page)


def test_a_token_shows_its_path_by_mouse_and_keys(browser: Any, pages: Path) -> None:
    page = opened(browser, pages / "sst.html")
    page.locator("#view [data-token='1']").click()
    assert "through the layers" in page.locator("#path").inner_text()
    assert page.locator("#path svg .mark").count() == 8  # two modes, four points
    page.keyboard.press("ArrowRight")
    focused = page.evaluate("document.activeElement.dataset.token")
    assert focused == "2" and page.locator("#view [data-token='2']").get_attribute("aria-pressed") == "true"
    page.keyboard.press("End")
    assert page.locator("#path h3").inner_text() == "“[SEP]” through the layers"
    closed(page)


def test_attributions_of_other_explainers(browser: Any, pages: Path) -> None:
    page = opened(browser, pages / "sst.html")
    page.select_option("#source", label="gradient x input")
    values = [int(text) for text in page.locator(".grid-table tbody tr").first.locator("td").all_inner_texts()]
    assert max(map(abs, values)) == 100
    closed(page)


def test_questions_are_laid_out_as_text(browser: Any, pages: Path) -> None:
    page = opened(browser, pages / "squad.html")
    page.locator("#list button").nth(7).click()  # long: running text of itself
    assert page.locator("#shape").input_value() == "text"
    assert page.locator(".running .label").all_inner_texts()[:2] == ["Question", "Passage"]
    assert page.locator(".running .gold").all_inner_texts() == ["king", "henry"]
    assert "“king henry”" in page.locator("#verdict").inner_text()
    page.locator("#layer").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#layer-name").inner_text() == "embeddings"
    assert page.locator(".running .gold.kept").count() == 2
    page.locator(".running [data-token='3']").click()
    assert "through the layers" in page.locator("#path").inner_text()
    closed(page)


def test_runs_on_other_texts_can_be_chosen(browser: Any, pages: Path) -> None:
    page = opened(browser, pages / "compared.html")
    assert page.locator("#source option").count() == 6
    page.select_option("#corpus", "1")
    assert page.locator("#reading-title").inner_text().startswith("counting/")
    closed(page)


def test_reader_chooses_colours_and_prints(browser: Any, pages: Path) -> None:
    page = opened(browser, pages / "sst.html", color_scheme="light")
    page.select_option("#theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible() and not page.locator(".found-texts").is_visible()
    assert page.locator(".grid-table").is_visible()
    closed(page)


@pytest.mark.parametrize("name", ["sst", "squad", "compared"])
def test_paper_holds_all_columns(browser: Any, pages: Path, name: str) -> None:
    a4 = round((210 - 2 * 13) / 25.4 * 96)  # pixels between the margins
    page = opened(browser, pages / f"{name}.html", viewport={"width": a4, "height": 1000})
    page.emulate_media(media="print")
    tables = "[...document.querySelectorAll('table.numbers, table.acceptance')].filter(table => table.checkVisibility())"
    rights = page.evaluate(f"{tables}.map(table => table.getBoundingClientRect().right)")
    assert rights and max(rights) <= a4
    closed(page)


# Of every visible text the contrast with what it stands on, by WCAG 2.1; the browser itself resolves colours to bytes.
CONTRASTS = """() => {
  const pixel = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const seen = new Map();
  const bytes = (colour) => {
    if (!seen.has(colour)) {
      pixel.clearRect(0, 0, 1, 1);
      pixel.fillStyle = colour;
      pixel.fillRect(0, 0, 1, 1);
      seen.set(colour, [...pixel.getImageData(0, 0, 1, 1).data]);
    }
    return seen.get(colour);
  };
  const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (bytes(colour)[3] === 255) return colour;
    }
    return "white";
  };
  const ratio = (a, b) => { const [x, y] = [light(bytes(a)), light(bytes(b))]; return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const style = getComputedStyle(element);
    if (!element.checkVisibility() || element.closest(".hidden, .skip, script, style, noscript, option")) continue;
    const svg = element.namespaceURI.endsWith("svg");
    if ([...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) && (!svg || element.tagName === "text")) {
      found.push([ratio(svg ? style.fill : style.color, ground(element)), 4.5, element.tagName + "." + element.getAttribute("class"), element.textContent.slice(0, 30)]);
    }
    if (element.matches("path.line, .mark:not(.hollow)")) found.push([ratio(svg && element.matches("path") ? style.stroke : style.fill, ground(element)), 3, "mark", ""]);
    if (element.matches("select, input, #more")) found.push([ratio(style.borderTopColor, ground(element.parentElement)), 3, "edge", element.id]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_on_what_it_stands_on(browser: Any, pages: Path, scheme: str) -> None:
    """Level AA: 4.5 for text, 3 for lines, marks and the edges of controls."""
    looks = {
        "sst": [("#source", "gradient x input"), ("#source", "hidden masks"), ("#shape", "running text")],
        "squad": [("#shape", "running text")],
        "compared": [],
    }
    for name, choices in looks.items():
        page = opened(browser, pages / f"{name}.html", color_scheme=scheme)
        found = page.evaluate(CONTRASTS)
        for control, label in choices:
            page.select_option(control, label=label)
            found += page.evaluate(CONTRASTS)
        # Shades of all strengths, whatever the masks happen to be.
        page.evaluate(
            """() => document.querySelectorAll("#view .shaded").forEach((element, n) => {
                element.classList.toggle("against", n % 2 === 1);
                element.classList.remove("faint");
                element.style.setProperty("--p", ((n % 101) / 100).toFixed(2));
            })"""
        )
        found += page.evaluate(CONTRASTS)
        assert len(found) > 200
        # Rounding to bytes takes a hundredth.
        assert [entry for entry in found if entry[0] < entry[1] - 0.01] == []
        closed(page)


TEXTS_OUT_OF_PLACE = """() => [...document.querySelectorAll("svg.chart")].flatMap(svg => {
  const room = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].filter(text => text.textContent.trim());
  const boxes = texts.map(text => text.getBoundingClientRect());
  const cut = texts.filter((_, i) =>
    boxes[i].left < room.left - 1 || boxes[i].right > room.right + 1 || boxes[i].bottom > room.bottom + 1);
  // Of slanted texts the boxes meet where the letters do not; marked limits may stand beside a tick.
  const upright = texts.map((text, i) => [text, boxes[i]]).filter(([text]) => text.matches(".tick, .axis") && !text.hasAttribute("transform"));
  const touching = upright.filter(([_, a], i) => upright.slice(i + 1).some(([_, b]) =>
    a.left < b.right - 0.5 && b.left < a.right - 0.5 && a.top < b.bottom - 5 && b.top < a.bottom - 5)).map(([text]) => text);
  return [...cut.map(text => "cut: " + text.textContent), ...touching.map(text => "runs into another: " + text.textContent)];
})"""


@pytest.mark.parametrize("name", ["sst", "squad", "compared"])
def test_words_of_charts_are_whole(browser: Any, pages: Path, name: str) -> None:
    page = opened(browser, pages / f"{name}.html", viewport={"width": 1280, "height": 900})
    assert page.evaluate(TEXTS_OUT_OF_PLACE) == []
    closed(page)


def test_long_words_of_charts_are_whole(browser: Any, tmp_path: Path) -> None:
    names = ["embeddings", "GRU states", "layer 12 output"]
    small = charts.line_chart("small", charts.Axis("point", names), charts.Axis("spread"), [charts.Series("a", [1.125e-7, 2.25e-7, 4e-7])])
    large = charts.path_chart("large", charts.Axis("x"), charts.Axis("y"), [(charts.Series("a", [1.25e9, 2.5e9]), [0.0, 1.0], ["1", "2"])])
    square = charts.matrix("square", names, [[1.0, 0.5, 0.2]] * 3)
    style = (Path(charts.__file__).parent / "page.css").read_text()
    file = tmp_path / "charts.html"
    file.write_text(f"<!doctype html><meta charset=utf-8><style>{style}</style><body>{small}{large}{square}")
    page = browser.new_page()
    page.goto(file.as_uri())
    assert page.evaluate("() => document.querySelectorAll('svg.chart').length") == 3
    assert page.evaluate(TEXTS_OUT_OF_PLACE) == []
    page.close()


def test_everything_has_a_name_for_screen_readers(browser: Any, pages: Path) -> None:
    page = opened(browser, pages / "sst.html")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, svg[role=img], table")].filter((element) => {
            const label = element.getAttribute("aria-label") || element.labels?.[0]?.innerText || element.caption?.innerText;
            return !(label || element.innerText || "").trim();
        }).map((element) => element.outerHTML.slice(0, 80))"""
    )
    assert [html for html in nameless if "numbers" not in html] == []
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:]))
    closed(page)
