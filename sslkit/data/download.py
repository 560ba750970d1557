"""Downloads that either end in a whole, verified file or leave nothing under its name."""

import hashlib
import http.client
import os
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path

from filelock import FileLock
from tqdm.auto import tqdm


class TooSlow(OSError):
    """A source that is left because another one is still untried."""


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, request, file, code, message, headers, target):
        if request.full_url.startswith("https:") and not target.startswith("https:"):
            raise urllib.error.URLError(f"redirects from https to {target.split(':')[0]}, which anyone on the way can change")
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
    right does the file get its name. A source below `minimum_rate` bytes a second after `patience` seconds is left while
    another is untried; one that is silent for `patience` seconds is left. Raises OSError: a full disk, or what every
    source did wrong.
    """
    path, sources = Path(path), [sources] if isinstance(sources, str) else list(sources)
    part = path.with_name(path.name + ".part")
    check_space(path.parent, size - (part.stat().st_size if part.exists() else 0))
    tried = []
    with FileLock(f"{part}.lock"):
        if path.exists() and path.stat().st_size == size and _sha256(path) == sha256:
            return path                                             # another process was faster
        for source in sources:
            rate = minimum_rate if source != sources[-1] else 0
            try:
                resumed = part.exists()
                _fetch_all(source, part, size, rate, patience)
                if resumed and _sha256(part) != sha256:             # the old beginning may be to blame: once from the start
                    part.unlink()
                    _fetch_all(source, part, size, rate, patience)
                if _sha256(part) != sha256:
                    part.unlink()
                    raise ValueError(f"sent {size} bytes with the wrong SHA-256")
            except (OSError, ValueError, http.client.HTTPException) as error:
                tried.append(f"{source}: {getattr(error, 'reason', None) or error or type(error).__name__}")
            else:
                os.replace(part, path)
                return path
    raise OSError(f"{path.name} could not be downloaded ({'; '.join(tried)}). Try again later (what came is kept and "
                  f"gone on from), or put the file into {path.parent} by hand")


def _fetch_all(source, part, size, minimum_rate, patience):
    """Ask again for what is missing, as long as every answer brings something."""
    had = -1
    while (have := part.stat().st_size if part.exists() else 0) < size:
        if have <= had:
            raise ValueError(f"stopped after {have} of {size} bytes")
        had = have
        try:
            _fetch(source, part, size, minimum_rate, patience)
        except TooSlow:
            raise
        except (OSError, http.client.HTTPException):
            if not part.exists() or part.stat().st_size <= had:
                raise


def _fetch(source, part, size, minimum_rate, patience):
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(source, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.build_opener(_NoDowngrade).open(request, timeout=patience) as answer:
        if answer.status != 206 or not (answer.headers["Content-Range"] or "").startswith(f"bytes {have}-"):
            have = 0                                                # the whole file comes, whatever was asked for
        if answer.headers.get_content_type() == "text/html":
            raise ValueError("sent a web page instead of the file")
        coming = have + int(answer.headers["Content-Length"] or size - have)
        if coming != size:
            raise ValueError(f"offers {coming} bytes, expected {size}")
        start, got = time.monotonic(), 0
        with open(part, "r+b" if have else "wb") as file, tqdm(
                total=size, initial=have, unit="B", unit_scale=True, desc=part.stem) as bar:
            file.seek(have)
            while chunk := answer.read1(1 << 16):
                got += len(chunk)
                if have + got > size:
                    raise ValueError(f"sent more than the {size} bytes expected")
                file.write(chunk)
                bar.update(len(chunk))
                passed = time.monotonic() - start
                if passed > patience and got < minimum_rate * passed:
                    raise TooSlow(f"gave only {got / passed / 1000:.0f} kB a second")


def _sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
