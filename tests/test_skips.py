"""A test that was not run must not look passed: the summary names it, and CI fails without its browser."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pytest

def test_runs():
    pass

@pytest.mark.skip("no CUDA device")
def test_cuda():
    pass

@pytest.mark.browser
{browser}
"""
NO_CHROMIUM = "def test_in_a_browser(lab):\n    pass"
OTHER_REASON = "@pytest.mark.skip('no playwright')\ndef test_in_a_browser():\n    pass"


def outcome(folder, browser, ci):
    """Runs SUITE with this conftest.py and no browser on the path → exit status, what was printed."""
    here = Path(__file__).parent
    for name in ("conftest.py", "reach.py", "browser.py"):
        shutil.copy(here / name, folder / name)
    (folder / "test_suite.py").write_text(SUITE.format(browser=browser))
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    browser\n    widget\n    png\n    slow\n")
    environment = {**os.environ, "PATH": str(folder), "CI": ci}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
                          env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout


def test_without_chromium_the_summary_names_what_was_not_run(tmp_path):
    status, said = outcome(tmp_path, NO_CHROMIUM, "")
    assert status == 0 and "1 passed, 2 skipped" in said
    assert "NOT RUN: 1 browser test: no Chromium on this machine: apt-get install chromium" in said
    assert "NOT RUN: 1 test: no CUDA device" in said


@pytest.mark.parametrize("browser, says", [
    (NO_CHROMIUM, "no Chromium on this machine: apt-get install chromium"),
    (OTHER_REASON, "In CI a browser test may not be skipped")])
def test_in_ci_a_browser_test_that_is_not_run_is_a_failure(browser, says, tmp_path):
    status, said = outcome(tmp_path, browser, "true")
    assert status == 1 and says in said, said
    assert "NOT RUN: 1 test: no CUDA device" in said, "which fails nothing by itself"


def test_all_browser_tests_are_in_one_file():
    here = Path(__file__).parent
    others = set(here.rglob("test_*.py")) - {here / "test_browser.py", Path(__file__)}
    elsewhere = [path.name for path in others
                 if any(word in path.read_text() for word in ("mark.browser", "open_notebook"))]
    assert len(others) > 50 and not elsewhere, "a second file with browser tests starts a second server"


def test_what_reaches_widgets_is_known_and_nothing_else():
    import test_jigsaw_lesson
    import test_widgets
    from reach import reaches

    assert reaches(test_jigsaw_lesson.solve, set()) is False       # it is given an explorer
    assert reaches(test_jigsaw_lesson.explorer, set()) and reaches(test_widgets.MAKERS, set())
    assert reaches(test_jigsaw_lesson.test_three_by_three, set())
    assert reaches(test_jigsaw_lesson.test_a_right_network_solves_the_puzzle, set()), "through explorer"
    for name in ("test_figures_show_what_they_are_given", "test_right_shuffles_pass", "hamming"):
        assert not reaches(getattr(test_jigsaw_lesson, name), set()), name
