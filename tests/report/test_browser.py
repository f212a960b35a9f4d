"""Pages in real headless Chromium: nothing is fetched, nothing complains, everything works."""

import pytest

from mmscodec.cli import main
from mmscodec.schema import mms as schema
from tests.report import many
from tests.report.browser import Browser, start
from tests.report.pages import CAPTURES, OWN_PAGES, ROOT, made, parts
from tests.sessions.play import Play, capture
from tests.trust.test_hostile_text import WORST
from tests.winmx.talks import capture as captured
from tests.wireshark import talks

ATTACKS = [
    "<img src=x onerror=hacked()>", "</script><script>hacked()</script>", "<!--<script>hacked()",
    "'\"><svg onload=hacked()>", "javascript:hacked()", "]]><iframe src=http://evil.example>",
    "{{7*7}}${hacked()}", "<style>@import 'http://evil.example'</style>",
]  # fmt: skip
SEEN = "window.hacked = () => { window.wasHacked = true; };"


@pytest.fixture(scope="module")
def browser():
    driver = start()
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": SEEN})
    yield Browser(driver)
    driver.quit()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


def quiet(browser):
    """No request, no complaint, nothing from the capture ran or became an element."""
    assert browser.requests() == []
    assert browser.complaints() == []
    assert not browser.run("return window.wasHacked")
    assert browser.run("return document.querySelectorAll('img, iframe, object, embed').length") == 0
    assert browser.run("return document.querySelectorAll('main script, main style').length") == 0


def test_every_capture_on_one_page(browser, folder):
    """Pages of each are looked at in `test_data.py`; a start of Chromium's for each takes long."""
    target = folder / "all.html"
    apart = [path for path in CAPTURES if path.parent.name != "cases"]  # all of one address
    assert main(["report", *map(str, apart), "-o", str(target)]) == 3
    browser.open(target)
    data = parts(target)
    assert len(data) > 30
    views = [name for name in data if name[0] == "s"][::8]  # one draws its charts in half a second
    for view in ("problems", "flows", "winmx", *views):
        browser.go(view)
        assert browser.text("h1")
    for number in range(len(data["data"]["winmx"]["connections"])):
        browser.go(f"w{number}")
        assert browser.run("return document.querySelectorAll('.ladder > li').length") > 0
    quiet(browser)


_FIRST_VIEW = 2  # seconds of work, however busy the machine is


@pytest.mark.parametrize("path", OWN_PAGES, ids=lambda path: path.name)
def test_the_page_of_each_capture(browser, folder, path):
    browser.open(made(path, folder))
    assert browser.work() < _FIRST_VIEW
    assert browser.text("h1")
    for view in ("problems", "flows", "winmx"):  # sessions are looked at on one page above
        browser.go(view)
        assert browser.text("h1")
    quiet(browser)


def test_a_thousand_sessions_and_a_million_messages(browser, folder, tmp_path):
    many.write(tmp_path / "many.pcap", 1000, 1000)
    target = made(tmp_path / "many.pcap", folder)
    assert target.stat().st_size < 15_000_000
    browser.open(target)
    assert browser.work() < _FIRST_VIEW
    assert browser.text(".count, #summary, main").replace(",", "").count("1000000") > 0
    for view in ("s0", "s999"):
        browser.go(view)
        assert "1,000 messages" in browser.text("main")
    quiet(browser)


@pytest.mark.parametrize("name", ["port-reused-near-isn", "last-record-cut-years-apart"])
def test_a_damaged_capture(browser, folder, name):
    browser.open(made(ROOT / "cases" / f"{name}.pcap", folder))
    for view in ("problems", "flows", "s0"):
        browser.go(view)
        assert browser.text("h1")
    quiet(browser)


def test_charts_are_drawn_when_a_session_is_opened(browser, folder):
    browser.open(made(ROOT / "mms" / "vlc_udp.pcap", folder))
    assert browser.run("return typeof window.Plotly") == "undefined"
    browser.go("s0")
    assert browser.charts() == 9  # three charts of three layers
    steps = browser.run(
        "return [...document.querySelectorAll('.ladder .arrow b')].map(e => e.textContent)"
    )
    assert steps[:3] == ["Connect", "ReportConnectedEX", "ConnectFunnel"]
    browser.run("document.querySelector('.ladder summary').click()")
    browser.wait("document.querySelector('.ladder .inside table')")
    assert "subscriber_name" in browser.text(".ladder .inside")
    quiet(browser)


