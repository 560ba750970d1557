"""The lessons on self-prediction: their explorers and their figures."""

import base64
import re
import wave
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from ipywidgets import FileUpload, Text
from sweep import sweep

from sslkit import data, plots, widgets
from sslkit.data import sound, text
from sslkit.networks import GPT, Palette, PixelCNN, TextTransformer, ViT, WaveNet
from sslkit.tasks import MAE, Autoregressive, MaskedLM, masks

pytestmark = pytest.mark.usefixtures("sketched")
WORLD = data.scenes(6, 32)
PICTURES = {"drawn world": WORLD, "photographs": data.photographs(32)}
TINY = replace(WORLD, images=data.shrunk(WORLD.images, 4))          # 8 pixels
PALETTE = Palette(torch.rand(5, 3, generator=torch.Generator().manual_seed(0)))
ENGLISH = "The value of an expression is computed by the following rules. If a name is bound, it is a local name.\n" * 20
LETTERS, PAIRS = text.characters(ENGLISH), text.byte_pairs(ENGLISH, 300)


def mask_explorer():
    torch.manual_seed(0)
    return widgets.MaskExplorer(MAE(ViT(32, 8, dim=12, depth=1, heads=1), dim=8), PICTURES, number=3)


def text_explorer(**options):
    torch.manual_seed(0)
    return widgets.AutoregressiveExplorer.of_text(Autoregressive(GPT(len(LETTERS), 16, dim=8, depth=1, heads=1)), LETTERS, **options)


def picture_explorer(**options):
    torch.manual_seed(0)
    return widgets.AutoregressiveExplorer.of_pictures(Autoregressive(PixelCNN(5, dim=8, depth=1)), PALETTE, TINY, **options)


def sound_explorer(**options):
    torch.manual_seed(0)
    return widgets.AutoregressiveExplorer.of_sound(Autoregressive(WaveNet(32, dim=6, dilations=(1, 2), conditions=3)), "aei",
                                                   samples=70, levels=32, **options)


def sentence_explorer(**options):
    torch.manual_seed(0)
    network = TextTransformer(len(PAIRS), 24, dim=8, depth=1, heads=1)
    torch.nn.init.normal_(network.embed.weight)                    # else an untrained network finds all words alike
    return widgets.MaskedTextExplorer(MaskedLM(network, PAIRS.mask, PAIRS.special), PAIRS, **{
        "sentence": "The value is [computed] by the rules.", **options})


EXPLORERS = [mask_explorer, text_explorer, picture_explorer, sound_explorer]


SWEPT = {mask_explorer: ("number", "source", "kind", "ratio", "seed"), text_explorer: ("temperature", "top_k", "seed", "step"),
         picture_explorer: ("number", "rows", "step"), sound_explorer: ("vowel", "step")}


@pytest.mark.parametrize("make", SWEPT)
def test_every_control_is_swept(make):
    found = {name for name, control in make().controls.items() if not isinstance(control, (FileUpload, Text))}
    assert found <= {*SWEPT[make], *SWEPT[text_explorer]}          # what all sequences have in common is swept once


@pytest.mark.parametrize("make, name", [(make, name) for make, names in SWEPT.items() for name in names])
def test_each_control_over_its_whole_range(make, name):
    assert sweep(make, name) > 1, f"{name} changes nothing"


def hidden_patches(shown):
    """From the picture itself, whatever the explorer believes: which patches (N,) are told to be hidden."""
    seen = np.asarray(shown.figure.axes[0].images[0].get_array()).transpose(2, 0, 1)              # (3, H, W)
    true = shown.picture.numpy() / 255
    return torch.tensor([[not np.allclose(seen[:, row:row + 8, column:column + 8], true[:, row:row + 8, column:column + 8], atol=1e-6)
                          for column in range(0, 32, 8)] for row in range(0, 32, 8)]).flatten()


@pytest.mark.parametrize("kind", ["random", "block", "grid"])
def test_as_many_patches_are_hidden_as_the_slider_says(kind):
    shown = mask_explorer()
    shown.controls["kind"].value = kind
    before = torch.zeros(16, dtype=torch.bool)
    for ratio, number in ((0, 0), (0.25, 4), (0.5, 8), (0.75, 12), (0.95, 15)):
        shown.controls["ratio"].value = ratio
        assert shown.error is None and torch.equal(hidden_patches(shown), shown.hidden) and int(shown.hidden.sum()) == number
        assert (shown.hidden | ~before).all(), "what was hidden at a lower share stays hidden"
        assert [cell.value for cell in shown.cells] == shown.hidden.tolist()
        before = shown.hidden
    shown.controls["ratio"].value = 0
    assert "Nothing is hidden" in shown.message.value


