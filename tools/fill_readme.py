"""Writes the stored results into the README's tables: python tools/fill_readme.py"""

import re
from pathlib import Path

from sslkit.evaluate import stored, table

README = Path(__file__).parent.parent / "README.md"


def shown(name):
    """The table of a result, without the rows of single layers."""
    return table([record for record in stored(name)["records"] if "layer" not in record])


def filled(text):
    """README → the same, each block after a comment with the name of a result holding that result's table."""
    block = lambda match: f"<!-- {match[1]} -->\n```\n{shown(match[1])}\n```"
    return re.sub(r"<!-- (\S+-curve) -->\n```\n.*?```", block, text, flags=re.S)


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
