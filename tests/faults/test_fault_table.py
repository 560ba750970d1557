"""docs/faults.md says what the docstrings of this folder say."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import fault_table  # noqa: E402


def test_the_page_is_that_of_the_docstrings():
    assert fault_table.PAGE.read_text() == fault_table.page(), (
        "python tools/fault_table.py writes it anew"
    )


def test_rows_come_in_order_and_a_docstring_of_another_shape_is_refused(tmp_path):
    for name, text in [
        ("test_12_b", "Second\n\nSees | <b>."),
        ("test_2_a", "First.\n\nWhat the user sees: sees\nthis."),
        ("test_z", "Last\n\nAll"),
    ]:
        (tmp_path / f"{name}.py").write_text(f'"""{text}\n\nMore."""\n')
    rows = fault_table.page(tmp_path).splitlines()[-3:]
    assert [line.split(" | ")[:3] for line in rows] == [
        ["| 2", "First", "Sees this."],
        ["| 12", "Second", r"Sees \| &lt;b>."],
        ["| ", "Last", "All"],
    ]
    (tmp_path / "test_x.py").write_text('"""Only a fault."""\n')
    with pytest.raises(ValueError, match="test_x.py: want a docstring whose first line"):
        fault_table.page(tmp_path)