def test_the_errors_are_those_of_the_hidden_patches_alone():
    shown = mask_explorer()
    shown.controls["ratio"].value = 0.6
    image = shown.picture / 255.0
    patches = shown.task.encoder.patches(image[None])                                             # (1, 16, 192)
    hidden, visible = shown.hidden.nonzero().T, (~shown.hidden).nonzero().T
    with torch.no_grad():
        painted = shown.task((patches[:, visible[0]], visible, hidden)).clamp(0, 1)
    truth = patches[:, hidden[0]]
    mean = patches[0, visible[0]].view(-1, 64, 3).mean((0, 1)).repeat(64)
    expected = [float((painted - truth).square().mean()), float((mean - truth).square().mean())]
    said = [float(number) for number in re.findall(r"<b>(\d\.\d{4})</b>", shown.message.value)]
    assert said == pytest.approx(expected, abs=1e-4)
    assert ("no better" in shown.message.value) == (said[0] >= said[1])


def test_a_click_hides_a_patch_by_hand_and_the_last_one_stays_visible():
    shown = mask_explorer()
    shown.controls["ratio"].value = 0
    before = shown.still()
    shown.cells[5].value = True
    assert shown.kind == "by hand" and shown.hidden.nonzero().flatten().tolist() == [5] and shown.still() != before
    assert torch.equal(hidden_patches(shown), shown.hidden) and "6%" in shown.message.value
    for cell in shown.cells[:15]:
        cell.value = True
    assert shown.error is None and int(shown.hidden.sum()) == 15
    shown.cells[15].value = True
    assert "last visible patch" in shown.message.value and not shown.cells[15].value and int(shown.hidden.sum()) == 15
    shown.cells[0].value = False
    assert shown.error is None and int(shown.hidden.sum()) == 14
    shown.controls["ratio"].value = 0.5                            # back to a rule, the last one
    assert shown.kind == "random" and int(shown.hidden.sum()) == 8


def test_draws_repeat_and_drawing_again_draws_another():
    shown, other = mask_explorer(), mask_explorer()
    assert torch.equal(shown.hidden, other.hidden)
    first = shown.hidden
    shown.again.click()
    assert shown.seed == 1 and not torch.equal(shown.hidden, first)
    shown.controls["number"].value = 2
    assert shown.error is None and int(shown.hidden.sum()) == len(first) * 3 // 4
    shown.controls["seed"].value = 0
    assert torch.equal(shown.hidden, first)


def test_time_is_taken_once_for_each_number_of_visible_patches():
    shown = mask_explorer()
    assert set(shown.times) == {4, 16}
    before = dict(shown.times)
    shown.again.click()
    assert shown.times == before
    shown.controls["ratio"].value = 0.5
    assert set(shown.times) == {4, 8, 16} and "times as long" in shown.message.value


def test_a_network_that_cannot_paint_is_refused():
    with pytest.raises(ValueError, match="norm_pix=False"):
        widgets.MaskExplorer(MAE(ViT(32, 8, dim=12, depth=1, heads=1), norm_pix=True), WORLD)


@pytest.mark.parametrize("make", EXPLORERS[1:])
def test_what_is_drawn_comes_from_the_network_s_own_distribution(make):
    shown = make()
    tokens, chances, given = shown.sample()
    x = tokens.view(1, *shown.shape)
    with torch.no_grad():
        logits = shown.task((x, torch.tensor([shown.vowel])) if make is sound_explorer else x)[0].flatten(1)
    torch.testing.assert_close(chances, logits.softmax(0).T, atol=1e-5, rtol=1e-4)
    drawn = shown.step
    cost = -logits.log_softmax(0)[tokens, torch.arange(len(tokens))][given:given + drawn].sum() / np.log(2)
    said = float(re.search(r"<b>([\d.]+) bits</b>", shown.message.value)[1])
    assert said == pytest.approx(float(cost), abs=0.06) and f"<b>{drawn}</b> of {len(tokens) - given} drawn" in shown.message.value


