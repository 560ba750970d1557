"""One JupyterLab and one browser for all tests that need them; what was not run stands at the end.

With pytest-xdist, `--dist loadfile` keeps the tests of a file in one process: all browser tests
are in test_browser.py, so that there is one server however many workers there are.
"""

import functools
import os
from collections import Counter

import pytest
from reach import concerns_widgets

# The files that take longest, longest first: two workers begin with them, `make test-fast` leaves them out.
LONGEST = (
    "01_rotation.ipynb", "00_start_here.ipynb", "test_browser.py", "04_colorization.ipynb",
    "03_relative_patch.ipynb", "02_jigsaw.ipynb", "06a_masked_text.ipynb", "05_inpainting.ipynb",
    "09_moco_byol.ipynb", "08_simclr.ipynb", "10_mae.ipynb", "06b_autoregressive.ipynb",
    "06c_series_and_hybrid.ipynb", "test_study.py", "test_compare.py", "test_losses_lesson.py",
    "11_comparison.ipynb", "06_self_prediction.ipynb", "07_contrastive_losses.ipynb",
    "test_widgets.py", "test_comparison_widgets.py", "test_self_prediction_lesson.py",
    "test_augmentation_lesson.py", "test_jigsaw_lesson.py", "test_cli.py", "test_embedding.py",
    "test_relative_patch_lesson.py", "test_self_prediction.py", "test_colorization_lesson.py",
    "test_inpainting_lesson.py", "test_bench.py", "test_contrastive.py", "test_checkpoint.py",
    "test_skips.py", "test_weights.py", "test_parts.py", "test_readme.py")
NO_BROWSER = "no Chromium on this machine: apt-get install chromium"


def in_ci():
    """Whether this is continuous integration, where a browser must be there."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")

# Tests import torch before sslkit, which would set this: threads that spin starve one another.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    import browser

    if browser.chromium() is None:
        pytest.fail(NO_BROWSER) if in_ci() else pytest.skip(NO_BROWSER)
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
    monkeypatch.setattr(recipes, "from_scratch", lambda tier, name="scenes": {"batch_size": 10, "lr": 1e-3, "steps": 2})
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


@pytest.fixture
def sketched(request, monkeypatch):
    """Explorers draw every path and word as ever, but no pixels, which take most of the time.

    Tests with the mark `png` are left alone; `sweep.sweep` makes one PNG of each explorer.
    """
    if not request.node.get_closest_marker("png"):
        from sketch import sketch

        from sslkit import plots

        monkeypatch.setattr(plots, "png", sketch)


@pytest.hookimpl(tryfirst=True)                                    # before `-m` chooses
def pytest_collection_modifyitems(items):
    """Marks the tests of widgets and the slow ones; puts the longest files first, the rest after them."""
    place = {name: number for number, name in enumerate(LONGEST)}
    for item in items:
        if hasattr(item, "function") and concerns_widgets(item):
            item.add_marker("widget")
        if item.path.name in place or item.path.parent.name == "faults":     # which kill and wait
            item.add_marker("slow")
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


def skipped(config):
    """(reason, whether it needs a browser) of each skipped test, where the summary is printed."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter else []        # a worker has none
    return [(report.longrepr[2].removeprefix("Skipped: "),
             "browser" in getattr(report, "keywords", ())) for report in reports]


def pytest_sessionfinish(session):
    """A browser test that was skipped, for whatever reason, fails continuous integration."""
    if in_ci() and any(browser for _, browser in skipped(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    """A line for each reason why something was not run: a skipped test must not look passed."""
    for (reason, browser), number in Counter(skipped(config)).most_common():
        tests = f"{'browser ' * browser}test{'s' * (number > 1)}"
        terminalreporter.write_line(f"NOT RUN: {number} {tests}: {reason}", yellow=True)
        if browser and in_ci():
            terminalreporter.write_line("In CI a browser test may not be skipped.", red=True)
