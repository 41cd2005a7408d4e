"""Headless Chromium for tests: one process, pages from files, nothing from a network."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM, DRIVER = (
    next(filter(None, map(shutil.which, names)), None)
    for names in (("chromium", "chromium-browser", "google-chrome"), ("chromedriver",))
)
WHY = "Chromium and its driver are not installed (Debian: apt-get install chromium chromium-driver)"
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--hide-scrollbars", "--force-color-profile=srgb",
)  # fmt: skip


def required() -> None:
    """Skip where there is no browser, unless CI says that there must be one."""
    if CHROMIUM and DRIVER:
        return
    if os.environ.get("POLICYCLF_TEST_BROWSER") == "required":
        pytest.fail(WHY)
    pytest.skip(WHY)


class Browser:
    """A page in Chromium, and what a test asks of it."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(
        self, address: str | Path, *, width: int = 1440, height: int = 900, media: str = "", **features: str
    ) -> None:
        """Load a page in a window of a size; features as in prefers_color_scheme="dark"."""
        self.logs()
        self.requests()
        emulated = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.cdp("Emulation.setEmulatedMedia", media=media, features=emulated)
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.driver.get(address.absolute().as_uri() if isinstance(address, Path) else address)

    def cdp(self, command: str, **arguments: Any) -> Any:
        """A command of the Chrome DevTools Protocol."""
        return self.driver.execute_cdp_cmd(command, arguments)

    def js(self, code: str, *arguments: Any) -> Any:
        """The value of a JavaScript expression or of a body with return."""
        return self.driver.execute_script(code if "return" in code else f"return {code}", *arguments)

    def find(self, selector: str) -> list[Any]:
        """The elements of a CSS selector."""
        return list(self.driver.find_elements("css selector", selector))

    def click(self, selector: str, at: int = 0) -> None:
        """A real click of the mouse on an element of a selector."""
        from selenium.webdriver import ActionChains

        element = self.find(selector)[at]
        self.driver.execute_script(
            "document.documentElement.style.scrollBehavior = 'auto';"
            "arguments[0].scrollIntoView({ block: 'center' })", element
        )  # fmt: skip
        ActionChains(self.driver, duration=0).move_to_element(element).click().perform()

    def press(self, *keys: str) -> None:
        """Keys of the keyboard, to whatever has the focus."""
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.keys import Keys

        for key in keys:
            ActionChains(self.driver, duration=0).send_keys(getattr(Keys, key, key)).perform()

    def focused(self) -> str:
        """What has the focus: its id, class, or text."""
        return str(
            self.js("(e => e.id || e.className.baseVal || e.className || e.tagName)(document.activeElement)")
        )

    def logs(self) -> list[str]:
        """What the console said since last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Addresses asked for since last asked."""
        events = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


@contextmanager
def chromium(language: str) -> Iterator[Browser]:
    """A browser whose user reads `language`."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--lang={language}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
