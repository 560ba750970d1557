"""All comparisons with other kits, one after another: views, losses, a whole step.

    python -m bench                    # about a quarter of an hour on two quiet cores, in 3 GiB; writes bench/results/*.json
    python -m bench --quick            # few rounds, to see that everything runs; writes to a temporary folder
"""

import argparse
import importlib
import json
import tempfile
from pathlib import Path

CONTESTS = ("augment", "losses", "step")


def ratios(folder):
    """The JSON files in `folder` → one table: how many times as fast sslkit is, and how many times less memory it needs."""
    augment, losses, step = (json.loads((folder / f"{name}.json").read_text())["rows"] for name in CONTESTS)
    lines = [("sslkit is … times as fast as", "", "speed", "memory")]
    for title, rows in (("two views", augment), ("a whole step", step)):
        lines += [(title, name, f"{row['sslkit_times_faster']:.1f} ×", "") for name, row in rows.items() if name != "sslkit"]
    own = {row["problem"]: row["peak_mib"] for row in losses if row["contestant"] == "sslkit"}
    for row in losses:
        if row["contestant"] != "sslkit" and row["seconds"] is not None:
            less = f"{row['peak_mib'] / own[row['problem']]:.1f} ×" if own[row["problem"]] else ""
            lines.append((row["problem"], row["contestant"], f"{row['sslkit_times_faster']:.1f} ×", less))
    return "\n".join(f"{title:<30}{name:<26}{speed:>10}{memory:>10}" for title, name, speed, memory in lines)


def main():
    parser = argparse.ArgumentParser(prog="python -m bench", description="Compares sslkit with other kits.")
    parser.add_argument("--quick", action="store_true", help="few rounds, stored nowhere but in a temporary folder")
    quick = parser.parse_args().quick
    folder = Path(tempfile.mkdtemp(prefix="sslkit-bench-")) if quick else Path(__file__).parent / "results"
    for name in CONTESTS:
        contest = importlib.import_module(f".{name}", "bench")
        if quick:
            contest.ROUNDS, contest.RESULTS = 2, folder / contest.RESULTS.name
        print(f"\nbench/{name}.py", flush=True)
        contest.main()
    print(f"\n{ratios(folder)}\n\nfrom {', '.join(f'{name}.json' for name in CONTESTS)} in {folder}")


if __name__ == "__main__":
    main()
