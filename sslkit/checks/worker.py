"""The process that a student's function runs in: `serve` forks for every call; `once` runs one."""

import gc
import os
import pickle
import random
import signal
import struct
import sys

PLACES = struct.Struct("<q")  # one whole number on the wire
LARGEST = 256 * 2**20  # bytes of an answer


def serve(control: int) -> None:
    """Takes calls from the socket `control` until it closes, each in a fork of this process.

    The fork writes its answer and what it prints into two pipes that come with the call. It is
    reaped only when the caller says so: until then its number cannot belong to any other process,
    and the caller may kill it by that.
    """
    import socket

    prepare()
    caller = socket.socket(fileno=control)
    caller.sendall(b"r")
    while True:
        begin, pipes, *_ = socket.recv_fds(caller, 1, 2)
        if not begin:
            return
        request = received(caller, PLACES.unpack(received(caller, 8))[0])
        child = os.fork()
        if child == 0:
            caller.close()
            answer(request, *pipes)
        try:
            os.setpgid(child, child)  # here and in the child: whichever comes first
        except (PermissionError, ProcessLookupError):  # it has ended already
            pass
        for pipe in pipes:
            os.close(pipe)
        del request
        try:
            caller.sendall(PLACES.pack(child))
            gone = not caller.recv(1)
        except OSError:
            gone = True
        if gone:  # the notebook has ended: nobody else would end this call
            os.killpg(child, signal.SIGKILL)
            return
        caller.sendall(PLACES.pack(os.waitpid(child, 0)[1]))


def once() -> None:
    """Takes one call from standard input, and answers on standard error (systems without fork)."""
    result, output = os.dup(2), os.dup(1)
    os.dup2(output, 2)  # imports may warn: the answer comes alone
    prepare()
    os.write(result, b"r")
    answer(sys.stdin.buffer.read(), result, output)


def prepare() -> None:
    """Imports what checks need, with one thread: a fork must not inherit others at work."""
    import torch

    import sslkit.checks  # noqa: F401  (the networks and tasks that are handed to students)

    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()  # else every fork copies the pages that its collector touches


def answer(request: bytes, result: int, output: int) -> None:
    """Runs one call, writes what became of it (its length, then a parcel) and ends the process."""
    if hasattr(os, "setpgid"):
        try:
            os.setpgid(0, 0)
        except PermissionError:  # the leader of a session of its own has its group already
            pass
    nothing = os.open(os.devnull, os.O_RDONLY)
    for stream, standing in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(stream, standing)
    sys.stdout, sys.stderr = (
        open(number, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
        for number in (1, 2)
    )
    from .parcel import pack

    words = pack(outcome(request))
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # the student closed it
            continue
    words = PLACES.pack(len(words)) + words
    while words:
        words = words[os.write(result, words) :]
    os._exit(0)


def outcome(request: bytes) -> dict:
    """What became of a call: {"ended", "answer", "after", "error", "message"}, for `pack`."""
    from .parcel import digest, size

    path, folder, seed, memory, call = pickle.loads(request)
    try:
        sys.path.extend(entry for entry in path if entry not in sys.path)
        if os.path.isdir(folder):
            os.chdir(folder)
        seed_all(seed)
        function, arguments = pickle.loads(call)
    except Exception as error:  # whatever the student's objects do when they are built
        return {"ended": "not sent", **_told(error)}
    limit(memory)
    try:
        value = function(*arguments)
        if size(value) > LARGEST:
            return {
                "ended": "memory",
                "error": "",
                "message": f"its answer has {size(value) / 2**20:,.0f} MB",
            }
        return {"ended": "answered", "answer": value, "after": [digest(part) for part in arguments]}
    except SystemExit as error:
        return {"ended": "exited", **_told(error)}
    except (
        BaseException
    ) as error:  # KeyboardInterrupt and GeneratorExit, too: all are the student's
        told = _told(error)
        full = isinstance(error, MemoryError) or "can't allocate memory" in told["message"]
        return {"ended": "memory" if full else "raised", **told}


def seed_all(seed: int) -> None:
    """The same random numbers for the same call, from torch, numpy and Python alike."""
    import numpy as np
    import torch

    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


def limit(memory: int) -> None:
    """No more than `memory` bytes beyond what this process holds (Linux; others have no limit)."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    try:
        with open("/proc/self/status") as status:
            held = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
    except OSError:  # macOS: the caller watches instead
        return
    # Data, not address space: CUDA reserves address space by the terabyte.
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = held + memory
    resource.setrlimit(
        resource.RLIMIT_DATA,
        (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard),
    )


def received(source, number: int) -> bytes:
    """Exactly so many bytes of a socket. Raises EOFError where it ends before."""
    parts = bytearray()
    while len(parts) < number:
        part = source.recv(min(number - len(parts), 2**20))
        if not part:
            raise EOFError(f"{len(parts)} of {number} bytes came")
        parts += part
    return bytes(parts)


def _told(error) -> dict:
    try:
        message = str(error)
    except Exception:  # an exception of the student's own may fail in its own words
        message = ""
    return {"error": type(error).__name__, "message": message[:2000]}