@pytest.mark.parametrize("make", EXPLORERS[1:])
def test_seeds_repeat_and_walking_through_a_sample_draws_nothing_anew(make):
    shown, other = make(), make()
    first = shown.sample()[0]
    assert torch.equal(first, other.sample()[0])
    shown.controls["step"].value = shown.controls["step"].max
    assert shown.sample()[0] is first and "all is drawn" in [label.get_text() for axes in shown.figure.axes for label in axes.texts]
    state = torch.get_rng_state()
    shown.again.click()
    assert shown.seed == 1 and not torch.equal(shown.sample()[0], first)
    assert torch.equal(torch.get_rng_state(), state), "the reader's own random numbers stay as they were"
    shown.controls["seed"].value = 0
    assert torch.equal(shown.sample()[0], first)


def test_temperature_and_top_k_change_the_distribution_as_they_should():
    shown = text_explorer()
    plain = shown.sample()[1][4]                                   # of the first place that is drawn, which knows what was given alone
    shown.controls["temperature"].value = 0.5
    torch.testing.assert_close(shown.sample()[1][4], plain.square() / plain.square().sum(), atol=1e-5, rtol=1e-4)
    shown.controls["temperature"].value, shown.controls["top_k"].value = 1.0, 2
    assert int((shown.sample()[1][4] > 0).sum()) == 2
    shown.controls["top_k"].value = 1
    greedy = shown.sample()[0]
    shown.again.click()
    assert torch.equal(shown.sample()[0], greedy) and "Always the likeliest" in shown.message.value


def test_what_is_given_stays_and_leaves_so_much_less_to_draw():
    shown = text_explorer(start="The value")
    tokens, _, given = shown.sample()
    assert LETTERS.decode(tokens[:given]) == "The value" and shown.controls["step"].max == 16 - 9
    shown.controls["start"].value = ""
    assert shown.error is None and shown.sample()[2] == 0 and shown.controls["step"].max == 16
    shown.controls["start"].value = "x" * 16
    assert "16 tokens are given, and this network reads 16" in shown.message.value
    shown.controls["start"].value = "The"
    assert shown.error is None and "sslkit-error" not in shown.message.value

    shown = picture_explorer()
    for rows in (8, 0, 3):
        shown.controls["rows"].value = rows
        tokens, _, given = shown.sample()
        truth = PALETTE(TINY.images[:1] / 255)[0].flatten()
        assert given == 8 * rows and torch.equal(tokens[:given], truth[:given]) and shown.error is None
        assert shown.controls["step"].max == shown.play.max == 64 - given
    assert "sslkit-error" not in shown.message.value


def test_the_player_moves_the_slider():
    shown = text_explorer()
    before = shown.still()
    shown.play.value = 9
    assert shown.step == 9 and shown.still() != before


def test_any_sequence_can_be_shown_with_a_reader_of_one_s_own():
    torch.manual_seed(0)
    seen = []
    shown = widgets.AutoregressiveExplorer(Autoregressive(GPT(4, 6, dim=8, depth=1, heads=1)), (6,), step=2,
                                           read=lambda figure, tokens, given, drawn, true: seen.append((len(tokens), given, drawn, true)))
    assert seen == [(6, 0, 2, None)] and shown.figure.axes[0].get_title() == "the next element"


def test_a_sound_can_be_heard_and_depends_on_the_vowel():
    shown = sound_explorer()
    first = shown.sample()
    sent = base64.b64decode(re.search(r"base64,([^\"]+)", shown.message.value)[1])
    with wave.open(BytesIO(sent)) as file:
        heard = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32767
        assert file.getframerate() == 8000 and file.getnchannels() == 1
    np.testing.assert_allclose(heard, sound.inverse_mu_law(first[0], 32), atol=1e-4)
    shown.controls["vowel"].value = 2
    assert not torch.equal(shown.sample()[1][0], first[1][0])


def test_masked_words_are_told_by_the_network_from_the_others():
    shown = sentence_explorer()
    tokens = PAIRS.encode("The value is computed by the rules.")
    assert torch.equal(shown.tokens, tokens)
    pieces = PAIRS.pieces(tokens)
    assert "".join(piece for piece, gone in zip(pieces, shown.hidden) if gone) == "␣computed"
    seen = tokens.clone()
    seen[shown.hidden] = PAIRS.mask
    with torch.no_grad():
        logits = shown.task(seen[None])[0]                                                        # (V, T)
    torch.testing.assert_close(shown.chances, logits.softmax(0)[:, shown.hidden].T)
    bits = -logits.log_softmax(0)[tokens, torch.arange(len(tokens))][shown.hidden].mean() / np.log(2)
    assert f"{float(bits):.1f} bits each" in shown.message.value
    labels = [label.get_text() for label in shown.figure.axes[0].texts]
    best = logits.softmax(0)[:, shown.hidden][:, 0].topk(5).indices
    assert {piece[:11] for piece in PAIRS.pieces(best)} <= {label.removesuffix(" ✓")[:11] for label in labels}


