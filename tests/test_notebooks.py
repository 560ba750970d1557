"""Notebooks keep to the house rules: stored outputs, small cells without loops or classes, one repository named in one place."""

import ast
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import build_notebooks as builder  # noqa: E402

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def python(cell):
    """The source of a code cell without the lines that only IPython understands."""
    return "\n".join("    pass" if line.lstrip().startswith("%") else line for line in cell.source.splitlines())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_house_rules(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert path.stat().st_size <= builder.LARGEST and notebook.metadata.kernelspec.name == "python3"
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "not run from top to bottom"
    assert not any(output.output_type == "error" or output.get("name") == "stderr" for cell in code for output in cell.outputs)
    assert sum("image/png" in output.get("data", {}) for cell in code for output in cell.outputs) >= 3, "few pictures"
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            assert len(cell.source.splitlines()) <= builder.LONGEST_CELL and not cell.source.rstrip().endswith(";")
            assert not any(isinstance(node, (ast.ClassDef, ast.For, ast.While)) for node in ast.walk(ast.parse(python(cell))))
            before = notebook.cells[number - 1]
            assert before.cell_type == "markdown" or before.source.startswith("def "), f"nothing says what to look for: {cell.source}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_badge_and_install_cell_come_from_the_one_setting(path):
    cells = nbformat.read(path, 4).cells
    assert cells[0].source == builder.badge(path.name)
    assert [cell.source for cell in cells if "install" in cell.metadata.get("tags", [])] == [builder.install_cell()]


def test_there_are_notebooks_and_their_links_lead_somewhere():
    assert {"00_start_here", "01_rotation", "02_jigsaw", "03_relative_patch", "04_colorization", "05_inpainting",
            "06_self_prediction", "06a_masked_text", "06b_autoregressive", "06c_series_and_hybrid", "07_contrastive_losses", "08_simclr",
            "09_moco_byol", "10_mae"} <= {path.stem for path in NOTEBOOKS}
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, 4).cells:
            for target in cell.source.split("](")[1:] if cell.cell_type == "markdown" else []:
                target = target.split(")")[0]
                assert target.startswith("https://") or (path.parent / target).exists(), f"{path.name}: {target}"
