"""Writes docs/faults.md from the module docstrings of tests/faults: python tools/fault_table.py

The shape of such a docstring: first line, the fault; second paragraph, what the user sees; more is for readers of the file.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER, PAGE = ROOT / "tests" / "faults", ROOT / "docs" / "faults.md"
HEAD = """# Faults, and what the user sees

What can happen to a training, a file, a download or a notebook, what the kit then does, and the test that makes it
happen. This page is written from the tests by `python tools/fault_table.py`; a test compares the two.

| # | fault | what the user sees | test |
|---|---|---|---|
"""


def row(path: Path) -> tuple[str, str, str]:
    """A file of tests/faults → its number ("" for none), the fault, what the user sees.

    Raises ValueError where its docstring lacks one of the two paragraphs.
    """
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    paragraphs = [" ".join(part.split()) for part in docstring.split("\n\n")]
    if len(paragraphs) < 2 or "\n" in docstring.split("\n\n")[0]:
        raise ValueError(
            f"{path.name}: want a docstring whose first line is the fault, and whose second paragraph says "
            f"what the user sees"
        )
    number = re.match(r"test_(\d+)_", path.name)
    seen = paragraphs[1].removeprefix("What the user sees: ")
    return (
        number[1].lstrip("0") if number else "",
        paragraphs[0].rstrip("."),
        seen[:1].upper() + seen[1:],
    )


def page(folder: Path = FOLDER) -> str:
    """The whole page as it should read: faults in the order of their numbers, then those without one."""
    paths = sorted(path for path in folder.glob("test_*.py") if path.name != "test_fault_table.py")
    rows = sorted(
        (row(path) + (path,) for path in paths),
        key=lambda found: (found[0] == "", found[0].zfill(3), found[3]),
    )
    cell = lambda text: text.replace("|", r"\|").replace("<", "&lt;")
    lines = [
        f"| {number} | {cell(fault)} | {cell(seen)} | [{path.name}](../tests/faults/{path.name}) |"
        for number, fault, seen, path in rows
    ]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
