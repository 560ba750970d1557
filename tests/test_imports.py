"""Arrows point one way, and importing the package stays light."""

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "sslkit"
# One layer a line, and what it may import. evaluate needs `tasks.supervised`, the second stage of the pipeline, and nothing else of tasks.
LAYERS = """
    threads, markup, task, chunked, color, checkpoint, parts, meters, memory, counting:
    losses: chunked
    data: data checkpoint
    augment: data
    networks: networks color
    train: data checkpoint task parts
    tasks: tasks task losses color meters networks augment
    compute: data networks task
    evaluate: data augment train parts tasks.supervised
    protocol: data evaluate tasks train
    health: meters augment evaluate
    machine, anomaly: train
    recipes: data networks tasks task augment losses color
    weights: checkpoint data evaluate networks recipes tasks
    compare: evaluate plots recipes
    study: checkpoint compare compute data evaluate machine protocol recipes train weights
    claims: markup
    checks: checks networks tasks losses color data evaluate
    plots: plots markup anomaly data evaluate tasks networks task color losses
    widgets: widgets markup anomaly data augment evaluate tasks networks task plots color losses
"""
ALLOWED = {layer: set(may.split()) for line in LAYERS.split("\n") if ":" in line
           for layers, may in [line.split(":")] for layer in layers.replace(",", " ").split()}


def imports(path):
    """Modules of sslkit that a file imports, as "layer" or "layer.module"."""
    inside = path.relative_to(PACKAGE).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = list(inside[:len(inside) - node.level]) + (node.module or "").split(".")
            base = [part for part in base if part]
            for alias in node.names:
                yield ".".join(base) if base else alias.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sslkit"):
            yield node.module.partition(".")[2]


def test_arrows_point_one_way():
    checked = 0
    for path in PACKAGE.rglob("*.py"):
        layer = path.relative_to(PACKAGE).with_suffix("").parts[0]
        if layer in ("__init__", "__main__"):
            continue
        for module in imports(path):
            assert module.split(".")[0] in ALLOWED[layer] or module in ALLOWED[layer], f"{path.name} imports {module}"
            checked += 1
    assert checked > 10


def test_only_widgets_imports_ipywidgets():
    for path in PACKAGE.rglob("*.py"):
        assert ("ipywidgets" in path.read_text()) <= ("widgets" in path.relative_to(PACKAGE).parts), path


def test_importing_sslkit_loads_nothing_heavy_beyond_torch():
    heavy = ("matplotlib", "sklearn", "torchvision", "ipywidgets", "PIL", "scipy", "pandas")
    code = f"import torch, sys; before = set(sys.modules); import sslkit, sslkit.recipes; print([m for m in {heavy!r} if m in sys.modules and m not in before])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_no_utils_and_inheritance_is_one_level_deep():
    for path in PACKAGE.rglob("*.py"):
        assert path.stem not in ("utils", "helpers", "misc")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and path.parent.name == "tasks":
                assert [getattr(base, "id", None) for base in node.bases] == ["Task"], f"{path.name}: {node.name}"
