"""One JupyterLab and one browser for all tests that need them; a small world for the command line."""

import functools
import os

import pytest


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


@functools.cache
def small_world():
    """Drawn once: it takes longer than many a test."""
    from sslkit import data

    numbers = (80, "train"), (40, "validation"), (40, "test")
    return data.Splits(*(data.scenes(number, 24, split=split) for number, split in numbers))


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """The command line's own code, on a world of a few images and a network of a few channels."""
    from sslkit import recipes
    from sslkit.networks import ConvNet, ViT

    splits = small_world()
    monkeypatch.setattr(recipes, "splits", lambda name, tier, size=32: splits)
    monkeypatch.setattr(recipes, "encoder", lambda tier, name="scenes", half=False: ConvNet(4))
    monkeypatch.setattr(recipes, "vit", lambda tier, name="scenes": ViT(24, 4, 16, 2, 2))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SSLKIT_TIER", "cpu")
    return tmp_path


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
