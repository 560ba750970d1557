"""Text: tokens and back, windows, and passages that keep to their split."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslkit.data import text

PAGES = text.topics_text()
PAIRS, LETTERS = text.byte_pairs(PAGES), text.characters(PAGES)


@settings(deadline=None)
@given(st.text(min_size=1).filter(lambda words: "[MASK]" not in words and "[UNK]" not in words))
def test_byte_pairs_write_any_text(words):
    tokens = PAIRS.encode(words)
    assert PAIRS.decode(tokens) == words and tokens.min() >= 2 and tokens.max() < len(PAIRS) == 1000


@settings(deadline=None)
@given(st.text(alphabet="abc xyz\n(.)", min_size=1))
def test_characters_are_one_token_each(words):
    tokens = LETTERS.encode(words)
    assert len(tokens) == len(words) and LETTERS.decode(tokens) == words and tokens.dtype == torch.int64


def test_what_is_rare_is_unknown_and_mask_is_the_mask():
    few = text.characters("aaaaabbbbbc")
    assert few.encode("abc").tolist() == [2, 3, 1] and len(few) == 4
    for made in (few, LETTERS, PAIRS):
        assert (made.mask, made.unknown, made.special) == (0, 1, (0, 1))
        assert 0 in made.encode("a[MASK]b").tolist() and made.encode("a[MASK]b").tolist().count(0) == 1
    assert LETTERS.pieces(LETTERS.encode("a b\n")) == ["a", "␣", "b", "↵"]


def test_common_pairs_are_joined():
    assert len(PAIRS.encode(PAGES)) < 0.5 * len(PAGES) and "␣the" in PAIRS.pieces(PAIRS.encode("in the end"))


def test_tokenizers_are_kept_whole(tmp_path):
    for made in (LETTERS, PAIRS):
        made.save(tmp_path / "made.json")
        again = text.Tokenizer.load(tmp_path / "made.json")
        assert torch.equal(again.encode(PAGES[:3000]), made.encode(PAGES[:3000])) and len(again) == len(made)
        assert again.decode(again.encode("x [MASK] y")) == made.decode(made.encode("x [MASK] y"))


def test_files_that_are_no_tokenizer(tmp_path):
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ValueError, match="other.json is no tokenizer .*Tokenizer.save"):
        text.Tokenizer.load(tmp_path / "other.json")
    with pytest.raises(FileNotFoundError):
        text.Tokenizer.load(tmp_path / "none.json")


def test_windows_by_hand():
    tokens = torch.arange(10)
    assert text.windows(tokens, 4).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert text.windows(tokens, 4, 3).tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    with pytest.raises(ValueError, match="10 tokens: want at least the 11"):
        text.windows(tokens, 11)


def test_the_pages_are_cut_without_remainder():
    from pydoc_data.topics import topics
    parts = {split: text.topics_text(split).split("\n\n") for split in text.SHARES}
    assert sum(len(text.topics_text(split)) for split in text.SHARES) == sum(map(len, topics.values())) + 3 * 2 * (len(topics) - 1)
    assert len(PAGES) == sum(map(len, topics.values())) + 2 * (len(topics) - 1) and all(parts.values())
    with pytest.raises(ValueError, match='split="all"'):
        text.topics_text("all")


def test_passages_come_from_their_page_and_their_part_of_it():
    from pydoc_data.topics import topics
    splits = text.topics(LETTERS, length=64)
    for (start, stop), part in zip(text.SHARES.values(), splits):
        counts = torch.bincount(part.labels)
        assert len(counts) == len(part.classes) == 8 and (counts == counts[0]).all() and counts[0] >= 50
        assert part.images.shape[1] == 64
        for row in range(0, len(part), 37):
            page = topics[part.classes[part.labels[row]]]
            words = LETTERS.decode(part.images[row])
            known = "[UNK]" not in words
            assert not known or words in page[round(start * len(page)):round(stop * len(page))]
    assert len(text.topics(PAIRS, length=64).test) >= 400


@pytest.mark.parametrize("content, words", [(b"caf\xe9 au lait", "UTF-8: byte 3 is 0xe9"), (b"", "empty"), (b" \n\t ", "empty")])
def test_files_that_are_no_text(tmp_path, content, words):
    (tmp_path / "file.txt").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        text.read(tmp_path / "file.txt")


def test_files_of_ones_own(tmp_path):
    (tmp_path / "file.txt").write_bytes("\ufeffHügel\r\nBerg".encode())
    assert text.read(tmp_path / "file.txt") == "Hügel\nBerg"
    with pytest.raises(FileNotFoundError):
        text.read(tmp_path / "none.txt")


@pytest.mark.parametrize("make, words", [(lambda: LETTERS.encode(""), "empty"), (lambda: text.characters("  "), "empty"),
                                         (lambda: PAIRS.decode([3, 1000]), "tokens 1000: this vocabulary has 0 to 999"),
                                         (lambda: LETTERS.decode([-1]), "tokens -1"),
                                         (lambda: LETTERS.decode([[2, 3]]), "one text at a time"),
                                         (lambda: LETTERS.pieces(torch.tensor([0.5])), "want whole numbers"),
                                         (lambda: text.topics(LETTERS, classes=70), "pages that are no parts of one another"),
                                         (lambda: text.byte_pairs("abc", 100), "at least 258")])
def test_what_cannot_work_is_said(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_the_mask_hides_a_word_with_the_space_before_it():
    """As in training: there, too, it stands in place of a token that holds its space."""
    hidden, whole = PAIRS.encode("it [MASK] not"), PAIRS.encode("it is not")
    assert PAIRS.pieces(whole) == ["it", "␣is", "␣not"] and hidden.tolist() == [whole[0], 0, whole[2]]
