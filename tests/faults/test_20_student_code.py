"""Student code that never ends, exits, kills the kernel, prints 50 MB or changes its inputs.

The check answers within its time limit with one sentence that names what happened, "the kernel
would have died" apart from "the answer is wrong", and the notebook goes on: the function ran in a
process of its own.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from sslkit import checks, losses
from sslkit.checks import parcel, sandbox
from sslkit.checks.verdict import answer_of
from sslkit.color import annealed_mean
from sslkit.evaluate import nearest_mean
from sslkit.networks import ConvNet, patchify
from sslkit.tasks.jigsaw import hamming, shuffled

MIB = 2**20
THREE = torch.tensor([1.0, 2.0, 3.0])


def endless(x):
    while True:
        pass


def endless_in_c(x):
    while True:
        ctypes.CDLL(None).pause()


def stubborn(x):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        try:
            time.sleep(60)
        except BaseException:
            continue


def with_children(x):
    if os.fork() == 0:
        endless(x)
    return x + 1


def prints(x):
    for _ in range(1_000_000):
        print("fifty characters of a line that says the same again")
    return x


def writes(x):
    while True:
        os.write(1, b"x" * 2**16)


def grows(x):
    held = []
    while True:
        held.append(torch.ones(4 * MIB))


def without_end(x):
    return without_end(x)


def in_place(x):
    x.mul_(2)
    return x


def crash(x):
    ctypes.string_at(0)


ENDS = {
    "endless": (endless, "time", "had not answered after 1.5 seconds"),
    "endless in C": (endless_in_c, "time", "never ends"),
    "deaf to signals": (stubborn, "time", "never ends"),
    "sys.exit": (lambda x: sys.exit("bye"), "exited", "calls exit (bye)"),
    "os._exit": (lambda x: os._exit(0), "exited", "calls exit (0)"),
    "crash": (crash, "died", "(SIGSEGV): in the notebook the kernel would have died"),
    "abort": (
        lambda x: os.abort(),
        "died",
        "(SIGABRT): in the notebook the kernel would have died",
    ),
    "kills itself": (lambda x: os.kill(os.getpid(), 9), "died", "the kernel would have died"),
    "prints": (prints, "output", "printed more than 20,000 characters"),
    "writes": (writes, "output", "printed more than 20,000 characters"),
    "one huge tensor": (
        lambda x: torch.ones(10**10),
        "memory",
        "needs more than 256 MiB of memory",
    ),
    "grows": (grows, "memory", "needs more than 256 MiB of memory"),
    "expanded": (lambda x: torch.ones(1).expand(10**10), "memory", "its answer has 38,147 MB"),
    "recursion": (without_end, "raised", "calls itself without end"),
    "stop button": (
        lambda x: (_ for _ in ()).throw(KeyboardInterrupt),
        "raised",
        "KeyboardInterrupt",
    ),
    "raises": (
        lambda x: x.nothing,
        "raised",
        "your function raised AttributeError: 'Tensor' object has no attribute",
    ),
    "asks": (lambda x: input(), "raised", "EOFError"),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_went_wrong_is_named_and_the_next_call_works(name):
    function, ended, says = ENDS[name]
    begin = time.monotonic()
    outcome = sandbox.run(
        function, THREE, seconds=1.5 if ended == "time" else 60, memory=256 * MIB, output=20_000
    )
    assert (outcome.ended, outcome.answer) == (ended, None) and says in outcome.says, outcome
    assert len(outcome.printed) <= 20_000 and time.monotonic() - begin < 60
    assert torch.equal(sandbox.run(lambda x: 2 * x, THREE).answer, 2 * THREE)


@pytest.mark.parametrize("harm", [signal.SIGKILL, signal.SIGSTOP])
def test_the_warm_process_may_be_lost_too(harm):
    outcome = sandbox.run(lambda x: os.kill(os.getppid(), harm), THREE, seconds=3)
    assert outcome.answer is None
    assert torch.equal(sandbox.run(lambda x: x + 1, THREE).answer, THREE + 1)


def test_nothing_that_a_function_started_goes_on():
    outcome = sandbox.run(with_children, THREE, seconds=30)
    assert torch.equal(outcome.answer, THREE + 1)
    group = sandbox.run(
        lambda: (os.getpid(), os.fork() == 0 and endless(0))[:1], seconds=30
    ).answer[0]
    with pytest.raises(ProcessLookupError):
        for _ in range(200):  # a zombie counts until its parent, init, has taken it
            os.killpg(group, 0)
            time.sleep(0.02)


def test_what_was_changed_is_told_and_the_notebooks_own_stays():
    outcome = sandbox.run(in_place, THREE)
    assert outcome.ended == "answered" and outcome.changed == (0,) and THREE.tolist() == [1, 2, 3]
    answer, verdict = answer_of(lambda x, y: y.clamp_(max=0) + x, THREE, THREE.clone())
    assert answer is None and "(argument 2) has been changed" in verdict.says
    encoder = ConvNet(8)
    assert sandbox.run(
        lambda network: next(network.parameters()).data.zero_().sum(), encoder
    ).changed == (0,)
    assert sandbox.run(lambda network: network.eval() and None, encoder).changed == ()


def test_prints_of_an_ordinary_function_are_shown(capsys):
    answer_of(lambda x: print("shape", tuple(x.shape)) or x, THREE)
    assert capsys.readouterr().out == "shape (3,)\n"


def test_a_function_that_cannot_be_sent_says_what_to_do():
    lock = threading.Lock()
    outcome = sandbox.run(lambda x: lock and x, THREE)
    assert outcome.ended == "not sent" and "make what it uses inside of it" in outcome.says


def test_the_exit_of_a_notebook_is_an_exit_too():
    autocall = pytest.importorskip("IPython.core.autocall")
    exit = autocall.ExitAutocall()
    exit.set_ip(threading.Lock())                          # as unpicklable as the shell of a kernel
    assert sandbox.run(lambda x: exit(), THREE).ended == "exited"


def test_random_numbers_differ_between_seeds_and_no_generator_here_moves():
    before = torch.get_rng_state()
    one, same, other = (sandbox.run(lambda: torch.rand(3), seed=seed).answer for seed in (0, 0, 1))
    assert (
        torch.equal(one, same)
        and not torch.equal(one, other)
        and torch.equal(before, torch.get_rng_state())
    )


def test_gradients_are_kept_as_a_flag():
    weights = THREE.clone().requires_grad_()
    assert sandbox.run(lambda x: 2 * x, weights).answer.requires_grad
    assert not sandbox.run(lambda x: x.detach(), weights).answer.requires_grad


class Trap:
    """Runs code where it is unpickled."""

    def __reduce__(self):
        return (os.mkdir, (TRAP,))


TRAP = "sprung"


def test_an_answer_is_read_without_pickle(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = sandbox.run(lambda: [Trap(), {"inside": Trap()}, 3]).answer
    assert [type(part).__name__ for part in answer] == ["Trap", "dict", "int"] and not list(
        tmp_path.iterdir()
    )


def test_a_function_that_writes_over_the_answer_is_no_danger():
    def forge():
        import cloudpickle

        for pipe in range(3, 64):
            try:
                os.write(pipe, (5).to_bytes(8, "little") + cloudpickle.dumps(Trap())[:5])
            except OSError:
                continue
        os._exit(0)

    outcome = sandbox.run(forge, seconds=5)
    assert outcome.answer is None and outcome.ended in ("died", "exited", "time")


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        2.5,
        float("inf"),
        "ü\x00",
        [1, (2, "x")],
        {"a": torch.ones(2), 3: None},
        torch.tensor(1.5),
        torch.zeros(0, 3),
        torch.ones(2, 3).mT,
        torch.tensor([True, False]),
        torch.tensor([1j]),
        torch.ones(2, dtype=torch.bfloat16),
        torch.arange(5, dtype=torch.int16)[::2],
        torch.eye(3).to_sparse(),
    ],
)
def test_parcels_come_out_as_they_went_in(value):
    def alike(one, other):
        if isinstance(one, torch.Tensor):
            return one.dtype == other.dtype and torch.equal(one.to_dense(), other)
        if isinstance(one, (list, tuple)):
            return type(one) is type(other) and all(map(alike, one, other))
        if isinstance(one, dict):
            return list(one) == list(other) and all(alike(one[key], other[key]) for key in one)
        return one == other and type(one) is type(other)

    assert alike(value, parcel.unpack(parcel.pack(value)))


def test_damaged_parcels_are_refused():
    whole = parcel.pack([torch.ones(3), "word", 2])
    assert parcel.unpack(whole)
    for cut in range(len(whole)):
        with pytest.raises(ValueError):
            parcel.unpack(whole[:cut])


def test_it_works_without_fork_too(monkeypatch):
    monkeypatch.setattr(sandbox, "FORKS", False)
    assert torch.equal(sandbox.run(lambda x: F.relu(x) + 1, THREE, seconds=60).answer, THREE + 1)
    assert sandbox.run(endless, THREE, seconds=1).ended == "time"
    assert "kernel would have died" in sandbox.run(crash, THREE, seconds=60).says


def runs(number):
    """Whether a process is there and more than a zombie."""
    try:
        os.kill(number, 0)
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # no /proc on this system, or it went just now
        return Path("/proc").exists() is False


ORPHAN = """
import os, sys
from sslkit.checks import sandbox
def endless(path):
    open(path, "w").write(str(os.getpid()))
    while True:
        pass
