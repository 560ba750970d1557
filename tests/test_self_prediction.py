"""MAE, masked language modelling, forecasts and VQ-VAE make the problems that their papers make, and mark them so."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from sslkit import data, evaluate, train
from sslkit.networks import CausalConvNet, ConvNet, Palette, TextTransformer, ViT, group_norm, patchify
from sslkit.tasks import IGNORE, MAE, VQVAE, Forecast, MaskedLM, masks

KINDS = (masks.random, masks.block, masks.grid)


def small(**settings):
    torch.manual_seed(0)
    return MAE(ViT(16, 4, 32, 2, 2), dim=32, **settings)


@settings(deadline=None, max_examples=60)
@given(kind=st.sampled_from(KINDS), side=st.integers(2, 9), ratio=st.floats(0.05, 0.95))
def test_every_mask_parts_the_patches_exactly(kind, side, ratio):
    hidden = round(ratio * (side * side))                          # 0.94 · 5 · 5 would round up
    if not 0 < hidden < side * side:
        with pytest.raises(ValueError, match=f"of {side * side} patches {hidden} would be hidden"):
            masks.hide(kind(3, side), ratio)
        return
    seen, gone = masks.hide(kind(3, side), ratio)
    assert gone.shape == (3, hidden) and torch.equal(torch.cat([seen, gone], 1).sort(1).values, torch.arange(side * side).expand(3, -1))
    assert (seen.diff(dim=1) > 0).all() and (gone.diff(dim=1) > 0).all()


def test_random_masks_hide_each_patch_as_often():
    torch.manual_seed(0)
    _, hidden = masks.hide(masks.random(4000, 4), 0.75)
    often = torch.bincount(hidden.flatten(), minlength=16) / 4000
    assert (often - 0.75).abs().max() < 0.03
    assert len({tuple(row.tolist()) for row in hidden}) > 1000, "every picture has its own draw"


def pick(kind, ratio):
    """200 pictures of 8 × 8 patches → (200, 8, 8), one where they are hidden."""
    torch.manual_seed(0)
    return torch.zeros(200, 64).scatter(1, masks.hide(kind(200, 8), ratio)[1], 1.0).view(200, 8, 8)


@pytest.mark.parametrize("ratio, side", [(0.25, 5), (0.75, 7)])
def test_blocks_lie_within_a_square_and_hang_together(ratio, side):
    pictures = pick(masks.block, ratio)
    for picture in pictures:
        rows, columns = picture.any(1).nonzero(), picture.any(0).nonzero()
        assert rows.max() - rows.min() < side and columns.max() - columns.min() < side
        hidden = set(map(tuple, picture.nonzero().tolist()))
        reached, edge = set(), {min(hidden)}
        while edge:
            reached |= edge
            edge = {(r + down, c + right) for r, c in edge for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0))} & hidden - reached
        assert reached == hidden, "in one piece"
    assert (pictures.mean(0) > 0).all() and pictures[:, 0, 0].mean() < 0.9, "anywhere in the picture"


def test_grids_are_even_and_shifted_for_each_picture():
    thin, half = pick(masks.grid, 0.75), pick(masks.grid, 0.5)
    assert (F.avg_pool2d(1 - thin, 2, 1) * 4 == 1).all(), "one of each 2 × 2 stays, wherever that lies"
    assert (half[:, 1:] + half[:, :-1] == 1).all() and (half[:, :, 1:] + half[:, :, :-1] == 1).all(), "a chequerboard"
    assert len(thin.flatten(1).unique(dim=0)) == 4 and len(half.flatten(1).unique(dim=0)) == 2


@pytest.mark.parametrize("ratio", [0.0, 1.0, 0.001, 0.999, -1, 2])
def test_ratios_that_leave_nothing_are_refused(ratio):
    with pytest.raises(ValueError, match="want at least 1, and at most 15"):
        small(ratio=ratio).make_problem(torch.rand(2, 3, 16, 16))


@pytest.mark.parametrize("norm_pix", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_mae_hides_what_it_asks_for(kind, norm_pix):
    images = torch.rand(4, 3, 16, 16)
    (patches, visible, hidden), targets = small(mask=kind, norm_pix=norm_pix).make_problem(images)
    whole = patchify(images, 4)
    assert patches.shape == (4, 4, 48) and targets.shape == (4, 12, 48)
    for picture in range(4):
        assert not set(visible[picture].tolist()) & set(hidden[picture].tolist())
        assert torch.equal(patches[picture], whole[picture, visible[picture]])
        for row, place in enumerate(hidden[picture].tolist()):
            wanted = whole[picture, place]
            if norm_pix:
                mean = sum(wanted) / 48
                variance = sum((value - mean) ** 2 for value in wanted) / 47                       # unbiased
                wanted = (wanted - mean) / math.sqrt(variance + 1e-6)
            torch.testing.assert_close(targets[picture, row], wanted, rtol=1e-4, atol=1e-5)


def test_a_flat_patch_relative_to_itself_is_nothing():
    _, targets = small(norm_pix=True).make_problem(torch.full((2, 3, 16, 16), 0.3))
    assert targets.abs().max() < 1e-3


def test_an_almost_flat_patch_relative_to_itself():
    """In closed form: ±d about the mean, half each, becomes ±d / √(48 / 47 · d² + 1e-6); with d = 1e-3 one sees where the 1e-6 stands."""
    stripes = 0.5 + 1e-3 * torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(8).expand(2, 3, 16, 16)
    _, targets = small(norm_pix=True).make_problem(stripes)
    torch.testing.assert_close(targets.abs(), torch.full_like(targets, 1e-3 / math.sqrt(1e-6 * 48 / 47 + 1e-6)), rtol=1e-6, atol=0)


def test_what_mae_paints_does_not_depend_on_what_is_hidden():
    task, images = small().eval(), torch.rand(2, 3, 16, 16)
    torch.manual_seed(5)
    inputs, targets = task.make_problem(images)
    spoilt = patchify(images, 4).scatter(1, inputs[2][:, :, None].expand(-1, -1, 48), 9.0)
    torch.manual_seed(5)
    others, spoilt_targets = task.make_problem(spoilt.unflatten(1, (4, 4)).unflatten(3, (4, 4, 3)).permute(0, 5, 1, 3, 2, 4).reshape(2, 3, 16, 16))
    assert all(torch.equal(one, other) for one, other in zip(inputs, others)) and (spoilt_targets == 9).all()
    assert torch.equal(task(inputs), task(others))
    loss, _ = task.loss(task(inputs), targets)
    errors, whole = [], patchify(images, 4)
    for picture, row in enumerate(task(inputs)):
        errors += [(painted - whole[picture, place]).square().mean() for painted, place in zip(row, inputs[2][picture].tolist())]
    assert len(errors) == 24, "twelve hidden patches in each picture, and none that is visible"
    torch.testing.assert_close(loss, sum(errors) / 24)


def test_everywhere_marks_visible_patches_too_hidden_ones_first():
    images = torch.rand(2, 3, 16, 16)
    torch.manual_seed(1)
    task = small(everywhere=True)
    inputs, targets = task.make_problem(images)
    assert task(inputs).shape == targets.shape == (2, 16, 48)
    order = torch.cat([inputs[2], inputs[1]], 1)
    assert torch.equal(targets, patchify(images, 4).gather(1, order[:, :, None].expand(-1, -1, 48)))
    task.everywhere = False
    torch.testing.assert_close(task(inputs).shape, torch.Size([2, 12, 48]))


def test_the_decoder_knows_where_and_is_not_kept():
    task, images = small().eval(), torch.rand(2, 3, 16, 16)
    inputs, _ = task.make_problem(images)
    patches, visible, hidden = inputs
    turned = hidden.flip(1)
    torch.testing.assert_close(task((patches, visible, turned)).flip(1), task(inputs))
    assert not torch.allclose(task(inputs)[:, 0], task(inputs)[:, 1])
    torch.testing.assert_close(task.represent(images), task.encoder(images))


def test_filling_leaves_what_is_visible_as_it_is():
    task, images = small().eval(), torch.rand(2, 3, 16, 16)
    hidden = torch.tensor([[0, 5, 6], [1, 2, 15]])
    with torch.no_grad():
        filled = patchify(task.fill(images, hidden), 4)
    gone = torch.zeros(2, 16, dtype=torch.bool).scatter(1, hidden, True)
    assert torch.equal(filled[~gone], patchify(images, 4)[~gone]) and filled.min() >= 0 and filled.max() <= 1
    assert not torch.allclose(filled[gone], patchify(images, 4)[gone])


def test_mae_learns_more_than_the_mean_colour():
    pictures = data.shrunk(data.scenes(600, 32).images)
    torch.manual_seed(0)
    task = MAE(ViT(16, 4, 32, 1, 2), ratio=0.5, mask=masks.grid, dim=32)
    train(task, pictures[:500], steps=300, batch_size=32, lr=1e-2, progress=False, device="cpu", amp=False)
    (patches, _, _), targets = task.make_problem(pictures[500:] / 255)
    mean = patches.unflatten(2, (16, 3)).mean((1, 2), keepdim=True)                                # the colour of what is visible
    lazy = (targets.unflatten(2, (16, 3)) - mean).square().mean().item()
    assert evaluate.solve(task, pictures[500:], device="cpu", amp=False)["loss"] < 0.85 * lazy


def test_mae_in_small_pieces_has_the_gradient_of_the_whole():
    """One step of descent, long enough to see it: weights then differ by the gradient."""
    fresh, found = small().state_dict(), []
    for piece in (None, 2):
        task = small()
        train(task, data.shrunk(data.scenes(16, 32).images), steps=1, batch_size=8, lr=1.0, micro_batch=piece, progress=False, device="cpu",
              amp=False, optimizer="sgd", weight_decay=0.0, warmup=0)
        found.append(task.state_dict())
    for name, value in found[0].items():
        torch.testing.assert_close(value, found[1][name], rtol=1e-5, atol=1e-6)
        assert (value - fresh[name]).abs().max() > 1e-4, name


def test_a_vit_is_fine_tuned_as_any_encoder():
    scenes = data.scenes(20, 32)
    small_ones = data.Dataset(data.shrunk(scenes.images), scenes.labels, scenes.classes)
    task = evaluate.fine_tune(small().encoder, small_ones, 10, steps=2, batch_size=8, device="cpu")
    assert evaluate.predict(task, small_ones, device="cpu").shape == (20,)


# --- masked language modelling

def words(vocabulary=50, **settings):
    torch.manual_seed(0)
    return MaskedLM(TextTransformer(vocabulary, 64, 16, 2, 2), **settings)


def test_bert_hides_fifteen_in_a_hundred_eighty_ten_ten():
    tokens = torch.randint(0, 50, (500, 64))
    corrupted, originals = words().make_problem(tokens)
    ordinary, chosen = tokens > 1, originals != IGNORE
    assert not chosen[~ordinary].any(), "special tokens are never hidden"
    assert torch.equal(originals[chosen], tokens[chosen]) and torch.equal(corrupted[~chosen], tokens[~chosen])
    share = chosen.sum() / ordinary.sum()
    masked, kept = (corrupted[chosen] == 0).float().mean(), (corrupted[chosen] == tokens[chosen]).float().mean()
    assert share.item() == pytest.approx(0.15, abs=0.01) and masked.item() == pytest.approx(0.8, abs=0.02)
    assert kept.item() == pytest.approx(0.1 + 0.1 / 48, abs=0.015), "left as they are, or replaced by themselves"
    replaced = corrupted[chosen & (corrupted != 0) & (corrupted != tokens)]
    assert (replaced > 1).all() and len(replaced.unique()) > 40, "replaced by any ordinary token"


def test_masked_lm_marks_the_chosen_alone():
    task, tokens = words().eval(), torch.randint(2, 50, (4, 20))
    corrupted, originals = task.make_problem(tokens)
    logits = task(corrupted)
    loss, logs = task.loss(logits, originals)
    chosen = [(row, place) for row in range(4) for place in range(20) if originals[row, place] != IGNORE]
    assert chosen and logits.shape == (4, 50, 20)
    torch.testing.assert_close(loss, -sum(logits[row, :, place].log_softmax(0)[tokens[row, place]] for row, place in chosen) / len(chosen))
    assert logs["accuracy"].item() == pytest.approx(sum(int(logits[r, :, p].argmax() == tokens[r, p]) for r, p in chosen) / len(chosen))
    nothing, logs = task.loss(logits, torch.full_like(originals, IGNORE))
    nothing.backward()
    assert nothing == 0 and logs["accuracy"] == 0
    assert all((parameter.grad == 0).all() for parameter in task.parameters()), "no gradient, and none that is not finite"


def test_what_may_not_be_hidden_is_the_tasks_to_say():
    """The mask is special whether it is named or not; a text of special tokens alone has nothing to tell."""
    torch.manual_seed(0)
    task = MaskedLM(TextTransformer(6, 64, 16, 1, 2), mask=5, special=(2,), share=0.9)
    tokens = torch.randint(0, 6, (400, 64))
    corrupted, originals = task.make_problem(tokens)
    assert task.ordinary.tolist() == [0, 1, 3, 4] and set(originals.unique().tolist()) == {IGNORE, 0, 1, 3, 4}
    replaced = corrupted[(corrupted != tokens) & (corrupted != 5)]
    often = torch.bincount(replaced, minlength=6) / len(replaced)
    assert often[2] == often[5] == 0 and (often[[0, 1, 3, 4]] - 0.25).abs().max() < 0.05
    corrupted, originals = task.make_problem(torch.tensor([[5, 2, 2, 5]]))
    assert corrupted.tolist() == [[5, 2, 2, 5]] and (originals == IGNORE).all() and task.loss(task(corrupted), originals)[0] == 0


def test_what_is_said_of_a_token_depends_on_all_places():
    task, tokens = words().double().eval(), torch.randint(2, 50, (1, 7))
    for place in range(7):
        other = tokens.clone()
        other[0, place] = 51 - tokens[0, place]
        assert other[0, place] != tokens[0, place] and ((task(other) - task(tokens)).abs().amax(1) > 0).all()


@pytest.mark.parametrize("share", [0, 1, -0.1, 15])
def test_shares_that_hide_nothing_or_all_are_refused(share):
    with pytest.raises(ValueError, match="more than 0 and less than 1"):
        words(share=share)


def test_both_sides_tell_a_token():
    """A text in which the middle is the sum of both neighbours can be told from both sides only."""
    torch.manual_seed(0)
    ends = torch.randint(0, 3, (3000, 2))
    text = torch.stack([ends[:, 0], (ends[:, 0] + ends[:, 1]) % 3, ends[:, 1]], 1) + 2
    task = MaskedLM(TextTransformer(5, 3, 32, 2, 2), share=0.3)
    train(task, text, steps=250, batch_size=100, lr=5e-3, progress=False, device="cpu", amp=False)
    hidden = text[:300].clone()
    hidden[:, 1] = 0
    with torch.no_grad():
        assert (task(hidden)[:, :, 1].argmax(1) == text[:300, 1]).float().mean() > 0.95


# --- forecasts

def test_forecasts_cut_windows_in_time():
    windows = torch.arange(24.).view(2, 2, 6)
    known, told = Forecast(CausalConvNet(2, 8, (1,)), 2, 2).make_problem(windows)
    assert torch.equal(known, windows[..., :4]) and torch.equal(told, windows[..., 4:])
    known, told = Forecast(CausalConvNet(2, 8, (1,)), 2, 2, predict="past").make_problem(windows)
    assert known[0, 0].tolist() == [5, 4, 3, 2] and told[0, 0].tolist() == [1, 0], "time is turned round"


def test_a_fresh_forecast_says_that_all_stays_as_it_is():
    task, known = Forecast(CausalConvNet(2, 8, (1, 2)), 2, 3), torch.randn(4, 2, 10)
    assert torch.equal(task(known), known[..., -1:].expand(-1, -1, 3))
    assert task.loss(task(known), known[..., -1:].expand(-1, -1, 3) + 2)[0] == 4


def test_forecasts_refuse_what_cannot_work():
    task = Forecast(CausalConvNet(2, 8, (1,)), 2, 4)
    for bad in (torch.zeros(3, 2, 4), torch.zeros(3, 1, 9), torch.zeros(3, 9)):
        with pytest.raises(ValueError, match=r"want \(B, 2, T\) with T above the horizon of 4"):
            task.make_problem(bad)
    with pytest.raises(ValueError, match='predict="now"'):
        Forecast(CausalConvNet(2, 8, (1,)), 2, 4, predict="now")


@pytest.mark.parametrize("predict", ["future", "past"])
def test_a_sine_is_forecast_far_better_than_by_persistence(predict):
    time = torch.arange(600.)
    windows = data.series.windows(torch.stack([(time / 3).sin(), (time / 3).cos()]), 20)
    torch.manual_seed(0)
    task = Forecast(CausalConvNet(2, 16, (1, 2, 4)), 2, 3, predict)
    still = evaluate.solve(task, windows[400:], amp=False)["loss"]
    train(task, windows[:400], steps=150, batch_size=64, lr=5e-3, progress=False, device="cpu", amp=False)
    assert evaluate.solve(task, windows[400:], amp=False)["loss"] < 0.02 * still


# --- VQ-VAE and palettes

def spread(**settings):
    """→ a task whose words stand among the features, so that several are taken, and not all; pictures."""
    torch.manual_seed(0)
    task, images = VQVAE(ConvNet(8), codes=6, width=4, **settings).eval(), torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        task.book.copy_(task(images)[1].movedim(1, 3).flatten(0, 2)[::6] + 0.01)
    return task, images


def test_places_take_the_nearest_word():
    task, images = spread()
    painted, z, taken = task(images)
    tokens = task.tokens(images)
    assert 2 < len(tokens.unique()) < 6 and painted.shape == (2, 3, 32, 32) and tokens.shape == (2, 4, 4)
    for picture, row, column in torch.cartesian_prod(torch.arange(2), torch.arange(4), torch.arange(4)).tolist():
        away = [(z[picture, :, row, column] - word).square().sum().item() for word in task.book]
        assert tokens[picture, row, column] == min(range(6), key=away.__getitem__)
        assert torch.equal(taken[picture, :, row, column], task.book[tokens[picture, row, column]])
    loss, logs = task.loss((painted, z, taken), images)
    torch.testing.assert_close(loss, (painted - images).square().mean() / 0.06 + 1.25 * (z - taken).square().mean())
    torch.testing.assert_close(logs["error"], (painted - images).square().mean().detach())
    with torch.no_grad():
        torch.testing.assert_close(task.pictures(tokens), painted.clamp(0, 1))
    with pytest.raises(ValueError, match="words from 0 to 6: the book has 0 to 5"):
        task.pictures(torch.tensor([[[0, 6]]]))


def test_gradients_go_past_the_choice_and_words_learn_from_their_own_term():
    task, images = spread(beta=0.5)
    painted, z, taken = task(images)
    straight, = torch.autograd.grad(painted.square().sum(), z, retain_graph=True)
    leaf = taken.detach().requires_grad_()                         # painted from the words themselves, the gradient at the words
    torch.testing.assert_close(straight, torch.autograd.grad(task._paint(leaf, (32, 32)).square().sum(), leaf)[0])
    first, = torch.autograd.grad(painted.square().sum(), task.encoder.blocks[0][0][0].weight, retain_graph=True)
    assert straight.abs().max() > 0 and first.abs().max() > 0, "the encoder hears of the picture"
    book, = torch.autograd.grad(painted.square().sum(), task.book, retain_graph=True, allow_unused=True)
    assert book is None, "the book does not"
    loss, _ = task.loss((painted, z, taken), images)
    at_z, at_book = torch.autograd.grad(loss, (z, task.book))
    leaf = taken.detach().requires_grad_()
    picture, = torch.autograd.grad((task._paint(leaf, (32, 32)) - images).square().mean() / 0.06, leaf)
    torch.testing.assert_close(at_z, picture + 0.5 * 2 * (z - taken) / z.numel())                  # beta · |z − sg(e)|²
    by_hand, tokens = torch.zeros_like(task.book), task.tokens(images)
    for b, row, column in tokens.ne(-1).nonzero().tolist():
        by_hand[tokens[b, row, column]] += 2 * (taken - z)[b, :, row, column].detach() / z.numel()  # |sg(z) − e|²
    torch.testing.assert_close(at_book, by_hand)
    assert (at_book != 0).any(1).sum() == len(tokens.unique()) < 6, "words that no place took stay where they are"


def test_words_that_nobody_takes_start_anew_and_are_taken():
    torch.manual_seed(0)
    task, images = VQVAE(ConvNet(8), codes=6, width=4, patience=3).train(), torch.rand(4, 3, 32, 32)

    def step():                                                    # as in `train`
        outputs = task(images)
        task.loss(outputs, images)
        task.after_step(images)
        return outputs[1].movedim(1, 3).flatten(0, 2)              # the features, (B·h·w, width)

    with torch.no_grad():
        task.book[0] = 1e6
        for _ in range(2):
            step()
        assert task.book[0, 0] == 1e6 and task.unused[0] == 2
        features = step()
        assert task.unused[0] == 0 and (features == task.book[0]).all(1).any(), "it stands at one of the features of this batch"
        assert (task.unused == 0).any()
        step()
        assert task.unused[0] == 0, "and is taken at once"


def test_words_are_counted_once_a_step_in_small_pieces_too():
    """A word is idle where no place of the whole batch chose it, however many pieces the batch came in."""
    found = []
    for piece in (None, 2):
        torch.manual_seed(0)
        task = group_norm(VQVAE(ConvNet(16), codes=12, width=4))
        train(task, data.scenes(16, 32).images, steps=3, batch_size=8, micro_batch=piece, progress=False, device="cpu", amp=False)
        found.append(task.state_dict())
    assert found[0]["unused"].max() == 3, "some word that is never chosen"
    assert all(torch.allclose(value, found[1][name], atol=1e-3) for name, value in found[0].items())


def test_vqvae_goes_on_to_the_same_bits(tmp_path):
    pictures, steps, found = data.scenes(32, 32).images, [], []

    def run(name, stop=None):
        torch.manual_seed(0)
        task = VQVAE(ConvNet(16), codes=8, patience=2)

        def log(record):
            steps.append(record["step"])
            if record["step"] == stop:
                raise KeyboardInterrupt
        train(task, pictures, steps=6, batch_size=8, progress=False, device="cpu", log_every=1, on_log=log, checkpoint_every=0,
              checkpoint=tmp_path / name)
        return task.state_dict()

    found.append(run("whole"))
    with pytest.raises(KeyboardInterrupt):
        run("again", stop=4)
    found.append(run("again"))
    assert steps == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 4, 5, 6], "it goes on after the third step, the last that was saved"
    assert all(torch.equal(value, found[1][name]) for name, value in found[0].items())


def test_a_palette_takes_the_nearest_colour():
    palette = Palette(torch.tensor([[0, 0, 0], [1, 0, 0], [1, 1, 1.]]))
    images = torch.tensor([[0.1, 0.9], [0.7, 0.8]]).view(1, 1, 2, 2).repeat(1, 3, 1, 1)
    images[0, 1:, 1, 0] = 0
    assert palette(images).tolist() == [[[0, 2], [1, 2]]]
    torch.testing.assert_close(palette.pictures(palette(images))[0, :, 1, 0], torch.tensor([1., 0, 0]))
    with pytest.raises(ValueError, match="palette has 0 to 2"):
        palette.pictures(torch.tensor([[[3]]]))
    scenes = data.scenes(40, 32).images
    few, many = (Palette.of(scenes, number) for number in (4, 24))
    error = lambda made: (made.pictures(made(scenes / 255)) - scenes / 255).square().mean()
    assert many.colours.shape == (24, 3) and error(many) < 0.5 * error(few)
    assert torch.equal(many.colours, Palette.of(scenes, 24).colours) and (many.colours.sum(1).diff() >= 0).all()
