"""The small networks that come with the kit load, and do what their file says they do."""

import hashlib

import pytest
import torch

import sslkit
from sslkit import counting, data, evaluate, recipes, weights
from sslkit.data import sound, text
from sslkit.networks import Palette, PartEncoder
from sslkit.tasks import masks

STORED = evaluate.stored("pretrained")
NAMES = ("mae-scenes", "masked-text", "gpt-text", "pixelcnn-scenes", "igpt-scenes", "wavenet-vowels", "vqvae-scenes", "gpt-codes")


def held_out(kind, number):
    _, tokenizer = weights.masked_text() if kind == "masked-text" else weights.text()
    return text.windows(tokenizer.encode(text.topics_text("test")), weights.WINDOW)[:number]


@pytest.mark.parametrize("name", NAMES)
def test_every_network_is_stored_small_and_with_its_numbers(name):
    assert evaluate.stored_file(f"{name}.safetensors").stat().st_size <= 3e6
    assert STORED[name]["settings"]["steps"] > 0 and STORED[name]["held out"]["loss"] > 0


def test_text_is_told_far_better_than_by_counting():
    few = held_out("gpt-text", 60)
    task, letters = weights.text()
    bits = evaluate.solve(task, few, device="cpu")["bits"]
    train = letters.encode(text.topics_text("train"))[None]
    assert bits < 0.65 * counting.bigram_bits(train, few, len(letters)) and bits == pytest.approx(STORED["gpt-text"]["held out"]["bits"], abs=0.35)


def test_hidden_words_are_found():
    few = held_out("masked-text", 60)
    task, words = weights.masked_text()
    right = evaluate.solve(task, few, device="cpu")["accuracy"]
    commonest = torch.bincount(few.flatten()).max() / few.numel()
    assert right > 3 * commonest and right == pytest.approx(STORED["masked-text"]["held out"]["accuracy"], abs=0.1)
    sentence = words.encode("An exception is [MASK] when the value is not found.")[None]
    told = task(sentence)[0, :, int((sentence[0] == words.mask).nonzero()[0])].topk(3).indices
    assert "␣raised" in words.pieces(told)


@pytest.mark.parametrize("kind", ["pixelcnn", "igpt"])
def test_pixels_are_told_better_than_from_the_one_before(kind):
    pictures = data.shrunk(data.scenes(60, 32, split="test").images) / 255
    task, palette = weights.pixels(kind)
    tokens = palette(pictures)
    assert evaluate.solve(task, tokens, device="cpu")["bits"] < 0.9 * counting.bigram_bits(tokens, tokens, weights.COLOURS)
    assert (palette.pictures(tokens) - pictures).square().mean() < 0.01
    assert evaluate.embed(evaluate.Layer(PartEncoder(task.encoder, palette), 2, 2), (pictures * 255).to(torch.uint8), device="cpu").shape[0] == 60


def test_vowels_are_told_better_with_the_right_condition():
    made = sound.vowels(20, split="test")
    tokens, task = sound.mu_law(made.images)[:, :800], weights.sound()
    right, wrong = (evaluate.solve(task, (tokens, labels), device="cpu")["bits"] for labels in (made.labels, (made.labels + 2) % 5))
    assert right < wrong and right < 5


def test_the_painter_paints_better_than_the_mean_colour():
    pictures = data.scenes(40, 32, split="test").images / 255
    torch.manual_seed(0)
    visible, hidden = masks.hide(masks.random(40, 8), 0.75)
    with torch.no_grad():
        painted = weights.painter().fill(pictures, hidden)
    gone = torch.zeros(40, 64).scatter(1, hidden, 1.0).view(40, 1, 8, 8).repeat_interleave(4, 2).repeat_interleave(4, 3)
    mean = (pictures * (1 - gone)).sum((2, 3), keepdim=True) / (1 - gone).sum((2, 3), keepdim=True)
    error = lambda guess: ((guess - pictures).square() * gone).sum() / gone.sum()
    assert error(painted) < 0.5 * error(mean)


def test_words_of_pictures_are_painted_again_and_written_anew():
    pictures = data.scenes(12, 64, split="test").images / 255
    book, writer = weights.codes()
    with torch.no_grad():
        tokens = book.tokens(pictures)
        error = (book.pictures(tokens) - pictures).square().mean()
    # As many bits, spent on one of 128 colours for each block of 8 × 8 pixels.
    means = torch.nn.functional.avg_pool2d(pictures, 8)
    palette = Palette.of(means, 128)
    blocks = palette.pictures(palette(means)).repeat_interleave(8, 2).repeat_interleave(8, 3)
    assert tokens.shape == (12, 8, 8) and error < 0.95 * (blocks - pictures).square().mean()
    assert len(tokens.unique()) > 40 and evaluate.solve(writer, tokens, device="cpu")["bits"] < 6.5
    torch.manual_seed(0)
    drawn = book.pictures(writer.sample(2, (8, 8)))
    assert drawn.shape == (2, 3, 64, 64) and torch.isfinite(drawn).all()


def test_everything_listed_is_there_as_it_was_measured_and_loads():
    listed = weights.listed()
    assert set(NAMES) | {"colorizer-cifar10"} | {f"{method}-scenes-cpu" for method in recipes.RECIPES if method != "vicreg"} <= set(listed)
    for name, about in listed.items():
        content = (evaluate.results_folder() / about["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == about["sha256"] and len(content) <= 12e6, name
        encoder = sslkit.pretrained(name)
        assert not encoder.training and encoder.dim > 0, name
        assert "held out" in about or 0 < about["accuracy"]["linear probe"] < 1, name


def test_a_name_that_is_not_listed_and_a_file_that_was_changed_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="nothing called 'simclr' comes with the kit; there are: mae-scenes, "):
        sslkit.pretrained("simclr")
    name, about = next(item for item in weights.listed().items() if item[0].startswith("rotation-scenes"))
    content = bytearray((evaluate.results_folder() / about["file"]).read_bytes())
    content[-1] ^= 1
    (tmp_path / about["file"]).parent.mkdir()
    (tmp_path / about["file"]).write_bytes(content)
    monkeypatch.setattr(weights, "results_folder", lambda: tmp_path)
    with pytest.raises(RuntimeError, match="is not the file that was measured"):
        sslkit.pretrained(name)


def test_a_stored_encoder_knows_what_the_list_says_it_knows():
    """Its accuracy, by the protocol of the list, on a part of the test split: far above what an untrained one reaches."""
    splits = data.Splits(data.scenes(3000), data.scenes(500, split="validation"), data.scenes(1000, split="test"))
    found = {}
    for name, encoder in (("stored", sslkit.pretrained("rotation-scenes-cpu")), ("fresh", recipes.kept("rotation", "cpu"))):
        features = [evaluate.embed(evaluate.Layer(encoder, 3, 2), part, device="cpu") for part in splits]
        probe = evaluate.linear_probe(features[0], splits.train.labels, features[1], splits.validation.labels, penalties=(1e-1, 1e-2))
        found[name] = evaluate.accuracy(probe.predict(features[2]), splits.test.labels)
    about = weights.listed()["rotation-scenes-cpu"]["accuracy"]
    assert found["stored"] > found["fresh"] + 0.15 and abs(found["stored"] - about["linear probe"]) < 0.1
