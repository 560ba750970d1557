"""Training steps a second on a busy machine: threads that spin at barriers, threads that sleep.

    python bench/busy.py               # about three minutes on a machine with nothing else to do
    python bench/busy.py --quick       # to see that it runs; stored in a temporary folder

A rotation training (`ConvNet(16)`, batches of 32 images in four rotations, 32 pixels) on all cores,
alone and beside one and two busy processes, which are Python loops. Each measurement is a fresh
process, since OpenMP reads OMP_WAIT_POLICY once: "spinning" is what torch does by default,
"sleeping" is OMP_WAIT_POLICY=passive, which `import sslkit` sets. The policies take turns within
each round. Writes bench/results/busy.json.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

POLICIES = {"spinning": None, "sleeping": "passive"}  # values of OMP_WAIT_POLICY
BUSY, ROUNDS, SECONDS = (0, 1, 2), 5, 5.0
ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "busy.json"
WORKER = """
import sys, time, torch, warnings               # torch first: the policy stays what it is
warnings.simplefilter("ignore")
from sslkit import data, train
from sslkit.networks import ConvNet
from sslkit.tasks import Rotation
torch.set_num_threads({threads})
times = []

class TimeIsUp(Exception):
    pass

def tick(record):
    times.append(time.perf_counter())
    if times[-1] - times[0] > {seconds} and len(times) > 3:
        raise TimeIsUp

try:
    train(Rotation(ConvNet(16)), data.scenes(512, 32), steps=10**6, batch_size=32, device="cpu",
          amp=False, progress=False, log_every=1, on_log=tick)
except TimeIsUp:
    pass
print((len(times) - 3) / (times[-1] - times[2]))                   # the first two steps warm up
"""


@contextmanager
def busy_processes(number: int):
    """`number` processes that only burn time, while the block runs."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


def environment(policy: str | None) -> dict[str, str]:
    """This process's, with OMP_WAIT_POLICY as given (None: unset) and no other OMP_ setting."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))
    }
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    return kept if policy is None else {**kept, "OMP_WAIT_POLICY": policy}


def steps_per_second(policy: str | None, busy: int, seconds: float = SECONDS) -> float:
    """One measurement, in a process of its own on all cores, beside `busy` busy processes."""
    with busy_processes(busy):
        code = WORKER.format(threads=os.cpu_count(), seconds=seconds)
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment(policy),
            text=True,
            capture_output=True,
            check=True,
            timeout=60 + 60 * seconds,
        )
    return float(done.stdout)


def measure(rounds: int = ROUNDS, seconds: float = SECONDS) -> list[dict]:
    """→ a row for each policy and number of busy processes: steps a second, median and rounds."""
    rates = {(policy, busy): [] for busy in BUSY for policy in POLICIES}
    for _ in range(rounds):
        for policy, busy in rates:
            rates[policy, busy].append(steps_per_second(POLICIES[policy], busy, seconds))
    return [
        {
            "threads": policy,
            "busy processes": busy,
            "steps per second": round(statistics.median(each), 2),
            "rounds": [round(rate, 2) for rate in each],
        }
        for (policy, busy), each in rates.items()
    ]


def table(rows: list[dict]) -> str:
    """A line for each number of busy processes, a column for each policy."""
    rate = {(row["threads"], row["busy processes"]): row["steps per second"] for row in rows}
    lines = [f"{'steps a second':<28}" + "".join(f"{policy:>12}" for policy in POLICIES)]
    for busy in sorted({number for _, number in rate}):
        name = "alone" if not busy else f"beside {busy} busy process{'es' * (busy > 1)}"
        lines.append(f"{name:<28}" + "".join(f"{rate[policy, busy]:>12.1f}" for policy in POLICIES))
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Training on a busy machine.")
    parser.add_argument(
        "--quick", action="store_true", help="one short round, stored in a temporary folder"
    )
    quick = parser.parse_args(arguments).quick
    load = os.getloadavg()[0]
    if load > 0.5 and not quick:
        print(f'the load average is {load:.1f}: other programs run, and "alone" will not be true')
    rows = measure(1, 0.5) if quick else measure()
    target = Path(tempfile.mkdtemp(prefix="sslkit-busy-")) / RESULTS.name if quick else RESULTS
    target.write_text(
        json.dumps(
            {
                "rows": rows,
                "cores": os.cpu_count(),
                "load_average": load,
                "python": platform.python_version(),
                "command": "python bench/busy.py",
                "quick": quick,
            },
            indent=1,
        )
        + "\n"
    )
    print(f"{table(rows)}\n{target}")


if __name__ == "__main__":
    main()
