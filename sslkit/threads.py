"""How the CPU's threads wait for one another: asleep, so that a busy machine stays usable."""

import os
import sys
import warnings


def wait_passively() -> bool:
    """Let OpenMP's threads sleep at barriers → whether they will.

    By default they spin there, burning the time that the thread they wait for would need. On two
    cores shared with other programs (a browser that draws a notebook is one) a training gets many
    times slower; on a machine of its own, sleeping costs next to nothing (`bench/busy.py`).

    OpenMP reads OMP_WAIT_POLICY when torch is imported. Where that has happened, nothing can be
    changed any more, and a RuntimeWarning says so. A policy that the user has set is left as it is.
    """
    if "OMP_WAIT_POLICY" in os.environ:
        return os.environ["OMP_WAIT_POLICY"].lower() == "passive"
    if "torch" not in sys.modules:
        os.environ["OMP_WAIT_POLICY"] = "passive"
        return True
    if sys.modules["torch"].get_num_threads() > 1:  # a single thread waits for nobody
        warnings.warn(
            "torch was imported before sslkit, so its CPU threads spin while they wait: beside "
            "other programs that run, training can be several times slower. Import sslkit first, "
            "or set the environment variable OMP_WAIT_POLICY=passive before Python starts",
            RuntimeWarning,
            stacklevel=3,
        )
    return False
