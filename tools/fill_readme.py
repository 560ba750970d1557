"""Writes the stored results into the README's tables: python tools/fill_readme.py"""

import re
from pathlib import Path

from sslkit.evaluate import stored, table

README = Path(__file__).parent.parent / "README.md"


def filled(text):
    """README → the same, each block after a comment with the name of a result holding that result's table."""
    block = lambda match: f"<!-- {match[1]} -->\n```\n{table(stored(match[1])['records'])}\n```"
    return re.sub(r"<!-- (\S+-curve) -->\n```\n.*?```", block, text, flags=re.S)


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
