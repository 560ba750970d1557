"""Runs notebooks from top to bottom and stores what came out: python tools/build_notebooks.py [notebooks/NN_name.ipynb ...]

Each gets its Colab badge and its install cell, both made from the repository named in pyproject.toml, and loses what
differs from run to run without telling anything: execution times, widget state, the kernel's version.
"""

import base64
import io
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).parent.parent
LARGEST, LARGE_PICTURE = 1.5e6, 1e5                                # bytes
LONGEST_CELL, LONGEST_LINE = 12, 100                               # lines, characters: what a page shows without scrolling


def repository():
    return re.search(r'^Repository = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)[1]


def badge(name):
    home = repository().removeprefix("https://github.com/")
    return (f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
            f"(https://colab.research.google.com/github/{home}/blob/main/notebooks/{name})")


def install_cell():
    return f"try:\n    import sslkit\nexcept ImportError:  # in Colab\n    %pip install -q git+{repository()}\n    import sslkit"


def smaller(png):
    """A large PNG, in base64 → the same in 256 colours, which a figure hardly misses, and a third of the bytes."""
    content = base64.b64decode(png)
    if len(content) < LARGE_PICTURE:
        return png
    stream = io.BytesIO()
    Image.open(io.BytesIO(content)).convert("RGB").quantize(256).save(stream, "PNG", optimize=True)
    return base64.b64encode(min(content, stream.getvalue(), key=len)).decode()


def build(path):
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        if "badge" in cell.metadata.get("tags", []):
            cell.source = badge(path.name)
        if "install" in cell.metadata.get("tags", []):
            cell.source = install_cell()
        lines = len(cell.source.splitlines())
        if cell.cell_type == "code" and lines > LONGEST_CELL:
            raise SystemExit(f"{path.name}: a cell has {lines} lines, at most {LONGEST_CELL} are easy to read:\n{cell.source}")
        wide = [line for line in cell.source.splitlines() if len(line) > LONGEST_LINE and cell.cell_type == "code"]
        if wide:
            raise SystemExit(f"{path.name}: more than {LONGEST_LINE} characters in a line of code:\n{wide[0]}")
    began = time.monotonic()
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}},
                   store_widget_state=False).execute()
    seconds = time.monotonic() - began
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
                         "language_info": {"name": "python"}}
    for number, cell in enumerate(notebook.cells):
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output["data"]["image/png"] = smaller(output["data"]["image/png"])
        cell["id"] = f"cell-{number}"
    text = nbformat.writes(notebook)
    if len(text.encode()) > LARGEST:
        raise SystemExit(f"{path.name}: {len(text.encode()) / 1e6:.1f} MB, at most {LARGEST / 1e6} MB are wanted")
    path.write_text(text + "\n")
    print(f"{path.name}: {seconds:.0f} s, {len(text.encode()) / 1e6:.2f} MB")


if __name__ == "__main__":
    for path in [Path(name) for name in sys.argv[1:]] or sorted((ROOT / "notebooks").glob("*.ipynb")):
        build(path.resolve())
