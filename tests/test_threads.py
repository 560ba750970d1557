"""OpenMP's threads sleep at barriers: set before torch is imported, unless the user set it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def python(code, **environment):
    """Runs code in a process where no policy is set → what it printed, what it warned."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    clean |= {"PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.strip(), done.stderr


SHOW = "import os; print(os.environ.get('OMP_WAIT_POLICY'))"


def test_importing_sslkit_first_makes_threads_sleep_and_says_nothing():
    said, warned = python(f"import sslkit; {SHOW}", OMP_NUM_THREADS="2")
    assert said == "passive" and "Warning" not in warned


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP, Linux's, shows its settings")
@pytest.mark.parametrize(
    "given, found", [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "active"}, "ACTIVE")]
)
def test_openmp_itself_has_read_the_policy(given, found):
    """The library's own word: it prints the settings that it found when it was loaded."""
    _, shown = python("import sslkit", OMP_DISPLAY_ENV="true", **given)
    assert f"OMP_WAIT_POLICY = '{found}'" in shown, shown


def test_the_users_own_policy_is_left_alone():
    said, warned = python(
        f"import torch, sslkit; {SHOW}", OMP_WAIT_POLICY="active", OMP_NUM_THREADS="2"
    )
    assert said == "active" and "Warning" not in warned


def test_torch_imported_first_is_said_once_with_the_way_out():
    said, warned = python(f"import torch, sslkit, sslkit.train; {SHOW}", OMP_NUM_THREADS="2")
    assert said == "None", "too late to change: nothing is pretended"
    assert warned.count("RuntimeWarning") == 1 and "Import sslkit first" in warned
    assert "OMP_WAIT_POLICY=passive" in warned


def test_a_single_thread_waits_for_nobody():
    _, warned = python("import torch, sslkit", OMP_NUM_THREADS="1")
    assert "Warning" not in warned
