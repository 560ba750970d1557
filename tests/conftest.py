"""One JupyterLab and one browser for all tests that need them."""

import os

import pytest

# Tests import torch before sslkit, which would set this: threads that spin starve one another.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    import browser

    if browser.chromium() is None:
        message = "no Chromium on this machine: apt-get install chromium"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    server = browser.Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def chromium(lab):
    from playwright.sync_api import sync_playwright

    import browser

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser.chromium(), args=browser.FLAGS)
        yield started
        started.close()


@pytest.fixture
def open_notebook(lab, chromium):
    import browser

    opened = []

    def opener(path):
        opened.append(browser.Notebook(lab, chromium, path))
        return opened[-1]

    yield opener
    for notebook in opened:
        notebook.close()
