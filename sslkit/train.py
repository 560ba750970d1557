"""The one training loop. It knows no task: it runs the three verbs and keeps what was learnt safe."""

import math
import signal
import threading
import time
import warnings
import zlib
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from . import checkpoint as checkpoints
from . import parts
from .data.dataset import Dataset, batches, check_labels, check_samples, seed_for


def train(task, data, *, steps, batch_size=128, lr=1e-3, weight_decay=0.05, optimizer="adamw", warmup=0.1, seed=0,
          device=None, amp=None, compile=False, micro_batch=None, checkpoint=None, checkpoint_every=60.0, log_every=None, on_log=None,
          progress=True):
    """Train `task` on `data` in place → history, a list of dicts, one each `log_every` steps.

    task: a `Task`. data: what its `make_problem` takes, as one tensor (N, …) or a tuple of tensors;
    images are uint8 (N, 3, H, W) and reach the task as floats in [0, 1]. A `Dataset` gives its images
    without labels; `dataset.labelled` gives both.
    optimizer: "adamw" or "sgd" (Nesterov momentum 0.9). The rate rises over the first `warmup` (a
    fraction) of the steps and falls to zero as a half cosine (Loshchilov & Hutter 2017). Vectors
    (biases, norms) are not decayed.
    seed: batches and random draws are functions of (seed, step) alone: same seed, same machine, same
    bits; the caller's own generators are left as they were.
    micro_batch: hold the activations of only this many samples at a time, and still take the gradient
    of the whole batch: `sslkit.parts`. It costs one more forward pass. Where torch.distributed is set
    up, each process answers for its share of every batch, with the loss and the gradient of the whole;
    the first one logs and saves.
    device: default CUDA, else Apple's MPS, else the CPU. amp: bfloat16 autocast; default as in the
    checkpoint, else where the hardware has it.
    checkpoint: a file; the whole state is saved there every `checkpoint_every` seconds and at the end,
    and the same call goes on from it, to the same bits. The stop button (SIGINT) ends at a step
    boundary and returns the history.
    on_log: called with each new record, which it may add to. Each record has step, loss and the task's
    own logs (means since the record before), lr, seconds.

    Raises ValueError for data or settings that cannot work, RuntimeError naming the samples where
    the loss or a gradient is not finite, RuntimeError where memory does not suffice (weights stay
    as before that step, in both cases), and where another process writes the same checkpoint.
    """
    data, batch_size = _check_data(task, data, batch_size)
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps={steps!r}: want a whole number, at least 1")
    if not (isinstance(lr, (int, float)) and 0 <= lr < math.inf):
        raise ValueError(f"lr={lr!r}: want a number from 0 on, as 1e-3")
    if micro_batch is not None and not (isinstance(micro_batch, int) and micro_batch >= 2):
        raise ValueError(f"micro_batch={micro_batch!r}: want a whole number of samples, at least 2, or None for all at once")
    device = choose_device(device)
    log_every = log_every or max(1, steps // 100)
    data = tuple(part.to(device) for part in data) if isinstance(data, tuple) else data.to(device)
    task.to(device, memory_format=torch.channels_last).train()
    updates = _optimizer(task, optimizer, lr, weight_decay)
    network = torch.compile(task) if compile else task
    talks = parts.first()
    if not talks:
        progress, on_log = False, None
    settings = {
        "task": type(task).__name__,
        "steps": steps,
        "batch_size": batch_size,
        "lr": lr,
        "log_every": log_every,
        "weight_decay": weight_decay,
        "optimizer": optimizer,
        "warmup": warmup,
        "seed": seed,
        "data": _fingerprint(data),
    }

    with _only_writer(checkpoint if talks else None), _own_generators(device), _stop_button() as stopped:
        saved = None if checkpoint is None else checkpoints.load_latest(checkpoint)
        if saved is not None and not (
            isinstance(saved, dict)
            and {"settings", "task", "optimizer", "history", "step"} <= saved.keys()
        ):
            raise ValueError(
                f"{checkpoint} holds something else than a training. Give this run a checkpoint of "
                f"its own"
            )
        settings["amp"] = amp = _precision(amp, saved, device)
        autocast = lambda: torch.autocast(device.type, torch.bfloat16, enabled=amp)
        history, sums, step, seconds = _resume(checkpoint, saved, settings, task, updates)
        parts.agree(task)
        bar = tqdm(total=steps, initial=step, disable=not progress, unit="step", dynamic_ncols=True, desc=(
            f"{type(task).__name__} on {device.type}{', bfloat16' if amp else ''}"))
        stream = batches(data, batch_size, seed=seed, start=step)
        clock = last_save = time.monotonic()
        halt = saved_here = False
        while step < steps and not halt:
            torch.manual_seed(seed_for(seed, "step", step))
            indices, batch = next(stream)
            before = [buffer.clone() for buffer in task.buffers()]
            try:
                with autocast():
                    with torch.no_grad():
                        inputs, targets = task.make_problem(_channels_last(batch))
                    outputs = parts.answer(task, network, inputs, micro_batch)
                try:
                    loss, logs = task.loss(_float32(outputs), targets)
                except ValueError as error:  # some losses refuse what is not finite
                    if _all_finite(outputs):
                        raise
                    wrong = "the loss became nan"
                    raise RuntimeError(
                        _explain(wrong, step, indices, batch, task, before, seed)
                    ) from error
                loss.backward()
                parts.add_up(task)
            except Exception as error:
                bar.close()
                _restore(task, before)
                if _out_of_memory(error):
                    inputs = targets = outputs = loss = logs = None  # makes room for what does fit
                    raise RuntimeError(
                        _explain_memory(step, batch, task, before, micro_batch)
                    ) from None
                raise
            if wrong := _not_finite(loss, task):
                bar.close()
                raise RuntimeError(_explain(wrong, step, indices, batch, task, before, seed))
            for group in updates.param_groups:
                group["lr"] = lr * schedule(step, steps, warmup)
            updates.step()
            updates.zero_grad()
            with torch.no_grad():
                task.after_step(targets)
            step += 1
            bar.update()

            for name, value in {"loss": loss, **logs}.items():
                sums[name] = sums.get(name, 0) + value.detach()
            sums["steps"] = sums.get("steps", 0) + 1
            if step % log_every == 0 or step == steps:
                history.append(_record(sums, step, updates, seconds + time.monotonic() - clock))
                sums = {}
                bar.set_postfix(loss=f"{history[-1]['loss']:.3f}")
                if on_log is not None:
                    on_log(history[-1])
                    task.train()
            halt = parts.any_of(stopped, device)
            if checkpoint is not None and talks and (step == steps or halt or time.monotonic() - last_save >= checkpoint_every):
                last_save = time.monotonic()
                passed = seconds + last_save - clock
                saved_here = _save(checkpoint, settings, task, updates, history, sums, step, passed)
        bar.close()
        if halt:
            if sums:
                history.append(_record(sums, step, updates, seconds + time.monotonic() - clock))
            if talks:
                print(
                    f"stopped after step {step} of {steps}; the task keeps what it learnt"
                    + (f", and the same call goes on from {checkpoint}" if saved_here else "")
                )
    task.eval()
    return history


def schedule(step, steps, warmup):
    """Factor of the learning rate at `step`: a linear rise over `warmup` × steps, then a half cosine down to zero."""
    rise = max(1, round(warmup * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for, or the best there is. Raises RuntimeError where it cannot be used."""
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    cure = "leave device out to take the best there is"
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise RuntimeError(
            f'device="{device}": no such device; want "cpu", "cuda" or "mps", or {cure}'
        ) from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(
            f'device="{device}": this machine has no CUDA device that torch can use; {cure}'
        )
    try:
        if found.type == "meta":  # holds shapes, but no numbers
            raise NotImplementedError("meta")
        torch.empty(1, device=found)
    except (
        RuntimeError,
        AssertionError,
        ImportError,
        AttributeError,
        NotImplementedError,
    ) as error:
        raise RuntimeError(
            f'device="{device}": torch cannot use it on this machine; {cure}'
        ) from error
    return found


def has_bfloat16(device):
    """Whether bfloat16 is fast on this hardware; elsewhere it is emulated and slower than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)      # Ampere and later; a T4 has 7.5
    # Measured on an AVX-512 CPU with bfloat16 instructions: 1.6 to 2.1 times float32 for ConvNets of width 16 to 48.
    native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return device.type == "cpu" and native()


def _check_data(task, data, batch_size):
    """What is known of a task's samples from its encoder is asked of them before the first step."""
    if isinstance(data, Dataset):
        data = data.images
    given = data if isinstance(data, tuple) else (data,)
    encoder = getattr(task, "encoder", None)
    whole = tuple(
        check_samples(
            part,
            f"data[{place}]" if isinstance(data, tuple) else "data",
            images=place == 0 and getattr(encoder, "takes", None) == "images",
            vocabulary=getattr(encoder, "vocabulary", None) if place == 0 else None,
        )
        for place, part in enumerate(given)
    )
    sizes = sorted({len(part) for part in whole})
    if len(sizes) > 1:
        raise ValueError(f"data: its parts have {' and '.join(map(str, sizes))} examples, want the same number in each")
    classes = getattr(task, "classes", None)
    if classes is not None and len(whole) > 1:
        check_labels(whole[1], classes, "data[1]")
    if not isinstance(batch_size, int) or isinstance(batch_size, bool):
        raise ValueError(f"batch_size={batch_size!r}: want a whole number, at least 2")
    batch_size = min(batch_size, sizes[0])                        # a few labels make a small batch
    if batch_size < 2:
        raise ValueError(f"a batch of {batch_size}: batch norm and contrasts need at least 2 examples; give more data "
                         f"or a larger batch_size")
    return (whole if isinstance(data, tuple) else whole[0]), batch_size


def _optimizer(task, name, lr, weight_decay):
    trained = [parameter for parameter in task.parameters() if parameter.requires_grad]
    if not trained:
        raise ValueError(f"{type(task).__name__} has no parameters that learn: every requires_grad is False")
    groups = [{"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
              {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0}]
    fused = all(parameter.device.type == "cuda" for parameter in trained)
    if name == "adamw":
        return torch.optim.AdamW(groups, lr=lr, fused=fused)
    if name == "sgd":
        return torch.optim.SGD(groups, lr=lr, momentum=0.9, nesterov=True, fused=fused)
    raise ValueError(f'optimizer="{name}": want "adamw" or "sgd"')


def _channels_last(batch):
    return parts.each(lambda part: part.contiguous(memory_format=torch.channels_last) if part.ndim == 4 else part, batch)


def _float32(outputs):
    """Losses compute in float32, whatever autocast did before."""
    return parts.each(lambda output: output.float() if output.is_floating_point() else output, outputs)


def _all_finite(outputs):
    return all(map(_all_finite, outputs)) if isinstance(outputs, tuple) else bool(torch.isfinite(outputs).all())


def _record(sums, step, updates, seconds):
    means = {name: float(total) / sums["steps"] for name, total in sums.items() if name != "steps"}
    return {"step": step, **means, "lr": updates.param_groups[0]["lr"], "seconds": round(seconds, 3)}


def _not_finite(loss, task):
    """What became NaN or infinite, the loss or a gradient, in words; "" where nothing did.

    A GPU is asked once: the loss and the largest entry of every gradient come back together.
    """
    named = [
        (name, parameter.grad)
        for name, parameter in task.named_parameters()
        if parameter.grad is not None
    ]
    largest = torch._foreach_norm(
        [gradient for _, gradient in named], math.inf
    )  # one kernel on a GPU
    value, *largest = torch.stack(
        [loss.detach().float(), *(norm.float() for norm in largest)]
    ).tolist()
    if not math.isfinite(value):
        return f"the loss became {value}"
    bad = [name for (name, _), norm in zip(named, largest) if not math.isfinite(norm)]
    return f"the gradient of {bad[0]} is not finite, though the loss is {value:.4g}," if bad else ""


def _restore(task, before):
    """Batch norm has already averaged the bad batch in: put the buffers back, drop the gradients."""
    for buffer, value in zip(task.buffers(), before):
        buffer.copy_(value)
    task.zero_grad()


def _explain(wrong, step, indices, batch, task, before, seed):
    """Puts the buffers back, looks for the samples to blame → the sentence to raise."""
    _restore(task, before)
    whole = batch if isinstance(batch, tuple) else (batch,)
    bad = torch.zeros(len(indices), dtype=torch.bool, device=indices.device)
    for part in whole:
        bad |= ~torch.isfinite(part.float()).flatten(1).all(1) if part.ndim > 1 else ~torch.isfinite(part.float())
    where = "their values are not finite: mend them or leave them out"
    if not bad.any():
        task.eval()
        with torch.no_grad():
            bad = ~torch.isfinite(task.represent(whole[0]).float()).flatten(1).all(1)
        where = "their features are not finite: look at these samples"
    if not bad.any():
        bad[_smallest_bad(task, batch, list(range(len(indices))), seed_for(seed, "step", step))] = (
            True
        )
        where = "they do it without the rest of the batch: look at what the loss does with them"
        if bad.all():
            where = (
                "its samples look sound one by one: a smaller lr, or a longer warmup, is the usual cure"
            )
    _restore(task, before)
    task.train()
    names = indices[bad].tolist()
    more = ", … " if len(names) > 20 else ""
    return (
        f"{wrong} in step {step}, which was not taken: the weights are those before it. "
        f"Samples {', '.join(map(str, names[:20]))}{more} ({where})"
    )


def _smallest_bad(task, batch, places, seed):
    """Halves the batch as long as a half alone is not finite either → places in the batch."""
    if len(places) == 1:
        return places
    found = []
    for half in (places[: len(places) // 2], places[len(places) // 2 :]):
        torch.manual_seed(seed)
        try:
            with warnings.catch_warnings():  # of few samples, statistics may be undefined
                warnings.simplefilter("ignore")
                wrong = _not_finite(_gradient(task, batch, half), task)
        except (
            ValueError,
            RuntimeError,
            IndexError,
        ):  # too few for this loss: the half cannot be asked
            wrong = ""
        task.zero_grad()
        if wrong:
            found += _smallest_bad(task, batch, half, seed)
    return found or places


def _gradient(task, batch, places):
    """The three verbs on a part of a batch → its loss; the gradient is left in the parameters."""
    with torch.no_grad():
        inputs, targets = task.make_problem(parts.each(lambda part: part[places], batch))
    loss, _ = task.loss(_float32(task(inputs)), targets)
    loss.backward()
    return loss


def _out_of_memory(error):
    """torch has a class for it on CUDA alone; elsewhere the words tell."""
    words = str(error).lower()
    return (
        isinstance(error, torch.cuda.OutOfMemoryError)
        or isinstance(error, RuntimeError)
        and ("can't allocate memory" in words or "out of memory" in words)
    )


def _explain_memory(step, batch, task, before, micro_batch):
    """Tries halves of the batch until one fits → the sentence to raise, with two ways on."""
    size = len(batch[0] if isinstance(batch, tuple) else batch)
    held = min(size, micro_batch or size)
    fits = held // 2
    while fits >= 2:
        try:
            _gradient(task, batch, slice(fits))
            break
        except Exception as error:
            if not _out_of_memory(error):  # such as a loss that wants more samples
                raise
        finally:
            _restore(task, before)
        fits //= 2
    cure = (
        (
            f"{fits} at a time fit: micro_batch={fits} computes the same loss in pieces; "
            f"batch_size={fits} has fewer "
            f"negatives where samples are contrasted, which is another problem"
        )
        if fits >= 2
        else ("Not even 2 at a time fit: want smaller samples, or a smaller network")
    )
    return (
        f"out of memory in step {step} with {held} samples at a time. The step was not taken: the "
        f"weights are those "
        f"before it. {cure}"
    )


def _precision(amp, saved, device):
    """amp where it is given, else the checkpoint's, else what is fast here."""
    if amp is not None:
        return bool(amp)
    if saved is None:
        return has_bfloat16(device)
    amp = saved["settings"].get("amp", False)
    if amp and not has_bfloat16(device):
        warnings.warn(
            "the checkpoint was trained with bfloat16, and so it goes on: this machine emulates "
            "it, slowly",
            stacklevel=3,
        )
    return amp


def _fingerprint(data):
    """Enough of the data to notice that another set was given on resuming: shapes, and a checksum of 64 of the examples."""
    parts = data if isinstance(data, tuple) else (data,)
    text = []
    for part in parts:
        few = part[:: max(1, len(part) // 64)].contiguous().cpu()
        text.append(f"{tuple(part.shape)} {part.dtype} #{zlib.crc32(few.reshape(-1).view(torch.uint8).numpy()):08x}")
    return "; ".join(text)


def _resume(path, state, settings, task, updates):
    if state is None:
        return [], {}, 0, 0.0
    changed = [f"{name} was {state['settings'].get(name)!r}, now {value!r}"
               for name, value in settings.items() if state["settings"].get(name) != value]
    if changed:
        raise ValueError(
            f"{path} holds another run: {'; '.join(changed)}. Give these settings as they were to "
            f"go on with "
            f"it, or give this run a checkpoint of its own"
        )
    try:
        task.load_state_dict(state["task"])
    except RuntimeError as error:
        raise ValueError(f"{path} holds a network of another shape. Give this run a checkpoint of its own, or delete "
                         f"that file. {error}") from error
    for group, own in zip(state["optimizer"]["param_groups"], updates.param_groups):
        group["fused"] = own["fused"]  # a matter of the device, which may be another one now
    updates.load_state_dict(state["optimizer"])
    sums = {name: value.to(updates.param_groups[0]["params"][0].device) if isinstance(value, torch.Tensor) else value
            for name, value in state["sums"].items()}
    return state["history"], sums, state["step"], state["seconds"]


def _save(path, settings, task, updates, history, sums, step, seconds):
    try:
        checkpoints.save(path, {"settings": settings, "task": dict(task.state_dict()), "optimizer": updates.state_dict(),
                                "history": history, "sums": sums, "step": step, "seconds": seconds})
    except OSError as error:  # training goes on in memory: nothing learnt is lost
        warnings.warn(f"step {step} was not saved: {error}", stacklevel=3)
        return False
    return True


@contextmanager
def _only_writer(path):
    """Two notebooks must not write one run."""
    if path is None:
        yield
        return
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RuntimeError(f"{path} is being written by another notebook or process. Stop that one, or give this run a "
                           f"checkpoint of its own") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _own_generators(device):
    """Training seeds torch at every step; what the caller's generators would have drawn next stays the same."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


@contextmanager
def _stop_button():
    """SIGINT → a list that is no longer empty; a second one raises KeyboardInterrupt at once."""
    pressed = []
    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread only
        yield pressed
        return

    def press(signum, frame):
        if pressed:
            raise KeyboardInterrupt
        pressed.append(True)

    before = signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
