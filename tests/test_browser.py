"""The template site in a real browser: headless Chromium, driven by Selenium.

Where there is no Chromium with its driver, nothing here runs, and the summary of the test run says so.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait
from sites import Site, free_port, make_site

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="NOT RUN: there is no chromium with chromedriver"),
]

SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1400,1600",
)


class Browser:
    """A Chromium on one site."""

    def __init__(self, profile: Path, url: str) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM or ""
        for switch in (*SWITCHES, f"--user-data-dir={profile}"):
            options.add_argument(switch)
        self.url = url
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        self.driver.set_page_load_timeout(60)

    def go(self, path: str) -> None:
        """Open a path of the site."""
        self.driver.get(self.url + path)

    def find(self, selector: str) -> WebElement:
        """The first element, as soon as it is there."""
        return WebDriverWait(self.driver, 20).until(lambda driver: driver.find_element(By.CSS_SELECTOR, selector))

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements."""
        return [each.text for each in self.driver.find_elements(By.CSS_SELECTOR, selector)]

    def fill(self, **fields: str) -> None:
        """Put texts into the fields of these names."""
        for name, text in fields.items():
            field = self.find(f"[name='{name}']")
            field.clear()
            field.send_keys(text)

    def click(self, selector: str) -> None:
        """Click the first element and wait until the page that it leads to is there."""
        element = self.find(selector)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        page = self.driver.find_element(By.TAG_NAME, "html")
        element.click()
        WebDriverWait(self.driver, 30).until(lambda driver: driver.find_element(By.TAG_NAME, "html") != page)
        WebDriverWait(self.driver, 30).until(
            lambda driver: driver.execute_script("return document.readyState") == "complete"
        )

    def log_in(self) -> None:
        """Log in to the admin."""
        self.go("/admin/")
        self.fill(username="admin", password="secret")
        self.click("[type=submit]")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = make_site(tmp_path_factory.mktemp("browser") / "site")
    site.manage("migrate", "--verbosity", "0")
    site.manage("load_sample", "--superuser", "admin", "--password", "secret")
    return site


@pytest.fixture
def browser(site: Site, tmp_path: Path) -> Iterator[Browser]:
    with site.served() as (url, _):
        browser = Browser(tmp_path / "profile", url)
        try:
            yield browser
        finally:
            browser.driver.quit()


def test_home_login_and_logout(browser: Browser) -> None:
    browser.go("/")
    assert browser.texts(".tiles b")[0] == "18"
    assert "ZODB (django_zodb)" in browser.texts("td")
    browser.go("/accounts/login/")
    browser.fill(username="admin", password="secret")
    browser.click("button.primary")
    assert browser.texts("nav button") == ["Log out admin"]
    browser.click("nav button")
    assert "Log in" in browser.texts("nav a")


def test_admin_adds_edits_searches_filters_and_deletes(browser: Browser) -> None:
    browser.log_in()
    browser.go("/admin/library/member/add/")
    browser.fill(name="Alan Turing", email="alan@example.org", joined="2024-05-06")
    browser.click("[name=_continue]")
    assert "was added successfully" in browser.find(".success").text

    browser.fill(name="Alan M. Turing")
    add_inline_loan(browser, "jane eyre")
    browser.click("[name=_save]")
    assert "was changed successfully" in browser.find(".success").text

    browser.go("/admin/library/member/?q=turing")
    assert browser.texts("#result_list .field-name") == ["Alan M. Turing"]
    browser.go("/admin/library/member/?joined__year=2024")
    assert browser.texts("#result_list .field-email") == ["alan@example.org"]
    browser.go("/admin/library/loan/?state=open&q=turing")
    assert [text for text in browser.texts("#result_list td, #result_list th") if text.startswith("Jane Eyre")]

    browser.go("/admin/library/member/?q=turing")
    browser.click("#result_list .field-name a")
    browser.click(".deletelink")
    assert "Jane Eyre" in browser.find("#content").text  # the loan goes with its member
    browser.click("#content [type=submit]")
    assert "was deleted successfully" in browser.find(".success").text
    browser.go("/admin/library/loan/?q=turing")
    assert browser.texts("#result_list tr") == []


def add_inline_loan(browser: Browser, title: str) -> None:
    """Add a loan to the open member form; the book is found by typing, which asks the server."""
    browser.find("#loans-group .add-row a").click()
    browser.find("#loans-0 .select2-selection").click()
    browser.find(".select2-search__field").send_keys(title)
    WebDriverWait(browser.driver, 20, ignored_exceptions=[StaleElementReferenceException]).until(
        lambda _: [title] == [text.split(" (")[0].lower() for text in browser.texts(".select2-results__option")]
    )
    browser.find(".select2-results__option").click()


def test_a_broken_constraint_is_a_message(browser: Browser) -> None:
    browser.log_in()
    browser.go("/admin/library/genre/add/")
    browser.fill(name="Gothic")
    browser.click("[name=_save]")
    assert browser.texts(".errorlist li") == ["Genre with this Name already exists."]


def test_lists_are_edited_and_filtered(browser: Browser) -> None:
    browser.log_in()
    browser.go("/admin/library/book/?language__exact=fr")
    assert len(browser.texts("#result_list tbody tr")) == 2
    browser.fill(**{"form-0-price": "12.34"})
    browser.click("[name=_save]")
    assert "1 book was changed" in browser.find(".success").text
    browser.go("/admin/library/book/?q=hugo&o=5")
    assert len(browser.texts("#result_list tbody tr")) == 1


def test_browsable_api(browser: Browser) -> None:
    browser.log_in()
    browser.go("/api/genres/")
    assert "Genre List" in browser.texts("h1")
    browser.find("[name=name]")
    browser.fill(name="Poetry")
    browser.click("#post-object-form button, form[enctype] button.btn-primary")
    assert "201 Created" in browser.find(".response-info").text
    browser.go("/api/books/?search=dickens&ordering=year")
    shown = browser.find(".response-info").text
    assert '"count": 2' in shown
    assert shown.index("A Tale of Two Cities") < shown.index("Great Expectations")


def test_saved_means_saved(site: Site, tmp_path: Path) -> None:
    """A form is saved, the server is killed that moment, and the next one still has it."""
    port = free_port()
    with site.served(port) as (url, process):
        browser = Browser(tmp_path / "profile", url)
        try:
            browser.log_in()
            browser.go("/admin/library/genre/add/")
            browser.fill(name="Killed")
            browser.click("[name=_save]")
            process.send_signal(signal.SIGKILL)
            process.wait()
        finally:
            browser.driver.quit()
    with site.served(port) as (url, _):
        browser = Browser(tmp_path / "profile-2", url)
        try:
            browser.log_in()
            browser.go("/admin/library/genre/?q=killed")
            assert browser.texts("#result_list .field-name") == ["Killed"]
        finally:
            browser.driver.quit()
