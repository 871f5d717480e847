"""Reports in a real browser: moved by keys, played, themed, on a phone; nothing on the console, nothing asked for."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from genocc.exporters.report.page import write_report
from tests.exporters.runs import write_search, write_training

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="no Chromium and chromedriver (.ci/install-chromium)")

EVIL = "<script>document.title = 'broken'</script><!--"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    genotype = write_search(folder / "search", name=EVIL, nodes=4)
    write_training(folder / "training", genotype)
    found = {}
    for name in ("search", "training"):
        found[name] = folder / f"{name}.html"
        write_report(folder / name, found[name])
    return found


def opened(browser: Any, page: Path, *, width: int = 1200, dark: bool = False, still: bool = True) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
        {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"},
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(page.as_uri())


def element(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def until(condition: Callable[[], object]) -> None:
    """Waits for what a page does by itself."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "the page did not do it"
        time.sleep(0.02)


def state(browser: Any) -> list[Any]:
    """What the page shows: ribbons, coefficients, captions, figures, cursors."""
    found: list[Any] = browser.execute_script(
        """const all = (selector, get) => [...document.querySelectorAll(selector)].map(get);
        const number = (e, name) => Number(e.getAttribute(name));
        const ribbon = (p) => [p.getAttribute("d"), number(p, "stroke-width"), number(p, "stroke-opacity")];
        return [all(".evolution .ribbon", ribbon),
                all(".heat td", (t) => [t.textContent, t.className]), all("[data-edges]", (c) => c.textContent),
                all("[data-series]", (b) => b.textContent), all(".cursor", (l) => +l.getAttribute("x1")),
                all(".label:not(.off) text", (t) => t.textContent)]"""
    )
    return found


def test_keys_move_the_epoch_and_everything_with_it(browser: Any, pages: dict[str, Path]) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, pages["search"])
    slider, where = element(browser, "#epoch"), element(browser, "#where")
    last = state(browser)
    assert where.text == "epoch 4 of 4"
    slider.send_keys(Keys.HOME)
    assert where.text == slider.get_attribute("aria-valuetext") == "epoch 1 of 4"
    first = state(browser)
    for before, after in zip(first, last, strict=True):
        assert before != after
    slider.send_keys(Keys.ARROW_RIGHT)
    assert where.text == "epoch 2 of 4"
    slider.send_keys(Keys.ARROW_LEFT)
    assert state(browser) == first
    slider.send_keys(Keys.END)
    assert where.text == "epoch 4 of 4"
    restored = state(browser)
    assert restored[1:] == last[1:]  # what the script draws is what the page was written with
    for drawn, written in zip(restored[0], last[0], strict=True):
        assert drawn[1:] == pytest.approx(written[1:], abs=0.01)
    element(browser, "body").send_keys(Keys.ARROW_LEFT)  # also where nothing has the focus
    assert where.text == "epoch 3 of 4"


def test_play_runs_to_the_end_and_stops(browser: Any, pages: dict[str, Path]) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, pages["search"], still=False)
    play, where = element(browser, "#play"), element(browser, "#where")
    play.click()
    assert where.text != "epoch 4 of 4"
    assert play.get_attribute("aria-label") == "Pause"
    until(lambda: where.text == "epoch 4 of 4" and play.get_attribute("aria-label") == "Play")
    slider = element(browser, "#epoch")
    slider.send_keys(Keys.SPACE)
    assert play.get_attribute("aria-label") == "Pause"
    slider.send_keys(Keys.SPACE)
    assert play.get_attribute("aria-label") == "Play"


def test_the_theme_follows_the_system_and_the_button(browser: Any, pages: dict[str, Path]) -> None:
    def background() -> str:
        return str(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))

    opened(browser, pages["search"])
    light = background()
    opened(browser, pages["search"], dark=True)
    dark = background()
    assert dark != light
    button = element(browser, "#theme")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert background() == light


def test_edges_tell_their_cost_when_focused(browser: Any, pages: dict[str, Path]) -> None:
    opened(browser, pages["search"])
    edge = element(browser, ".paper [data-edge][tabindex]")
    browser.execute_script("arguments[0].focus()", edge)
    tip = element(browser, "#tip")
    until(tip.is_displayed)
    assert "MACs" in tip.text
    row = element(browser, f'tr[data-edge="{edge.get_attribute("data-edge")}"]')
    assert "on" in row.get_attribute("class").split()
    browser.execute_script("arguments[0].blur()", edge)
    until(lambda: not tip.is_displayed())


@pytest.mark.parametrize("name", ["search", "training"])
@pytest.mark.parametrize("width", [360, 1200])
def test_no_page_scrolls_sideways_nor_complains_nor_asks(
    browser: Any, pages: dict[str, Path], name: str, width: int
) -> None:
    import json

    browser.get_log("browser")
    browser.get_log("performance")
    opened(browser, pages[name], width=width)
    slider = element(browser, "#epoch")
    browser.execute_script("arguments[0].value = 0; arguments[0].dispatchEvent(new Event('input'))", slider)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.get_log("browser") == []
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [m["params"]["request"]["url"] for m in asked if m["method"] == "Network.requestWillBeSent"]
    assert [url for url in urls if not url.startswith("data:")] == [pages[name].as_uri()]


def test_a_name_does_nothing(browser: Any, pages: dict[str, Path]) -> None:
    opened(browser, pages["search"])
    assert element(browser, "h1").text == EVIL
    assert browser.title == f"{EVIL}: genocc search"


def test_every_control_can_be_reached_by_the_keyboard(browser: Any, pages: dict[str, Path]) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    opened(browser, pages["search"])
    reached = []
    for _ in range(200):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        focused = browser.execute_script(
            """const e = document.activeElement, s = getComputedStyle(e);
            return [e.id || e.tagName.toLowerCase(), s.outlineStyle !== "none" || e.className === "skip"]"""
        )
        assert focused[1], f"no visible focus on {focused[0]}"
        reached.append(focused[0])
        if focused[0] == "summary":
            break
    assert {"theme", "play", "epoch", "summary"} <= set(reached)