def test_words_are_hidden_by_buttons_by_brackets_and_for_good():
    shown = sentence_explorer()
    assert [button.description for button in shown.buttons.children] == "The value is computed by the rules".split()
    before = shown.still()
    shown.buttons.children[1].value = True
    assert shown.error is None and shown.still() != before
    assert PAIRS.decode(shown.tokens[shown.hidden]).split() == ["value", "computed"]
    shown.buttons.children[1].value = shown.buttons.children[3].value = False
    assert not shown.hidden.any() and "Nothing is hidden" in shown.message.value and len(shown.chances) == 0
    shown.controls["sentence"].value = "The [MASK] is [bound]."
    assert shown.error is None and int((shown.tokens == PAIRS.mask).sum()) == 1
    assert PAIRS.decode(shown.tokens[shown.tokens != PAIRS.mask]) == "The is bound."              # its space is hidden with the word
    assert shown.buttons.children[1].disabled and shown.hidden[shown.tokens == PAIRS.mask].all()
    shown.buttons.children[3].value = False
    assert "nobody knows" in shown.message.value
    shown.controls["sentence"].value = "[Ünïcode] … [名前] ok"
    assert shown.error is None
    hidden = PAIRS.decode(shown.tokens[shown.hidden])
    assert hidden.removesuffix("名前").strip() == "Ünïcode" and hidden.endswith("名前")


@pytest.mark.parametrize("sentence, says", [("", "the sentence is empty"), ("  ", "the sentence is empty"), ("a [ ] b", "empty brackets after"),
                                            ("name " * 40, "reads at most 24: shorten it")])
def test_sentences_that_cannot_be_read_are_told(sentence, says):
    shown = sentence_explorer()
    tokens, picture = shown.tokens, shown.still()
    shown.controls["sentence"].value = sentence
    assert says in shown.message.value and "sslkit-error" in shown.message.value
    assert torch.equal(shown.tokens, tokens) and shown.still() == picture
    shown.controls["sentence"].value = "a name"
    assert shown.error is None and "Nothing is hidden" in shown.message.value


