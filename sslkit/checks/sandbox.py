"""A student's function, run in a process of its own, with a clock outside of it.

A guard against accidents, not a prison: the function has the rights of whoever runs it, on files
and network too.
"""

import atexit
import io
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import cloudpickle

from . import parcel
from .worker import LARGEST, PLACES

GIB = 2**30
FORKS = hasattr(os, "fork") and hasattr(socket, "send_fds")
START = 180  # seconds that a busy machine may take to import torch
PATIENCE = 6  # times the limit, where others keep the processor busy
LOCK = threading.RLock()


class Outcome(NamedTuple):
    """What became of a call.

    ended: "answered", or how else: "raised", "exited", "died", "time", "memory", "output", "not
    sent". answer: what the function returned, read without pickle: tensors, numbers, words and
    lists of them, a network as its state dict, anything else as a `parcel.Stranger` with the name
    of its type. changed: numbers of the arguments that are no longer what they were. printed: what
    it wrote to the screen. error: the name of the exception. says: a sentence for the student,
    empty where there is an answer.
    """

    ended: str
    answer: object = None
    changed: tuple[int, ...] = ()
    printed: str = ""
    error: str = ""
    says: str = ""


def run(
    function,
    *arguments,
    seconds: float = 10.0,
    memory: float = 2 * GIB,
    output: int = 100_000,
    seed: int = 0,
) -> Outcome:
    """Calls function(*arguments) in a process of its own → Outcome, whatever the function does.

    seconds: by the clock on the wall; up to six times as long where the function is ready to run,
    and other programs keep the processor from it. memory: bytes more than Python and torch hold
    already (no limit on Windows). output: characters that may be printed. seed: of torch's, numpy's
    and Python's random numbers. What the function needs goes along by value, so that it may be
    defined in a notebook or a test. Raises RuntimeError where no process can be started at all.
    """
    try:
        call = _pickled((function, arguments))
    except Exception as error:  # any object may refuse to be pickled, in any way
        return _unsent(type(error).__name__, str(error))
    request = cloudpickle.dumps((sys.path, os.getcwd(), seed, int(memory), call))
    before = [parcel.digest(part) for part in arguments]
    with LOCK:
        process = _Fork(request) if FORKS else _Fresh(request)
        try:
            ended = process.watch(seconds, memory, output)
        finally:
            process.end()
    return _outcome(ended, process, before, seconds, memory, output)


def warm() -> None:
    """Starts the process that calls are forked from, and does not wait for it to import torch."""
    with LOCK:
        if FORKS:
            _Template.standing(wait=False)
        elif _Fresh.spare is None:
            _Fresh.spare = _Fresh.start()