sandbox.run(endless, sys.argv[1], seconds=300)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_nothing_goes_on_when_the_notebook_is_killed_or_stopped(tmp_path, end):
    path = tmp_path / "number"
    process = subprocess.Popen([sys.executable, "-c", ORPHAN, str(path)], stderr=subprocess.DEVNULL)
    while not path.exists() or not path.read_text():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(end)
    process.wait(60)
    number = int(path.read_text())
    for _ in range(600):
        if not runs(number):
            break
        time.sleep(0.05)
    else:
        pytest.fail("the function still runs")


def test_a_fork_of_this_process_has_a_warm_process_of_its_own():
    assert sandbox.run(lambda: 1).answer == 1
    first = sandbox._Template.one.process.pid
    child = os.fork()
    if child == 0:
        right = sandbox.run(lambda: 2).answer == 2 and sandbox._Template.one.process.pid != first
        sandbox._Template.one.close()
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sandbox.run(lambda: 3).answer == 3 and sandbox._Template.one.process.pid == first


# Every check, with a right answer to it: whatever becomes of that answer, a check says a sentence.


def two_views(images, augment):
    return torch.cat([augment(images), augment(images)]), torch.arange(len(images)).repeat(2)


def corrupted(tokens, mask, special, vocabulary):
    ordinary = ~torch.isin(tokens, torch.tensor(special))
    chosen, one = (torch.rand(tokens.shape) < 0.15) & ordinary, torch.rand(tokens.shape)
    other = torch.where(one < 0.9, torch.randint(2, vocabulary, tokens.shape), tokens)
    after = torch.where(chosen, torch.where(one < 0.8, mask, other), tokens)
    return after, torch.where(chosen, tokens, -100)