IMAGES, NOISE = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
HALF = torch.tensor([True, True, False, False])
WAVES = torch.stack([0.5 * torch.sin(2 * np.pi * frequency * torch.arange(1600) / 8000) for frequency in (500, 2000)])
FIGURES = {
    "masked": lambda **given: plots.masked(IMAGES, HALF, NOISE, 4, **given),
    "mask_kinds": lambda **given: plots.mask_kinds(IMAGES[0], {"upper": HALF, "lower": ~HALF}, 4, **given),
    "next_token": lambda **given: plots.next_token([0.5, 0.3, 0.2], "abc", 1, 0, **given),
    "next_level": lambda **given: plots.next_level(torch.full((32,), 1 / 32), 3, 9, **given),
    "written": lambda **given: plots.written(list("The␣end↵."), 3, 4, **given),
    "so_far": lambda **given: plots.so_far(IMAGES[0], 20, 7, truth=IMAGES[1], **given),
    "wave_so_far": lambda **given: plots.wave_so_far(WAVES[0], 100, 8000, **given),
    "waves": lambda **given: plots.waves(WAVES, 8000, ["low", "high"], **given),
    "reach": lambda **given: plots.reach(torch.rand(4, 5), (2, 2), **given),
    "reach of a line": lambda **given: plots.reach(torch.rand(9), 7, **given),
    "masked_sentence": lambda **given: plots.masked_sentence(["A", "␣bc"], [False, True], [[("␣x", 0.7), ("␣bc", 0.1)]], **given),
    "series": lambda **given: plots.series(torch.rand(2, 30), ["a", "b"], faults=[("frozen", 3, 9)], told=torch.rand(2, 30), **given),
    "surprise": lambda **given: plots.surprise(torch.rand(2, 30), [0.5, 0.9], torch.rand(30) > 0.5, alarms=torch.rand(30) > 0.8, **given),
    "tokens_map": lambda **given: plots.tokens_map(torch.arange(8).view(2, 2, 2), IMAGES, NOISE, **given),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_plot_is_a_figure_and_draws_into_one_it_is_given(name):
    assert FIGURES[name]()._repr_png_()[:4] == b"\x89PNG"
    figure = plots.new(None, (5, 4))
    part = figure.subfigures(1, 2)[0]
    assert FIGURES[name](figure=part) is part and part.axes


def test_visible_patches_are_never_painted_over():
    seen, painted, truth = (np.asarray(axes.images[0].get_array()).transpose(2, 0, 1) for axes in plots.masked(IMAGES[0], HALF, NOISE[0], 4).axes)
    np.testing.assert_allclose(painted[:, :4], NOISE[0, :, :4])
    np.testing.assert_allclose(painted[:, 4:], IMAGES[0, :, 4:])
    np.testing.assert_allclose(seen[:, 4:], truth[:, 4:])
    assert np.ptp(seen[:, :4], axis=(1, 2)).max() == 0
    with pytest.raises(ValueError, match=r"\(4,\) patches of 4"):
        plots.masked(IMAGES[0], torch.ones(16, dtype=torch.bool), NOISE[0], 4)


def test_masks_are_drawn_where_mae_hides():
    scores = masks.grid(1, 4)
    visible, hidden = masks.hide(scores, 0.75)
    flags = torch.zeros(16, dtype=torch.bool)
    flags[hidden[0]] = True
    axes = plots.mask_kinds(torch.rand(3, 16, 16), {"grid": flags}, 4).axes[0]
    assert axes.get_title() == "grid, 75% hidden" and len(axes.collections[0].get_paths()) == 12                     # one frame a hidden patch


def test_bars_are_the_probabilities_and_the_drawn_one_always_stands_there():
    chances = torch.tensor([0.02, 0.5, 0.08, 0.4])
    axes = plots.next_token(chances, ["p", "q", "r", "s"], chosen=0, truth=1, top=2).axes[0]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([0.5, 0.4, 0.02])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["q", "s", "p"]
    assert [label.get_text() for label in axes.texts] == ["50 % ✓", "40 %", "2.0 % drawn"]
    with pytest.raises(ValueError, match="with sum 1"):
        plots.next_token(torch.ones(3))


def test_the_blind_spot_of_masked_convolutions():
    """By hand: a square mask never sees, however often applied, what lies above and more than one column to the right per row."""
    torch.manual_seed(0)
    for depth in (1, 3):
        weights = plots.sensitivity(PixelCNN(4, dim=16, depth=depth), (13, 13), (11, 5), number=32)
        expected = torch.zeros(13, 13, dtype=torch.bool)
        places = {(0, 0)}                                          # offsets that the last convolution reads, then those before it
        for _ in range(depth):
            places |= {(row + up, column + over) for row, column in places
                       for up, over in [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 0)]}
        first = [(up, over) for up in range(-3, 1) for over in range(-3, 4) if up < 0 or over < 0]
        for row, column in {(row + up, column + over) for row, column in places for up, over in first}:
            if 0 <= 11 + row and 0 <= 5 + column < 13:
                expected[11 + row, 5 + column] = True
        assert torch.equal(weights > 0, expected) and float(weights.max()) == 1


@pytest.mark.parametrize("encoder, shape, place", [(GPT(5, 20, 8, 2, 2), (4, 5), (2, 3)), (GPT(5, 20, 8, 2, 2), (20,), 13),
                                                   (WaveNet(5, 6, (1, 2, 4)), (20,), 13), (PixelCNN(5, 6, 2), (6, 6), 20)])
def test_sensitivity_agrees_with_changing_one_element_at_a_time(encoder, shape, place):
    weights = plots.sensitivity(encoder, shape, place).flatten()
    flat = place if isinstance(place, int) else place[0] * shape[1] + place[1]
    tokens = torch.randint(4, (8, int(np.prod(shape))), generator=torch.Generator().manual_seed(1))
    answer = lambda tokens: encoder.double().features(tokens.view(8, *shape)).flatten(2)[:, :, flat]
    with torch.no_grad():
        for element in range(tokens.shape[1]):
            changed = tokens.clone()
            changed[:, element] += 1
            assert bool((answer(changed) - answer(tokens)).abs().max() > 1e-12) == bool(weights[element] > 0), element
    with pytest.raises(ValueError, match="no place of samples"):
        plots.sensitivity(encoder, shape, (99,) * len(shape))


