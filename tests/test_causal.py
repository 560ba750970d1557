"""No causal encoder sees what it should tell: shown by changing one element after another."""

import math

import pytest
import torch

from sslkit import counting, evaluate, train
from sslkit.networks import GPT, CausalConvNet, MaskedConv2d, PixelCNN, WaveNet
from sslkit.tasks import Autoregressive
from sslkit.tasks.autoregressive import distribution

ENCODERS = {"GPT": (lambda: GPT(11, 12, 16, 2, 2), (12,), None), "iGPT": (lambda: GPT(11, 20, 16, 2, 2), (5, 4), None),
            "WaveNet": (lambda: WaveNet(11, 8, (1, 2, 4)), (14,), 8), "conditioned": (lambda: WaveNet(11, 8, (1, 2, 4), conditions=3), (14,), 8),
            "PixelCNN": (lambda: PixelCNN(11, 8, 2), (6, 6), 1)}


@pytest.fixture(params=ENCODERS)
def case(request):
    """→ a task, in float64 so that changes are not lost in rounding; tokens; a function that adds the condition; its reach."""
    torch.manual_seed(0)
    make, shape, reach = ENCODERS[request.param]
    given = (lambda tokens: (tokens, torch.tensor([0, 2]))) if request.param == "conditioned" else (lambda tokens: tokens)
    return Autoregressive(make()).double().eval(), torch.randint(11, (2, *shape)), given, reach


def test_each_place_depends_on_those_before_it_alone(case):
    task, tokens, given, reach = case
    base = task(given(tokens))
    assert base.shape == (2, 11, *tokens.shape[1:])
    for place in range(tokens[0].numel()):
        other = tokens.clone()
        other.flatten(1)[:, place] = (tokens.flatten(1)[:, place] + 1) % 11
        moved = (task(given(other)) - base).abs().amax(1).flatten(1)                               # (2, places)
        assert (moved[:, :place + 1] == 0).all(), f"place {place} tells of itself, or of the past"
        nearest = place + 1 if tokens.ndim == 2 or (place + 1) % tokens.shape[2] else None
        if nearest is not None and nearest < moved.shape[1]:
            assert (moved[:, nearest] > 0).all(), f"place {nearest} does not know of the one before"
        if tokens.ndim == 2 and reach is not None:
            assert (moved[:, place + reach + 1:] == 0).all() and (moved[:, place + 1:place + reach + 1] > 0).all()


