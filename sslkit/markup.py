"""Text that comes from data, made safe to stand in HTML."""

import html
import unicodedata

# What writes from right to left, or turns the direction of whatever follows it.
TURNS = {"R", "AL", "AN", "RLE", "LRE", "RLO", "LRO", "RLI", "LRI", "FSI", "PDF", "PDI"}


def safe(text: object, most: int | None = 80) -> str:
    """Any object's text → HTML that shows it: it opens no element and ends no attribute.

    most: characters that are shown (None: all). Text with right-to-left letters or marks is set
    apart, so that it turns nothing but itself.
    """
    text = str(text)
    if most is not None and len(text) > most:
        text = text[: most - 1] + "…"
    turns = any(unicodedata.bidirectional(letter) in TURNS for letter in text)
    return f"<bdi>{html.escape(text)}</bdi>" if turns else html.escape(text)