def test_the_figure_of_reach_tells_past_future_and_blind_apart():
    weights = torch.zeros(4, 4)
    weights[1, 1] = 1
    shown = np.asarray(plots.reach(weights, (2, 1)).axes[0].images[0].get_array())
    past = np.arange(16).reshape(4, 4) < 9
    assert len({tuple(colour) for colour in shown[past]}) == 2 and (shown[~past] == 1).all()
    assert (shown[1, 1] != shown[0, 0]).any() and (shown[0, 0] == shown[2, 0]).all()


def test_the_spectrogram_is_loud_at_the_frequency_of_the_wave():
    axes = plots.waves(WAVES, 8000).axes
    for lower, frequency in zip(axes[2:], (0.5, 2.0)):
        level = np.asarray(lower.images[0].get_array())
        low, high = lower.images[0].get_extent()[2:]
        assert low + (high - low) * level.mean(1).argmax() / (len(level) - 1) == pytest.approx(frequency, abs=0.03)
    with pytest.raises(ValueError, match="at least 64 samples"):
        plots.waves(WAVES[:, :20], 8000)


def test_players_hold_the_sound_and_escape_their_titles():
    page = plots.listen(WAVES, 8000, ["<b>", "high"]).data
    assert page.count("<audio controls") == 2 and "&lt;b&gt;" in page and "<b>" not in page
    with pytest.raises(ValueError, match="NaN or infinity"):
        plots.listen(torch.full((9,), torch.nan), 8000)


def test_a_long_sentence_keeps_every_letter_and_marks_the_right_word():
    words = [f"␣word{number}" for number in range(30)]
    hidden = [number % 10 == 0 for number in range(30)]
    texts = plots.masked_sentence(words, hidden, [[("␣a", 0.6), (words[place], 0.2)] for place in (0, 10, 20)]).axes[0].texts
    assert [label.get_text() for label in texts if label.get_fontsize() > 10] == [word[1:] for word, gone in zip(words, hidden) if not gone]
    assert [label.get_text() for label in texts if label.get_text().endswith("✓")] == ["␣word0 ✓", "␣word10 ✓", "␣word20 ✓"]
    with pytest.raises(ValueError, match="guesses for 0 of 3"):
        plots.masked_sentence(words, hidden, [])
    many = plots.masked_sentence(words, [True] * 30, [[("x", 1.0)]] * 30).axes[0].texts
    assert "and 15 more hidden places" in [label.get_text() for label in many]


def test_series_stand_where_they_were_measured():
    values, faults = torch.rand(2, 20), torch.zeros(20, dtype=torch.bool)
    faults[4:9] = True
    upper, lower, alarms = plots.series(values, ["a", "b"], faults=faults, alarms=~faults, start=100).axes
    np.testing.assert_allclose(lower.get_lines()[0].get_data(), [np.arange(100, 120), values[1]])
    assert [patch.get_extents().transformed(upper.transData.inverted()).intervalx.round(6).tolist() for patch in upper.patches] == [[104, 109]]
    assert len(alarms.patches) == 2
    named = plots.series(values, faults=[("frozen", 102, 105), ("long ago", 3, 9)], start=100).axes[0]
    assert [label.get_text() for label in named.texts] == ["frozen"]
    with pytest.raises(ValueError, match="NaN where nothing was forecast"):
        plots.series(values, told=values[:, 1:])
    with pytest.raises(ValueError, match=r"want \(channels, T\)"):
        plots.series(values[0])


def test_surprise_marks_what_is_above_its_limit_and_leaves_out_the_time_without_a_forecast():
    errors = torch.tensor([[0.0, 0.0, 1.0, 5.0, 2.0]])
    errors_line, above, limit = plots.surprise(errors, [1.5]).axes[0].get_lines()
    np.testing.assert_array_equal(errors_line.get_ydata(), [np.nan, np.nan, 1, 5, 2])
    np.testing.assert_array_equal(above.get_ydata(), [np.nan, np.nan, np.nan, 5, 2])
    assert limit.get_ydata()[0] == 1.5


def test_a_word_of_the_book_has_one_colour():
    tokens = torch.tensor([[[3, 3], [0, 7]], [[7, 0], [3, 1]]])
    first, second = (np.asarray(axes.images[0].get_array()) for axes in plots.tokens_map(tokens, None).axes)
    assert (first[0, 0] == first[0, 1]).all() and (first[0, 0] == second[1, 0]).all() and (first[1, 1] == second[0, 0]).all()
    assert len({tuple(colour) for colour in np.concatenate([first, second]).reshape(-1, 3)}) == 4