def unigrams(tokens, held_out, vocabulary):
    counts = torch.bincount(tokens.flatten(), minlength=vocabulary) + 1.0
    return -(counts / counts.sum()).log2()[held_out].mean()


def frozen(encoder, images):
    with torch.no_grad():
        return encoder.eval()(images / 255)


def windows(values, past, horizon):
    both = values.unfold(1, past + horizon, 1).transpose(0, 1)
    return both[..., :past], both[..., past:]


def directions(direction, patch, gap):
    cell = direction + (direction >= 4).long()
    return (cell // 3 - 1) * (patch + gap), (cell % 3 - 1) * (patch + gap)


def hole_loss(painted, images, hole):
    return ((painted - images).square() * hole).sum() / (3 * hole.sum()).clamp_min(1)


def turned(images):
    return torch.cat([torch.rot90(images, turn, (-2, -1)) for turn in range(4)]), torch.arange(
        4
    ).repeat_interleave(len(images))


RIGHT = {
    "causal_mask": lambda length: torch.ones(length, length).tril(-1).bool(),
    "next_problem": lambda tokens, start: (
        F.pad(tokens, (1, 0), value=start)[:, :-1],
        tokens.clone(),
    ),
    "annealed_mean": lambda p, bins, t: annealed_mean(p.log()[None, :, None, None], t)[0, :, 0, 0],
    "nearest_mean": nearest_mean,
    "nt_xent": lambda a, b, t: losses.info_nce(
        torch.cat([a, b]), torch.arange(len(a)).repeat(2), t
    ),
    "two_views": two_views,
    "byol_loss": lambda p, t: (2 - 2 * F.cosine_similarity(p, t.detach(), dim=1)).mean(),
    "hole_loss": hole_loss,
    "jigsaw_problem": lambda tiles, permutations, index: shuffled(tiles, permutations[index]),
    "hamming_distances": hamming,
    "corruption": corrupted,
    "unigram_bits": unigrams,
    "patchify": patchify,
    "random_masking": lambda n, p, r: torch.rand(n, p).argsort(1).argsort(1) >= p - round(r * p),
    "mae_loss": lambda painted, patches, hidden: F.mse_loss(painted[hidden], patches[hidden]),
    "frozen_features": frozen,
    "relative_patch_problem": directions,
    "rotation_problem": turned,
    "forecast_windows": windows,
    "standardised": lambda v, s: (
        (v - v[:, :s].mean(1, keepdim=True)) / v[:, :s].std(1, keepdim=True)
    ),
}


def each(change):
    """The same change, of every tensor in an answer."""
    return lambda answer: (
        tuple(map(change, answer)) if isinstance(answer, (tuple, list)) else change(answer)
    )


CHANGES = {
    **{
        str(dtype): each(lambda x, dtype=dtype: x.to(dtype))
        for dtype in (
            torch.float16,
            torch.bfloat16,
            torch.float32,
            torch.float64,
            torch.complex64,
            torch.int32,
            torch.int64,
            torch.uint8,
            torch.bool,
        )
    },
    "a list": each(lambda x: x.tolist()),
    "an array": each(lambda x: x.detach().numpy()),
    "a number": lambda answer: 3,
    "a word": lambda answer: "three",
    "a set": lambda answer: {1},
    "nothing in a tuple": lambda answer: (None, None),
    "not a number": each(lambda x: x.double() * torch.nan),
    "infinite": each(lambda x: x.double() + torch.inf),
    "negative": each(lambda x: -x.long()),
    "huge": each(lambda x: x.long() + 2**40),
    "no dimension": each(lambda x: x.flatten()[0]),
    "one dimension more": each(lambda x: x[None]),
    "flat": each(lambda x: x.flatten()),
    "empty": each(lambda x: x.flatten()[:0]),
    "empty first": each(lambda x: x[None][:0]),
    "the first": lambda answer: answer[0] if isinstance(answer, tuple) else answer,
    "turned round": lambda answer: answer[::-1] if isinstance(answer, tuple) else answer,
    "twice": lambda answer: (answer, answer),
    "sparse": each(lambda x: x.to_sparse()),
}


def test_every_check_has_a_right_answer_here():
    missing = {name for name in checks.__all__ if name[0].islower()} - {"run"} - set(RIGHT)
    assert not missing
    for name, function in RIGHT.items():
        assert getattr(checks, name)(function).right, (name, getattr(checks, name)(function))


def at_once(function, *arguments, seed=0, **_):
    """`sandbox.run` within this process, its answer carried all the same: for harmless answers."""
    arguments = [
        part.detach().clone().requires_grad_(part.requires_grad)
        if isinstance(part, torch.Tensor)
        else part
        for part in arguments
    ]
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            answer = function(*arguments)
    except Exception as error:
        return sandbox.Outcome(
            "raised",
            error=type(error).__name__,
            says=f"your function raised {type(error).__name__}: {error}",
        )
    return sandbox.Outcome("answered", parcel.unpack(parcel.pack(answer)))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("check", RIGHT)
def test_a_check_says_a_sentence_whatever_comes(check, change, monkeypatch):
    monkeypatch.setattr(sandbox, "run", at_once)
    verdict = getattr(checks, check)(lambda *arguments: CHANGES[change](RIGHT[check](*arguments)))
    assert (
        isinstance(verdict, checks.Verdict)
        and isinstance(verdict.right, bool)
        and len(verdict.says) > 20
    ), verdict
    if change in ("a word", "a set", "a number", "nothing in a tuple", "empty"):
        assert not verdict.right


@pytest.mark.parametrize(
    "check",
    ["standardised", "hole_loss", "mae_loss", "annealed_mean", "nt_xent", "byol_loss", "patchify"],
)
def test_right_numbers_in_double_precision_are_right(check):
    verdict = getattr(checks, check)(lambda *arguments: RIGHT[check](*arguments).double())
    assert verdict.right, verdict


@pytest.mark.parametrize("check", RIGHT)
def test_no_check_ends_with_the_function(check):
    assert "calls exit" in getattr(checks, check)(lambda *arguments: sys.exit()).says