def _outcome(ended, process, before, seconds, memory, output):
    """What `watch` saw and what the process wrote, in words."""
    printed = process.output.text()
    limit = f"{memory / GIB:g} GiB" if memory >= GIB else f"{memory / 2**20:g} MiB"
    large = (
        f"your function needs more than {limit} of memory, which this exercise never does: look "
        "for a shape that "
        f"has grown, such as (N, N, D), or a list that grows in a loop without end"
    )
    if ended == "time":
        return Outcome(
            "time",
            printed=printed,
            says=(
                f"your function had not answered after {seconds:g} seconds: it never ends, or "
                "is far too slow; look for a "
                f"loop whose condition stays true, or one over every pixel"
            ),
        )
    if ended == "output":
        return Outcome(
            "output",
            printed=printed[:output],
            says=(
                f"your function printed more than {output:,} characters: take print out of the "
                "loop, and return the answer"
            ),
        )
    if ended == "memory":
        return Outcome("memory", printed=printed, says=large)
    if ended == "ended":
        return _without_answer(process.status(), printed)
    try:
        found = parcel.unpack(bytes(process.result.data[8:]))
        ended, answer = str(found["ended"]), found.get("answer")
        after = list(found.get("after", ()))
        error, message = str(found.get("error", "")), str(found.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Outcome(
            "died", printed=printed, says=f"your function wrote over its own answer: {error}"
        )
    if ended == "answered":
        changed = tuple(
            number for number, (old, new) in enumerate(zip(before, after)) if old != new
        )
        return Outcome("answered", answer, changed, printed)
    if ended == "not sent":
        return _unsent(error, message)._replace(printed=printed)
    says = {
        "exited": _leaves(message),
        "memory": f"{large} ({message})" if message else large,
        "raised": _raised(error, message),
    }.get(ended, f"your function ended in an unknown way, {ended!r}")
    return Outcome(ended, printed=printed, error=error, says=says)


def _raised(error, message):
    if error == "RecursionError":
        return (
            f"your function calls itself without end (RecursionError: {message}): it needs a "
            "case in which it "
            f"returns without another call"
        )
    if error == "KeyboardInterrupt":
        return (
            "your function raised KeyboardInterrupt, which is the stop button's: raise ValueError, "
            "or return an answer"
        )
    return f"your function raised {error}: {message}"


def _leaves(code):
    return (
        f"your function calls exit ({code or 0}), which ends the program instead of the "
        "function: end it with "
        f"`return …`"
    )


def _without_answer(status, printed):
    """In words: what a process without an answer died of, by its exit code or −signal."""
    if 0 <= status < 256:  # Windows tells a crash by a code of 32 bits
        return Outcome("exited", printed=printed, error="SystemExit", says=_leaves(status))
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"code {status:#x}"
    return Outcome(
        "died",
        printed=printed,
        error=name,
        says=(
            f"your function killed the process that it ran in ({name}): in the notebook the "
            "kernel would have died. Look for "
            f"memory read through a pointer, a recursion in C, or a signal that it sends to itself"
        ),
    )


def _unsent(error, message):
    return Outcome(
        "not sent",
        error=error,
        says=(
            f"your function cannot be sent to the process that checks it ({error}: "
            f"{message[:200]}): make what it uses inside "
            f"of it, or hand it over as an argument, and leave open files, locks and widgets out"
        ),
    )


def _pickled(value) -> bytes:
    """By cloudpickle, by value whatever is no installed package: notebooks, scripts and tests."""
    shared = tuple(
        {
            str(Path(folder).resolve()) + os.sep
            for folder in (
                *sysconfig.get_paths().values(),
                sys.prefix,
                sys.base_prefix,
                Path(__file__).parent.parent,
            )
        }
    )
    own = []
    for module in list(sys.modules.values()):
        name, file = getattr(module, "__name__", "__main__"), getattr(module, "__file__", None)
        if name == "__main__" or not isinstance(file, str) or file.startswith(shared):
            continue
        inside = "site-packages" in file or str(Path(file).resolve()).startswith(shared)
        if file.endswith(".py") and not inside and sys.modules.get(name) is module:
            own.append(module)
    known = set(cloudpickle.list_registry_pickle_by_value())
    own = [module for module in own if module.__name__ not in known]
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        stream = io.BytesIO()
        _Pickler(stream).dump(value)
        return stream.getvalue()
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


class _Pickler(cloudpickle.Pickler):
    """Takes IPython's own `exit`, which holds the whole notebook, for Python's."""

    def reducer_override(self, value):
        if type(value).__name__ in ("ExitAutocall", "ZMQExitAutocall"):
            return getattr, (sys, "exit")
        return super().reducer_override(value)


class _Reader(threading.Thread):
    """Reads a pipe to its end, or to one byte more than `most`."""

    def __init__(self, pipe, most, news):
        super().__init__(daemon=True)
        self.pipe, self.most, self.news = pipe, most, news
        self.data, self.closed = bytearray(), False
        self.start()

    def run(self):
        with os.fdopen(self.pipe, "rb", buffering=0) as stream:
            while len(self.data) <= self.most:
                part = stream.read(2**16)
                if not part:
                    break
                self.data += part
                self.news.set()
        self.closed = True
        self.news.set()

    def whole(self):
        """Whether a length (8 bytes) and as many bytes have come."""
        return len(self.data) >= 8 and len(self.data) >= 8 + PLACES.unpack(self.data[:8])[0] >= 8

    def text(self):
        return self.data.decode("utf-8", "replace")


class _Process:
    """One call under way: `number` of its process, and readers of its result and of its output."""

    def watch(self, seconds, memory, output):
        """Waits → "answer", "ended" (without one), "time", "memory" or "output"."""
        end, last, base = time.monotonic() + seconds, time.monotonic() + PATIENCE * seconds, None
        while True:
            self.news.wait(min(0.1, max(0.01, end - time.monotonic())))
            self.news.clear()
            if len(self.output.data) > output and len(self.output.text()) > output:
                return "output"
            if self.result.whole():
                return "answer"
            if len(self.result.data) > LARGEST:
                return "memory"
            if self.result.closed:
                return "ended"
            if time.monotonic() >= end and not (
                time.monotonic() < last and _starved(self.number, seconds)
            ):
                return "time"
            held = _resident(self.number)
            base = held if base is None else base
            if held > base + memory:
                return "memory"

    def join(self):
        """Reads what is left; does not wait for a process that left its group with a pipe."""
        for reader in (self.result, self.output):
            reader.join(1)


class _Fork(_Process):
    """A call in a fork of the template."""

    def __init__(self, request):
        self.template = _Template.standing()
        result, self._result = os.pipe()
        output, self._output = os.pipe()
        self.news, self._status = threading.Event(), None
        try:
            self.number = self.template.send(request, (self._result, self._output))
        except BaseException:  # the stop button, too: a half-told call cannot be gone on with
            self.template.close()
            os.close(result)
            os.close(output)
            raise
        finally:
            os.close(self._result)
            os.close(self._output)
        self.result = _Reader(result, LARGEST + 2**20, self.news)
        self.output = _Reader(output, 4 * 10**6, self.news)

    def end(self):
        try:
            self._status = self.template.reap(self.number)
        except BaseException:
            self.template.close()
            raise
        self.join()

    def status(self):
        return self._status


class _Template:
    """The process that has imported torch and forks for every call; a new one where it was lost."""

    one = None

    def __init__(self):
        self.socket, theirs = socket.socketpair()
        self.owner, self.ready = os.getpid(), False
        self.log = tempfile.TemporaryFile()
        with theirs:
            self.process = _python(
                f"worker.serve({theirs.fileno()})",
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=self.log,
                stderr=self.log,
            )

    @classmethod
    def standing(cls, wait=True):
        """The template as it stands, or a new one. Raises RuntimeError where it does not start."""
        template = cls.one
        if template is None or template.owner != os.getpid() or template.process.poll() is not None:
            if template is not None:
                template.close()
            template = cls.one = cls()
        if wait and not template.ready:
            template.socket.settimeout(START)
            if _heard(template.socket, 1) != b"r":
                template.close()
                template.log.seek(0)
                last = template.log.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
                raise RuntimeError(
                    "the process that runs checks did not start "
                    f"({last or f'nothing in {START} s'}): "
                    f"restart the kernel, and see whether `import torch` works"
                )
            template.ready = True
        return template

    def send(self, request, pipes):
        """Hands a call over → its process number. Raises RuntimeError for a lost template."""
        self.socket.settimeout(START)
        try:
            socket.send_fds(self.socket, [b"c"], pipes)
            self.socket.sendall(PLACES.pack(len(request)) + request)
        except OSError:
            number = b""
        else:
            number = _heard(self.socket, 8)
        if len(number) < 8:
            self.close()
            raise RuntimeError("the process that runs checks was lost: run the cell again")
        return PLACES.unpack(number)[0]

    def reap(self, number):
        """Ends a call's whole process group → its exit code or −signal; −9 for a lost template."""
        for target in (os.killpg, os.kill):
            try:
                target(number, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):  # gone, or (macOS) a zombie
                continue
        self.socket.settimeout(5)
        try:
            self.socket.sendall(b"e")
            status = _heard(self.socket, 8)
        except OSError:
            status = b""
        if len(status) < 8:  # killed or stopped by the student's function
            self.close()
            return -signal.SIGKILL
        return os.waitstatus_to_exitcode(PLACES.unpack(status)[0])

    def close(self):
        """Ends the template. A copy in a fork of the owner only lets go of it."""
        _Template.one = None if _Template.one is self else _Template.one
        self.socket.close()
        if self.owner != os.getpid():
            return
        try:
            self.process.wait(2)  # it ends the call that is under way, and then itself
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class _Fresh(_Process):
    """A call in a new process: for systems without fork. A spare one is started for the next."""

    spare = None

    def __init__(self, request):
        self.process, _Fresh.spare = _Fresh.spare or self.start(), None
        self.number, self.news = self.process.pid, threading.Event()
        output, result = os.dup(self.process.stdout.fileno()), os.dup(self.process.stderr.fileno())
        self.process.stdout.close()
        self.process.stderr.close()
        if os.read(result, 1) != b"r":
            raise RuntimeError(
                "a process that runs checks did not start: restart the kernel, and see whether "
                "`import torch` works"
            )
        self.result = _Reader(result, LARGEST + 2**20, self.news)
        self.output = _Reader(output, 4 * 10**6, self.news)
        try:
            self.process.stdin.write(request)
            self.process.stdin.close()
        except OSError:  # it ended at once; what follows will tell
            pass

    @staticmethod
    def start():
        return _python(
            "worker.once()", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def end(self):
        if self.result.closed and not self.result.whole():  # let it tell how it ended
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                pass
        if os.name == "nt":
            subprocess.run(
                ["taskkill", "/F", "/T", "/PID", str(self.number)], capture_output=True, check=False
            )
        elif self.process.poll() is None:
            os.killpg(self.number, signal.SIGKILL)
        self.process.wait()
        self.join()
        _Fresh.spare = self.start()

    def status(self):
        return self.process.returncode


def _python(code, **streams):
    """A Python process that runs this line of `worker`, out of reach of the stop button."""
    home = Path(__file__).parent.parent.parent
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    return subprocess.Popen(
        [sys.executable, "-c", f"from sslkit.checks import worker; {code}"],
        cwd=home,
        env={**os.environ, **threads},
        start_new_session=True,
        **streams,
    )


def _heard(source, number):
    """So many bytes of a socket, or b"" where it closes or stays silent."""
    parts = b""
    try:
        while len(parts) < number:
            part = source.recv(number - len(parts))
            if not part:
                return b""
            parts += part
    except OSError:
        return b""
    return parts


def _starved(number, seconds):
    """Whether a process is ready to run and has had less than so many seconds (Linux only)."""
    try:
        state, *fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    spent = (int(fields[10]) + int(fields[11])) / os.sysconf("SC_CLK_TCK")  # user and system time
    return state == "R" and spent < seconds


def _resident(number):
    """Bytes of memory that a process holds; 0 where it has ended, or the system does not tell."""
    try:
        return int(Path(f"/proc/{number}/statm").read_text().split()[1]) * os.sysconf(
            "SC_PAGE_SIZE"
        )
    except (OSError, IndexError):
        if sys.platform != "darwin":
            return 0
    told = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(number)], capture_output=True, text=True, check=False
    )
    return 1024 * int(told.stdout.strip() or 0)


@atexit.register
def _close():
    if _Template.one is not None:
        _Template.one.close()
    if _Fresh.spare is not None:
        _Fresh.spare.kill()
        _Fresh.spare.wait()
