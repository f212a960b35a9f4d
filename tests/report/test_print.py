"""A report on paper: every row of the view, heads on each page, dark ink on white."""

import base64
import re

import pytest

from mmscodec.cli import main
from tests.report import many
from tests.report.browser import Browser, start
from tests.report.pages import ROOT, made

PAPER = 721  # pixels; A4 has 794. Narrower paper is laid out as a phone's screen is
SESSIONS = 260  # more than a table shows at first
COLORS = """
const style = getComputedStyle(document.body), card = document.querySelector('.card, .tile');
return [style.backgroundColor, style.color, card ? getComputedStyle(card).backgroundColor : ''];
"""
HEADS = """
return [...document.querySelectorAll('main th')].map((th) => [
  getComputedStyle(th, '::before').content, getComputedStyle(th.firstElementChild).display,
  th.textContent, getComputedStyle(th.closest('thead')).display]);
"""


@pytest.fixture(scope="module")
def browser():
    driver = start()
    yield Browser(driver)
    driver.quit()


@pytest.fixture
def paper(browser):
    """The same, where the page looks as it will on paper."""
    on = {"width": PAPER, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", on)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    yield browser
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def pages(browser):
    """Pages of the PDF that the view is printed to."""
    made = browser.driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    pdf = base64.b64decode(made["data"])
    assert pdf.startswith(b"%PDF")
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_all_rows_are_printed(browser, tmp_path):
    many.write(tmp_path / "many.pcap", SESSIONS, 12)
    target = tmp_path / "many.html"
    assert main(["report", "-q", str(tmp_path / "many.pcap"), "-o", str(target)]) == 0
    browser.open(target)
    rows = "return document.querySelectorAll('main tr.open').length"
    assert browser.run(rows) < SESSIONS
    assert pages(browser) > 4
    assert browser.run(rows) == SESSIONS


def test_all_messages_of_a_session_are_printed(browser, tmp_path):
    many.write(tmp_path / "long.pcap", 1, 700)
    browser.open(made(tmp_path / "long.pcap", tmp_path))
    browser.go("s0")
    rows = "return document.querySelectorAll('.ladder > li').length"
    assert browser.run(rows) < 700
    assert pages(browser) > 10
    assert browser.run(rows) == 700


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", ["", "s0", "problems", "flows"])
def test_paper_is_white_and_holds_the_view(paper, tmp_path, theme, view):
    paper.open(made(ROOT / "own" / "own_losses.pcap", tmp_path))
    paper.run(f"document.documentElement.dataset.theme = '{theme}'")
    paper.go(view)
    back, ink, card = paper.run(COLORS)
    assert (back, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")
    assert card in ("", "rgb(255, 255, 255)")
    assert paper.run("return document.documentElement.scrollWidth") <= PAPER
    assert paper.run("return getComputedStyle(document.querySelector('nav')).display") == "none"


def test_heads_of_tables_are_text_which_is_repeated_on_each_page(paper, tmp_path):
    # what is pressed, a button, is not: a page of a long table had no heads
    paper.open(made(ROOT / "own" / "own_losses.pcap", tmp_path))
    heads = paper.run(HEADS)
    assert len(heads) > 8
    for content, button, label, group in heads:
        assert content == f'"{label}"'
        assert (button, group) == ("none", "table-header-group")
