"""Checks of the exercises on text: what masked language modelling hides, and what counting can tell."""

import math

import torch

from .verdict import Verdict, answer_of, not_whole

MASK, SPECIAL, VOCABULARY, IGNORE = 0, (0, 1), 200, -100


def corruption(function):
    """Checks function(tokens (B, T), mask, special, vocabulary) → corrupted tokens (B, T), targets (B, T).

    Of the tokens that are not special 15 % are to be told; of these 80 % are hidden, 10 % become any other, 10 % stay (Devlin et
    al. 2019).
    targets: the original where something is to be told, −100 elsewhere.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokens = torch.randint(2, VOCABULARY, (400, 250))
        tokens[:, ::25] = torch.randint(0, 2, (400, 10))           # special ones among them
    verdicts = (_judge(function, tokens, 1), _judge(function, tokens, 2))
    if not verdicts[0][0].right:
        return verdicts[0][0]
    if torch.equal(verdicts[0][1], verdicts[1][1]):
        return Verdict(False,
                       "two calls choose the same places: draw anew each time, without a seed of your own, so that a text is "
                              "never asked the same twice")
    return verdicts[0][0]


def _judge(function, tokens, seed):
    """→ the verdict, and which places were chosen, bool (B, T), or None."""
    changed = {0: "the tokens that were given have been changed: work on a copy (tokens.clone(), or torch.where), or the text "
                  "is lost for the next epoch"}
    answer, verdict = answer_of(function, tokens, MASK, SPECIAL, VOCABULARY, changed=changed, seed=seed)
    if verdict:
        return verdict, None
    says = _shape(answer, tokens) or _places(*answer, tokens) or _kinds(*answer, tokens)
    chosen = None if _shape(answer, tokens) else answer[1] != IGNORE
    return Verdict(says is None,
                   says or "right: 15 % are asked for, of which 80 % are hidden, 10 % are another token, 10 % stay"), chosen


def _shape(answer, tokens):
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return "want two tensors: return corrupted, targets"
    for name, part in zip(("corrupted", "targets"), answer):
        if not isinstance(part, torch.Tensor) or part.shape != tokens.shape:
            shape = tuple(part.shape) if isinstance(part, torch.Tensor) else type(part).__name__
            return f"{name} is {shape}, want {tuple(tokens.shape)}, as the tokens are"
        if not_whole(part):
            return f"{name} is {part.dtype}, want whole numbers: tokens"
    return None


def _places(corrupted, targets, tokens):
    """What is wrong with where: which tokens are asked for, and what the targets hold."""
    chosen, special = targets != IGNORE, torch.isin(tokens, torch.tensor(SPECIAL))
    changed = corrupted != tokens
    if chosen.all():
        zeros = (targets == 0).float().mean() > 0.5
        return ("targets hold 0 where nothing is to be told; 0 is a token: want −100, which the loss ignores" if zeros else
                "targets ask for every token: want the original where one was chosen, and −100 where not, or copying fills "
                "most of the loss")
    if not chosen.any():
        return "nothing is to be told: want 15 % of the tokens in targets, the others −100"
    if (changed & ~special).any() and torch.equal(chosen & ~special, ~changed & ~special):
        return "targets are turned round: −100 stands where a token was chosen, want it where none was"
    if torch.equal(targets[chosen], corrupted[chosen]) and changed[chosen].any():
        return "targets hold what the token has become: want what it was, tokens[chosen]"
    if not torch.equal(targets[chosen], tokens[chosen]):
        return "targets are not the original tokens at the places that were chosen"
    if (chosen & special).any():
        return "special tokens were chosen ([MASK] or [UNK]): there is nothing to tell; leave those in `special` out"
    if (changed & ~chosen).any():
        return (f"{int((changed & ~chosen).sum())} tokens were changed that targets do not ask for: draw the 15 % once, and use "
                f"the same places for both")
    return _share(chosen[:, ~special.all(0)], chosen[~special].float().mean().item())


def _share(chosen, share):
    if chosen.float().mean(0).std() > 0.15:
        return ("every text of the batch has its gaps at the same places: draw one number for each token, "
                "torch.rand(tokens.shape)")
    if 0.13 < share < 0.17:
        return None
    cause = {0.12: ": 15 % are those to be told, and 80 % of *them* are hidden", 0.85: ": turned round, want rand < 0.15, not >"}
    near = next((says for value, says in cause.items() if abs(share - value) < 0.01), "")
    return f"{share:.0%} of the tokens are to be told, want 15 %{near}"


def _kinds(corrupted, targets, tokens):
    """What is wrong with what became of those that were chosen."""
    chosen = targets != IGNORE
    after, before = corrupted[chosen], tokens[chosen]
    hidden, stay = after == MASK, after == before
    other = ~hidden & ~stay
    shares = [kind.float().mean().item() for kind in (hidden, other, stay)]
    rows = ((corrupted == MASK) & chosen).sum(1) / chosen.sum(1).clamp_min(1)                  # how many of each text's are hidden
    if rows.std() > 0.2:
        return "what becomes of tokens is drawn once for a whole text: draw one number for each token"
    if other.any():
        strange = after[other]
        if strange.min() < 0 or strange.max() >= VOCABULARY:
            return f"tokens from {int(strange.min())} to {int(strange.max())} were put in: the vocabulary has 0 to {VOCABULARY - 1}"
        if strange.unique().numel() == 1:
            return "one and the same token is put in everywhere: draw one for each place, torch.randint(…, tokens.shape)"
        if strange.unique().numel() < VOCABULARY // 2:
            return f"only {strange.unique().numel()} different tokens are ever put in: any ordinary one may come"
        if torch.isin(strange, torch.tensor(SPECIAL)).any():
            return "special tokens are put in as random ones: draw among the ordinary ones alone, those not in `special`"
    said = "of those to be told {:.0%} are hidden, {:.0%} are another token, {:.0%} stay; want 80, 10 and 10 %".format(*shares)
    near = lambda *want: all(abs(share - value) < 0.015 for share, value in zip(shares, want))
    if near(0.8, 0.1, 0.1):
        return None
    if near(0.8, 0.02, 0.18):
        return said + ": a second draw with 0.1 takes a tenth of the fifth that is left; use one draw for all three, or 0.5"
    if near(0.8, 0.08, 0.12) or near(0.82, 0.08, 0.1) or near(0.82, 0.09, 0.09):
        return said + ": two draws overlap; use one number for each token, below 0.8, below 0.9, and the rest"
    if near(1, 0, 0):
        return said + ": later, in use, no token is ever hidden, so the network must learn that what it sees may need telling, too"
    if near(0.9, 0.1, 0) or near(0.8, 0.2, 0):
        return said + ": none stays, so that what stands there would always be known to be wrong"
    if near(0.9, 0, 0.1) or near(0.8, 0, 0.2):
        return said + ": none becomes another token, so that whatever is visible could be trusted"
    if near(0.1, 0.8, 0.1) or near(0.1, 0.1, 0.8):
        return said + ": the right numbers, in another order"
    return said


def unigram_bits(function):
    """Checks function(tokens (N, T), held_out (M, T), vocabulary) → mean bits an element of held_out.

    Each costs −log₂ of its frequency in tokens, one added to every count.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokens = (torch.rand(40, 30).square() * 11).long()         # frequent and rare ones; 11 and 12 never
        held_out = (torch.rand(7, 30).square() * 12).long()
        held_out[0, :3] = 11
        vocabulary = 13
    changed = dict.fromkeys((0, 1), "the tokens that were given have been changed: work on a copy")
    answer, verdict = answer_of(function, tokens, held_out, vocabulary, changed=changed)
    if verdict:
        return verdict
    if isinstance(answer, torch.Tensor) and answer.numel() > 1:
        return Verdict(False, f"the answer is {tuple(answer.shape)}, want one number: the mean over all elements of held_out")
    try:
        answer = float(answer)
    except (TypeError, ValueError):
        return Verdict(False, f"the answer is {type(answer).__name__}, want one number")
    counts, others = (torch.bincount(part.flatten(), minlength=vocabulary).double() for part in (tokens, held_out))
    costs = lambda weights: -(weights / weights.sum()).log2()
    truth = costs(counts + 1)[held_out].mean().item()
    if math.isinf(answer) or math.isnan(answer):
        return Verdict(False, f"the answer is {answer}: held_out has a token that tokens do not have, and −log₂ 0 is "
                              f"infinite; add one to every count")
    plain = counts[counts > 0]
    mistakes = (
        (truth * math.log(2), "these are nats: the natural logarithm; divide by log 2, or take torch.log2, to have bits"),
        (truth * math.log10(2), "this is the logarithm to the base ten: torch.log2 gives bits"),
        (-truth, "the sign is wrong: a probability below 1 costs −log₂ p bits, more than 0"),
        (2 ** truth, "this is the perplexity, 2 to the power of the bits: want the bits themselves"),
        (truth * held_out.numel(), "this is the sum over all elements: divide by their number"),
        (truth * held_out.shape[1], "this is the sum of a row: divide by all elements, rows times columns"),
        (costs(others + 1)[held_out].mean().item(),
         "held_out was counted itself: whoever knows the frequencies of the test has seen the test"),
        (costs(counts + 1)[tokens].mean().item(), "these are the costs of tokens themselves, which were counted: ask held_out"),
        ((plain / plain.sum() * costs(plain)).sum().item(),
         "this is the entropy of the counted text: what held_out costs must be averaged over held_out"),
        (costs(counts + 1).mean().item(),
         "this is the mean over the vocabulary, every token alike: average over the elements of held_out, as often as they come"),
        (-((counts + 1) / counts.sum()).log2()[held_out].mean().item(),
         "one was added to every count, but not to their sum: divide by the new sum"),
        (-(counts / counts.sum() + 1).log2()[held_out].mean().item(),
         "one was added to the probabilities: add it to the counts, then divide by their sum"),
        (costs(counts.clamp_min(1))[held_out].mean().item(), "only counts of 0 became 1: add one to every count"),
        (-(-costs(counts + 1)).exp2()[held_out].mean().log2().item(),
         "this is the logarithm of the mean probability: want the mean of the logarithms"),
        (math.log2(vocabulary), "this is what blind guessing costs, log₂ of the vocabulary: use the counts"))
    for mistaken, says in mistakes:
        if abs(answer - mistaken) < 1e-4 * max(1, abs(mistaken)) and abs(answer - truth) > 1e-4:
            return Verdict(False, says)
    if abs(answer - truth) > 1e-4:
        return Verdict(False, f"got {answer:.4f}, want {truth:.4f}: the mean of −log₂ p over held_out, p by the counts of "
                              f"tokens plus one")
    return Verdict(True, "right: this is what frequencies alone can tell, and every model must beat it")