def test_search_sort_switch_and_keys(browser, folder, tmp_path):
    from selenium.webdriver.common.keys import Keys

    plays = []
    for number, name in enumerate(["cherry.wmv", "apple.wmv", "berry.wmv"]):
        play = Play(port=41000 + number, start=500 * number).open().connect()
        plays.append(play.say("LinkViewerToMacOpenFile", file_name=name).close())
    capture(tmp_path, *plays, name="three.pcap")
    browser.open(made(tmp_path / "three.pcap", folder))
    files = (
        "return [...document.querySelectorAll('tbody td[data-label=file]')].map(e => e.textContent)"
    )
    assert browser.run(files) == ["cherry.wmv", "apple.wmv", "berry.wmv"]
    head = "[...document.querySelectorAll('th button')].find(e => e.textContent === 'file').click()"
    browser.run(head)
    assert browser.run(files) == ["apple.wmv", "berry.wmv", "cherry.wmv"]
    browser.run(head)
    assert browser.run(files) == ["cherry.wmv", "berry.wmv", "apple.wmv"]
    body = browser.driver.switch_to.active_element
    body.send_keys("/")
    browser.driver.switch_to.active_element.send_keys("BERRY wmv")
    assert browser.run(files) == ["berry.wmv"]
    browser.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    browser.driver.switch_to.active_element.send_keys("j")
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    browser.wait("document.documentElement.dataset.ready === 's2'")
    browser.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    browser.wait("document.documentElement.dataset.ready === 'overview'")
    shade = "return getComputedStyle(document.body).backgroundColor"
    before = browser.run(shade)
    browser.run("document.querySelector('#theme').click()")
    assert browser.run(shade) != before
    quiet(browser)


def everything_said(play, text):
    """Every message of a side that has text, with this text in all of it."""
    for kind in schema.MESSAGES:
        fields = {
            field.python_name: text for field in kind.fields if field.kind in ("utf16", "ansi")
        }
        if fields:
            play.say(kind.name, **{k: v[:20] if kind[k].size else v for k, v in fields.items()})
    return play


def test_text_of_every_field_of_mms_is_text(browser, folder, tmp_path):
    plays = []
    for number, text in enumerate([*ATTACKS, *WORST]):
        play = Play(port=42000 + number, start=1000 * number).open()
        plays.append(everything_said(play, text.replace("\0", "")).close())
    capture(tmp_path, *plays, name="worst.pcap")
    browser.open(made(tmp_path / "worst.pcap", folder))
    assert ATTACKS[0] in browser.text("main")
    for number in range(len(ATTACKS)):
        browser.go(f"s{number}")
        browser.run("document.querySelectorAll('.ladder summary').forEach(e => e.click())")
        if number < len(ATTACKS):
            assert browser.text("main").count(ATTACKS[number]) > 3
    browser.go("problems")
    quiet(browser)


@pytest.mark.parametrize("link", ["secondary", "chat", "primary"])
def test_text_of_every_field_of_winmx_is_text(browser, folder, tmp_path, monkeypatch, link):
    monkeypatch.setattr(talks, "text", lambda rng, *_: rng.choice(ATTACKS))
    path = tmp_path / f"{link}.pcap"
    path.write_bytes(captured(talks.winmx_talk(7, link, patched=False, most=1400)))
    browser.open(made(path, folder))
    browser.go("w0")
    browser.run("document.querySelectorAll('.ladder summary').forEach(e => e.click())")
    if link != "primary":
        assert any(attack in browser.text("main") for attack in ATTACKS)
    browser.go("problems")
    quiet(browser)


def test_names_of_files_are_text(browser, folder, tmp_path):
    path = tmp_path / "<img src=x onerror=hacked()>&amp;.pcap"
    path.write_bytes((ROOT / "mms" / "ffmpeg_tcp.pcap").read_bytes())
    target = folder / "named.html"
    assert main(["report", str(path), "-o", str(target)]) == 0
    browser.open(target)
    assert browser.text("#title") == path.name
    quiet(browser)


def test_it_fits_a_phone(browser, folder):
    browser.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True},
    )
    try:
        browser.open(made(ROOT / "own" / "own_losses.pcap", folder))
        for view in ("", "problems", "s0"):
            browser.go(view)
            assert browser.run("return document.documentElement.scrollWidth") <= 390, view
    finally:
        browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_policy_stops_what_is_not_ours(browser, folder):
    browser.open(made(ROOT / "mms" / "ffmpeg_tcp.pcap", folder))
    browser.run(
        "const one = document.createElement('script'); one.textContent = 'window.wasHacked = 1';"
        "document.head.append(one); document.body.insertAdjacentHTML('beforeend',"
        '\'<img src="http://127.0.0.1:9/x" onerror="window.wasHacked = 1">\')'
    )
    browser.wait("true")
    assert not browser.run("return window.wasHacked")
    assert any("Content Security Policy" in line for line in browser.complaints())


def test_the_first_view_needs_no_session(browser, folder, tmp_path):
    """What is not looked at is not read, so that many sessions open as fast as one."""
    path = made(ROOT / "own" / "own_redirect.pcap", folder)
    spoiled = tmp_path / "spoiled.html"
    text = path.read_text("utf-8")
    spoiled.write_text(text.replace('id="s0">{', 'id="s0">no JSON {', 1), "utf-8")
    browser.open(spoiled)
    assert browser.run("return document.querySelectorAll('tr.open').length") == 2
    quiet(browser)