def test_step_by_step_is_the_same_as_at_once(case):
    task, tokens, given, _ = case
    condition = torch.tensor([0, 2]) if isinstance(given(tokens), tuple) else None
    steps = list(task.unroll(2, tokens.shape[1:], known=tokens.flatten(1), condition=condition))
    assert torch.equal(torch.stack([token for _, token in steps], 1), tokens.flatten(1))
    chances = torch.stack([chance for chance, _ in steps], 2)
    torch.testing.assert_close(chances.double(), task(given(tokens)).softmax(1).flatten(2), rtol=1e-5, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("case", ["GPT", "iGPT", "WaveNet", "conditioned"], indirect=True)
def test_a_step_gives_the_features_of_its_place(case):
    task, tokens, given, _ = case
    condition, line = {"condition": torch.tensor([0, 2])} if isinstance(given(tokens), tuple) else {}, tokens.flatten(1)
    wanted, past = task.encoder.features(given(tokens)).flatten(2), {}
    for place in range(line.shape[1]):
        torch.testing.assert_close(task.encoder.step(line[:, max(0, place - 1)], past, **condition), wanted[:, :, place])


def test_the_likeliest_is_drawn_where_nothing_else_can_be(case):
    """By top_k=1, and by a temperature near 0: each element is the argmax of what is said of it, given those before."""
    task, tokens, given, _ = case
    condition, known = torch.tensor([0, 2]) if isinstance(given(tokens), tuple) else None, tokens.flatten(1)[:, :3]
    with torch.no_grad():
        task.head.weight.mul_(20)                                  # so that no two are as likely
    cold = {"top_k": {"top_k": 1}, "temperature": {"temperature": 1e-6}}
    drawn = {name: task.sample(2, tokens.shape[1:], known=known, condition=condition, **setting) for name, setting in cold.items()}
    assert drawn["top_k"].shape == tokens.shape and torch.equal(drawn["top_k"], drawn["temperature"])
    assert torch.equal(drawn["top_k"].flatten(1)[:, :3], known)
    assert torch.equal(drawn["top_k"].flatten(1)[:, 3:], task(given(drawn["top_k"])).argmax(1).flatten(1)[:, 3:])


@pytest.mark.parametrize("bad, words", [(11, "tokens from 0 to 11: this network knows 0 to 10"), (-1, "tokens from -1 to 0"), (0.5, "whole numbers")])
def test_what_is_no_token_is_refused(case, bad, words):
    task, tokens, given, _ = case
    wrong = torch.zeros(tokens.shape, dtype=torch.tensor(bad).dtype)
    wrong.flatten(1)[0, 1] = bad
    with pytest.raises(ValueError, match=words):
        task(given(wrong))


@torch.no_grad()
def test_pixelcnn_draws_from_the_rows_that_matter_alone():
    """A picture higher than its reach: what it says of a place from those rows is what it says from all."""
    torch.manual_seed(0)
    task, tokens = Autoregressive(PixelCNN(5, 8, 1)).double().eval(), torch.randint(5, (2, 9, 3))
    whole, shown = task.encoder.features(tokens), []
    task.encoder.embed.register_forward_pre_hook(lambda module, inputs: shown.append(inputs[0].shape[1]))
    for place in range(27):
        torch.testing.assert_close(task._seen_anew(tokens, place), whole[:, :, place // 3, place % 3])
    assert shown[::3] == [1, 2, 3, 4, 5, 5, 5, 5, 5] and task.encoder.reach == 4, "the row itself, and four above"


def test_masks_of_pixelcnn_written_out():
    assert MaskedConv2d(2, 2, 3, "A").seen.tolist() == [[1, 1, 1], [1, 0, 0], [0, 0, 0]]
    assert MaskedConv2d(2, 2, 3, "B").seen.tolist() == [[1, 1, 1], [1, 1, 0], [0, 0, 0]]
    with pytest.raises(ValueError, match='mask="C"'):
        MaskedConv2d(2, 2, 3, "C")


def test_the_blind_spot_of_pixelcnn():
    """Of the row above, what lies further to the right than the first mask is never seen, however many layers follow."""
    torch.manual_seed(0)
    encoder = PixelCNN(4, 8, 8).double().eval()
    x = torch.zeros(1, 13, 13, dtype=torch.long)
    base = encoder.features(x)[0, :, 6, 6]
    seen = torch.zeros(13, 13, dtype=torch.bool)
    for row in range(7):
        for column in range(13):
            other = x.clone()
            other[0, row, column] = 1
            seen[row, column] = (encoder.features(other)[0, :, 6, 6] != base).any()
    for row in range(7):
        last = 5 if row == 6 else 8 + (6 - row)                    # the first mask: one row up and three to the right; then one each
        assert seen[row, :last + 1].all() and not seen[row, last + 1:].any(), f"row {row} is seen up to column {last}"


def test_wavenet_wants_a_condition_only_where_it_knows_one():
    with pytest.raises(ValueError, match="knows none"):
        WaveNet(9, 8, (1, 2)).features((torch.zeros(1, 4, dtype=torch.long), torch.tensor([0])))
    task = Autoregressive(WaveNet(9, 8, (1, 2), conditions=2)).eval()
    tokens = torch.zeros(2, 5, dtype=torch.long)
    assert not torch.allclose(task((tokens, torch.tensor([0, 0]))), task((tokens, torch.tensor([1, 1]))))
    assert task.represent(tokens).shape == (2, 8)


def test_distribution_against_a_closed_form():
    logits = torch.tensor([[1.0, 3.0, 2.0, 0.0]])
    for temperature in (0.5, 1.0, 2.0):
        wanted = torch.tensor([[math.exp(value / temperature) for value in (1, 3, 2, 0)]])
        torch.testing.assert_close(distribution(logits, temperature), wanted / wanted.sum())
    kept = distribution(logits, 1.0, 2)
    assert kept[0, 0] == kept[0, 3] == 0 and kept[0, 1] == pytest.approx(1 / (1 + math.exp(-1)))
    assert distribution(logits, 1e-3).argmax() == 1 and distribution(logits, 1e-3).max() == 1
    assert distribution(logits, 1.0, 1).tolist() == [[0, 1, 0, 0]] and torch.equal(distribution(logits, 1.0, 9), logits.softmax(1))
    for bad in ({"temperature": 0}, {"temperature": -1}, {"top_k": 0}):
        with pytest.raises(ValueError, match="above 0"):
            distribution(logits, **bad)


def test_samples_keep_what_is_known_and_repeat_with_their_seed():
    torch.manual_seed(0)
    task, known = Autoregressive(GPT(7, 9, 16, 1, 2)).eval(), torch.randint(7, (4, 3))
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(task.sample(4, (9,), known=known))
    assert all(torch.equal(sample[:, :3], known) for sample in drawn)
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    likeliest = task.sample(4, (9,), known=known, top_k=1)
    assert torch.equal(likeliest[:, 3:], task(likeliest).argmax(1)[:, 3:])
    with pytest.raises(ValueError, match="10 elements are known of samples of 9"):
        task.sample(1, (9,), known=torch.zeros(1, 10, dtype=torch.long))
    with pytest.raises(ValueError, match="at most 9"):
        task.sample(1, (10,))


def test_samples_come_as_often_as_the_model_says():
    torch.manual_seed(0)
    task = Autoregressive(GPT(3, 2, 8, 1, 2)).eval()
    with torch.no_grad():
        task.head.weight.mul_(8)
        pairs = torch.cartesian_prod(torch.arange(3), torch.arange(3))
        chances = task(pairs).softmax(1).gather(1, pairs[:, None])[:, 0].prod(1)                   # of each of the nine samples
    number = 6000
    found = torch.bincount(task.sample(number, (2,)) @ torch.tensor([3, 1]), minlength=9)
    chi_square = ((found - number * chances).square() / (number * chances)).sum()
    assert chances.sum().item() == pytest.approx(1, abs=1e-5) and chi_square < 26.1, "beyond what chance does once in a thousand times"


def markov(number, length, seed):
    """Chains in which the next state is the same again, or the next of three, with 0.9 and 0.1 → tokens (number, length)."""
    generator = torch.Generator().manual_seed(seed)
    moves = (torch.rand(number, length, generator=generator) < 0.1).long()
    moves[:, 0] = torch.randint(3, (number,), generator=generator)
    return moves.cumsum(1) % 3


def test_a_markov_chain_is_told_to_its_entropy():
    chain, others = markov(400, 24, 0), markov(400, 24, 1)
    entropy = -(0.9 * math.log2(0.9) + 0.1 * math.log2(0.1))
    entropy = (math.log2(3) + 23 * entropy) / 24                   # the first state is any of three
    assert counting.unigram_bits(chain, others, 3) == pytest.approx(math.log2(3), abs=0.01)
    assert counting.bigram_bits(chain, others, 3) == pytest.approx(entropy, abs=0.03)
    torch.manual_seed(0)
    for encoder in (GPT(3, 24, 16, 1, 2), WaveNet(3, 16, (1, 2))):
        task = Autoregressive(encoder)
        train(task, chain, steps=150, batch_size=50, lr=1e-2, progress=False, device="cpu", amp=False)
        assert evaluate.solve(task, others, device="cpu", amp=False)["bits"] == pytest.approx(entropy, abs=0.05)


def test_bits_are_the_loss_in_twos():
    task, tokens = Autoregressive(GPT(5, 6, 8, 1, 2)), torch.randint(5, (3, 6))
    inputs, targets = task.make_problem(tokens.to(torch.int16))
    loss, logs = task.loss(task(inputs), targets)
    by_hand = -sum(task(tokens)[row, :, place].log_softmax(0)[tokens[row, place]] for row in range(3) for place in range(6)) / 18
    torch.testing.assert_close(loss, by_hand)
    assert logs["bits"].item() == pytest.approx(by_hand.item() / math.log(2), rel=1e-5)


def test_counting_by_hand():
    tokens, held_out = torch.tensor([[0, 0, 1]]), torch.tensor([[0, 1]])
    alone = [3 / 5, 2 / 5]                                          # two 0s and one 1, and one more of each
    assert counting.unigram_bits(tokens, held_out, 2) == pytest.approx(-(math.log2(alone[0]) + math.log2(alone[1])) / 2, rel=1e-5)
    after = (1 + alone[1]) / (2 + 1)                                # after 0: once 0, once 1, and one observation's worth of `alone`
    assert counting.bigram_bits(tokens, held_out, 2) == pytest.approx(-(math.log2(alone[0]) + math.log2(after)) / 2, rel=1e-5)


def test_a_causal_net_for_series_looks_back_and_its_features_are_the_last():
    torch.manual_seed(0)
    encoder = CausalConvNet(2, 8, (1, 2, 4)).double().eval()
    series = torch.randn(1, 2, 12, dtype=torch.float64)
    base = encoder.features(series)
    torch.testing.assert_close(encoder(series), base[:, :, -1])
    for place in range(12):
        other = series.clone()
        other[0, :, place] += 1
        moved = (encoder.features(other) - base).abs().amax(1)[0]
        assert (moved[:place] == 0).all() and (moved[place:place + 8] > 0).all() and (moved[place + 8:] == 0).all()
