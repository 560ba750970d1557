"""The dry run of the gpu tier forgives what was not learnt, and nothing else."""

import sys
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
import dry_run_gpu  # noqa: E402

CELLS = (
    "from sslkit import data, recipes, train\n"
    "from sslkit.evaluate import embed\n"
    "from sslkit.networks import ConvNet\n"
    "from sslkit.tasks import Rotation\n"
    'assert recipes.tier() == "gpu"',
    "images, seen = data.scenes(60, 24), []\n"
    "task = Rotation(ConvNet(8))\n"
    "history = train(task, images, steps=40, log_every=10, on_log=seen.append)\n"
    'if [record["step"] for record in seen] != [10, 20, 30, 40] or len(images) != 60:\n'
    "    raise ValueError(seen)\n"
    "if embed(task.encoder, images).shape != (60, 64):\n"
    '    raise ValueError("features")',
    'assert history[-1]["accuracy"] > 2, "not learnt"',
    "history[99]",
)


def test_a_notebook_is_taken_through_the_gpu_tier(tmp_path, capsys):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    path = tmp_path / "lesson.ipynb"
    nbformat.write(notebook, path)
    before = path.read_bytes()
    found = dry_run_gpu.dry_run(path, few=20)
    assert found == {
        "forgiven": ["cell 2: AssertionError: not learnt"],
        "errors": ["cell 3: IndexError: list index out of range"],
    }
    assert path.read_bytes() == before, "nothing is written"
