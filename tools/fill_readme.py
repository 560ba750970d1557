"""Writes the stored results into the README's tables: python tools/fill_readme.py"""

import re
from pathlib import Path

from sslkit.evaluate import stored, table

README = Path(__file__).parent.parent / "README.md"


def shown(name):
    """The table of a result, without the rows of single layers."""
    return table([record for record in stored(name)["records"] if "layer" not in record])


def speed():
    """The measurements of bench/augment.py: images a second, and how many times as fast the kit is."""
    rows = stored("augment")["rows"]
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}{row['images_per_second']:>9,}{row['sslkit_times_faster']:>7.1f} ×" for name, row in rows.items())


def filled(text):
    """README → the same, each block after a comment with the name of a result holding that result's table."""
    block = lambda match: f"<!-- {match[1]} -->\n```\n{shown(match[1])}\n```"
    text = re.sub(r"<!-- (\S+-curve) -->\n```\n.*?```", block, text, flags=re.S)
    return re.sub(r"<!-- speed -->\n```\n.*?```", f"<!-- speed -->\n```\n{speed()}\n```", text, flags=re.S)


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
