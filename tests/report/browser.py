"""Drives a real browser, without a network: Chromium by the system, its driver by selenium."""

import contextlib
import functools
import http.server
import os
import shutil
import threading
import time
from importlib.util import find_spec

import pytest

REQUIRED = "INPUTGRAD_TEST_BROWSER"  # set where a missing browser is a failure, as in CI
AXE = "INPUTGRAD_TEST_AXE"  # the path of axe.min.js
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DRIVER = "chromedriver"
SECONDS = 30  # for a page to be ready on a loaded machine
# What Jenkins sends with every archived page, unless its administrator has changed it.
JENKINS = "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self'"


def find_browser():
    """Return the paths of the browser and its driver; skip the test if there are none."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which(DRIVER)
    if browser and driver and find_spec("selenium"):
        return browser, driver
    reason = f"{BROWSERS[0]}, {DRIVER} or selenium is not installed"
    if os.environ.get(REQUIRED):
        pytest.fail(reason)
    return pytest.skip(reason)


def find_axe():
    """Return the source of axe-core; skip the test if it is not there."""
    path = os.environ.get(AXE)
    if path:
        with open(path) as file:
            return file.read()
    return pytest.skip(f"{AXE} does not name axe.min.js")


def get_keys():
    """Return the names of keys that are no letters; selenium is imported where a browser is."""
    from selenium.webdriver.common.keys import Keys

    return Keys


class Browser:
    """A page in a headless browser, and what a test asks of it."""

    def __init__(self, size=(1280, 900)):
        browser, driver = find_browser()
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = browser
        for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
            options.add_argument(flag)
        options.add_argument(f"--window-size={size[0]},{size[1]}")
        options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(driver))

    def close(self):
        """End the browser."""
        self.driver.quit()

    def open(self, address, is_scripted=True):
        """Open a page; with a script, wait until it shows the items."""
        self.driver.get("about:blank")  # the same address with another hash would not be loaded
        self.driver.get(address)
        if is_scripted:
            self.wait("return performance.getEntriesByName('ready').length")

    def run(self, script, *arguments):
        """Return what a script returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, script, *arguments):
        """Return what a script returns as soon as that is true."""
        end = time.monotonic() + SECONDS
        while not (value := self.run(script, *arguments)):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.02)
        return value

    def act(self, script, *arguments):
        """Run a script after which the page is drawn anew, and wait for that."""
        before = self.run("return performance.getEntriesByName('drawn').length")
        self.run(script, *arguments)
        self.wait("return performance.getEntriesByName('drawn').length > arguments[0]", before)

    def press(self, *keys):
        """Press keys, one after the other."""
        from selenium.webdriver.common.action_chains import ActionChains

        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def choose(self, name, value):
        """Choose a value in one of the controls."""
        self.act(
            "const box = document.getElementById(arguments[0]); box.value = arguments[1];"
            "box.dispatchEvent(new Event(arguments[0] === 'find' ? 'input' : 'change'));",
            name,
            value,
        )

    @property
    def names(self):
        """Return the names on the cards that are shown."""
        return self.run(
            "return [...document.querySelectorAll('#grid .name')].map(n => n.textContent)"
        )

    @property
    def shown(self):
        """Return what the pager says."""
        return self.run("return document.getElementById('shown').textContent")

    def wait_for_pictures(self):
        """Wait until all pictures of the page are there."""
        self.wait(
            "return [...document.querySelectorAll('#grid img')].every(i => i.src && i.complete)"
        )

    def count_broken_pictures(self):
        """Return how many pictures do not show."""
        return self.run("return [...document.images].filter(i => !i.naturalWidth).length")

    def list_requests(self):
        """Return what the page has loaded besides itself."""
        return self.run(
            "return performance.getEntriesByType('resource').map(r => r.name)"
            ".filter(n => !n.startsWith('data:'))"
        )

    def list_messages(self):
        """Return the messages on the console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def command(self, name, **arguments):
        """Send a command to the browser itself."""
        self.driver.execute_cdp_cmd(name, arguments)


class JenkinsHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files with the header of Jenkins, and keeps quiet."""

    def end_headers(self):
        self.send_header("Content-Security-Policy", JENKINS)
        super().end_headers()

    def log_message(self, *words):
        pass


@contextlib.contextmanager
def serve_as_jenkins(folder):
    """Serve a folder, and give the address of its root."""
    handler = functools.partial(JenkinsHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
