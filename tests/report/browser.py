"""Headless Chromium that opens pages from disk, and what it says about them."""

import json
import shutil
from pathlib import Path

import pytest


def start():
    """A driver; skips, with the reason, where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium or its driver is not installed (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for word in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
        "--window-size=1280,900", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--proxy-server=127.0.0.1:9",
    ):  # fmt: skip
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    return webdriver.Chrome(options=options, service=service)


class Browser:
    """One driver, and the page that it shows."""

    def __init__(self, driver) -> None:
        self.driver = driver
        driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})

    def open(self, path: Path, view: str = "") -> None:
        """Open a page at one of its views, and wait for it."""
        self.driver.get("about:blank")  # a change of the part behind # alone loads nothing
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)
        self.driver.get(path.resolve().as_uri() + (f"#{view}" if view else ""))
        self.wait(f"document.documentElement.dataset.ready === {json.dumps(view or 'overview')}")

    def work(self) -> float:
        """Seconds of a processor, not of a clock, that the page took since it was opened."""
        found = self.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        return next(item["value"] for item in found if item["name"] == "TaskDuration")

    def go(self, view: str) -> None:
        """Another view of the page."""
        self.run("location.hash = arguments[0]", view)
        self.wait(f"document.documentElement.dataset.ready === {json.dumps(view or 'overview')}")

    def run(self, script: str, *arguments):
        """What a script in the page gives."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition: str, seconds: float = 60) -> None:
        """Until an expression of the page is true."""
        from selenium.webdriver.support.wait import WebDriverWait

        WebDriverWait(self.driver, seconds, poll_frequency=0.05).until(
            lambda driver: driver.execute_script(f"return Boolean({condition})"), condition
        )

    def charts(self) -> int:
        """Wait until all charts of the view are drawn; how many there are."""
        self.wait("[...document.querySelectorAll('.plot')].every((one) => one.dataset.drawn)")
        return self.run("return document.querySelectorAll('.plot .main-svg').length")

    def text(self, selector: str = "body") -> str:
        """All text of an element."""
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def complaints(self) -> list[str]:
        """Errors and warnings of the console."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Addresses that were asked for, but for pages themselves and what they hold."""
        out = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if not url.startswith(("data:", "blob:", "about:")) and not url.endswith(".html"):
                    out.append(url)
        return out
