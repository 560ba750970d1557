"""A download that is cut off, crawls, stalls, drips, is refused, or brings a web page or another file

What the user sees: it goes on where it broke, from the next source where this one is too slow, and
ends within seconds where nothing comes, in one sentence with what can be done instead. A file has
its name only once it is whole and right. This holds for every data set.
"""

import functools
import hashlib
import http.server
import importlib
import inspect
import io
import re
import shutil
import stat
import tarfile
import threading
import time
import urllib.error
import urllib.request
from collections import namedtuple

import pytest

from small import photo
from sslkit.data import folders, imagenette, stl10
from sslkit.data.download import check_space, data_folder, download, npm_pack

module = importlib.import_module("sslkit.data.download")
CONTENT = bytes(range(256)) * 1000
WHOLE = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}


@pytest.fixture
def server():
    """Serves CONTENT under names of faults; `server.asked` lists (path, Range)."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers["Range"]
            self.server.asked.append((self.path, asked))
            start = int(asked[6:-1]) if asked and self.path != "/no-ranges" else 0
            if self.path == "/missing":
                return self.send_error(404)
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/good")
                return self.end_headers()
            bodies = {
                "/wrong": b"?" + CONTENT[1:],
                "/page": b"<html>sorry</html>",
                "/short": CONTENT[:-9],
            }
            body = {**bodies, **self.server.bodies}.get(self.path, CONTENT)
            self.send_response(206 if start else 200)
            self.send_header(
                "Content-Type", "text/html" if self.path == "/page" else "application/octet-stream"
            )
            if self.path != "/unsized":
                self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            body = body[start:]
            if self.path in ("/cut", "/no-ranges"):
                body = body[:100_000]  # the line breaks
            if self.path == "/unsized":
                body += b"and more"
            try:
                for first in range(0, len(body), 1000 if self.path == "/slow" else len(body)):
                    self.wfile.write(body[first : first + 1000] if self.path == "/slow" else body)
                    if self.path == "/slow":
                        time.sleep(0.05)
            except OSError:
                pass  # the client has left

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked, running.bodies, running.daemon_threads = [], {}, True
        running.at = lambda name: f"http://127.0.0.1:{running.server_port}/{name}"
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


def left(folder):
    return sorted(file.name for file in folder.iterdir() if not file.name.endswith(".lock"))


def test_a_whole_file_gets_its_name_and_is_not_fetched_again(server, tmp_path):
    for _ in range(2):
        assert download(server.at("good"), tmp_path / "file", **WHOLE).read_bytes() == CONTENT
    assert left(tmp_path) == ["file"] and len(server.asked) == 1


def test_redirects_are_followed(server, tmp_path):
    assert download(server.at("moved"), tmp_path / "file", **WHOLE).read_bytes() == CONTENT


def test_a_broken_line_is_taken_up_where_it_broke(server, tmp_path):
    assert download(server.at("cut"), tmp_path / "file", **WHOLE).read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == [None, "bytes=100000-", "bytes=200000-"]


def test_a_later_call_goes_on_from_what_was_kept(server, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT[:777])
    assert download(server.at("good"), tmp_path / "file", **WHOLE).read_bytes() == CONTENT
    assert server.asked == [("/good", "bytes=777-")]


@pytest.mark.parametrize("part", [b"rubbish", b"rubbish" * 100_000])
def test_a_wrong_beginning_is_thrown_away(server, tmp_path, part):
    (tmp_path / "file.part").write_bytes(part)
    assert download(server.at("good"), tmp_path / "file", **WHOLE).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "fault, says",
    [
        ("missing", "Not Found"),
        ("wrong", "wrong SHA-256"),
        ("page", "web page"),
        ("short", "offers 255991 bytes"),
        ("no-ranges", "stopped after 100000 of 256000"),
        ("unsized", "more than the 256000 bytes"),
    ],
)
def test_every_fault_is_named_nothing_gets_the_name_and_the_next_source_is_tried(
    server, tmp_path, fault, says
):
    with pytest.raises(OSError, match=says):
        download(server.at(fault), tmp_path / "file", **WHOLE)
    assert not (tmp_path / "file").exists()
    assert (
        download([server.at(fault), server.at("good")], tmp_path / "file", **WHOLE).read_bytes()
        == CONTENT
    )
    assert left(tmp_path) == ["file"]


def test_a_slow_source_is_left_only_while_another_is_untried(server, tmp_path):
    slow = {"minimum_rate": 10_000_000, "patience": 0.3}
    download([server.at("slow"), server.at("good")], tmp_path / "file", **WHOLE, **slow)
    assert [path for path, _ in server.asked] == ["/slow", "/good"]
    assert server.asked[1][1] is not None  # and what it gave is kept
    (tmp_path / "file.part").write_bytes(CONTENT[:-20_000])
    (tmp_path / "file").unlink()
    assert download(server.at("slow"), tmp_path / "file", **WHOLE, **slow).read_bytes() == CONTENT


HANGS = ("silent", "head-drip", "stall", "stall-again", "drip", "chunks-drip")


@pytest.fixture
def hanging():
    """A server that does not end: it accepts and says nothing, or says it letter by letter, or stops in the middle."""
    over = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path[1:]
            start = int(self.headers["Range"][6:-1]) if self.headers["Range"] else 0
            head = (
                f"HTTP/1.1 {'206 Partial' if start else '200 OK'}\r\n"
                + (
                    "Transfer-Encoding: chunked\r\n"
                    if name == "chunks-drip"
                    else f"Content-Length: {len(CONTENT) - start}\r\n"
                )
                + "\r\n"
            ).encode()
            try:
                if name == "head-drip":
                    self.drip(head[:20] + b"X-Filler: " + b"x" * 10_000)
                elif name != "silent":
                    self.wfile.write(head)
                if name in ("stall", "stall-again"):
                    self.wfile.write(CONTENT[start : start + 1000])
                    self.wfile.flush()
                if name == "drip":
                    self.drip(CONTENT[start:])
                if name == "chunks-drip":
                    self.drip(b"0" * 10_000)  # the length of the first chunk, which never ends
                over.wait(60 if name != "stall-again" else 0.1)
            except OSError:
                pass  # the client has left

        def drip(self, content):
            for letter in content:
                if over.wait(0.02):
                    return
                self.wfile.write(bytes([letter]))
                self.wfile.flush()

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        running.at = lambda name: f"http://127.0.0.1:{running.server_port}/{name}"
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        over.set()
        running.shutdown()


def in_time(function, seconds=60):
    """What the function raised. Far more than it may take; without the bound a fault would hang the tests."""
    raised = []

    def call():
        try:
            function()
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "it is still going"
    return raised[0]


@pytest.mark.parametrize("fault", HANGS)
def test_whatever_a_server_does_it_ends(hanging, tmp_path, fault):
    error = in_time(lambda: download(hanging.at(fault), tmp_path / "file", **WHOLE, patience=0.3))
    assert isinstance(error, OSError) and re.search(
        "silent for 0.6 s|timed out|gave only .* kB a second", str(error)
    ), error
    assert not (tmp_path / "file").exists()


def test_the_limits_of_every_data_set_end_within_twenty_seconds():
    """By arithmetic: npm's patience, or a first source's, and twice that of the last one."""
    settings = lambda function: {
        name: value.default for name, value in inspect.signature(function).parameters.items()
    }
    last = 2 * settings(download)["patience"]
    assert (
        settings(npm_pack)["patience"] + last <= 20 and settings(download)["patience"] + last <= 20
    )


@pytest.mark.parametrize("load, kind", [(stl10, "stl10"), (imagenette, "160px")])
@pytest.mark.parametrize(
    "fault, says",
    [
        ("silent", "silent for|timed out"),
        ("drip", "gave only"),
        ("stall", "silent|gave only|timed out"),
    ],
)
def test_so_do_the_larger_data_sets(hanging, tmp_path, monkeypatch, load, kind, fault, says):
    short = functools.partial(download, patience=0.3)
    monkeypatch.setattr(folders, "download", short)
    archive = folders.ARCHIVES[kind]
    monkeypatch.setattr(
        folders,
        "ARCHIVES",
        {kind: archive._replace(address=hanging.at(fault), size=len(CONTENT), unpacked=1e6)},
    )
    error = in_time(lambda: load(folder=tmp_path))
    assert isinstance(error, OSError) and re.search(
        f"could not be downloaded.*({says}).*Use `scenes`", str(error)
    ), error
    assert not any(file.suffix in (".gz", ".tgz") for file in tmp_path.iterdir())


@pytest.mark.parametrize("load, kind", [(stl10, "stl10"), (imagenette, "160px")])
@pytest.mark.parametrize(
    "fault, says",
    [
        ("page", "web page"),
        ("short", "offers 255991 bytes"),
        ("wrong", "wrong SHA-256"),
        ("missing", "Not Found"),
    ],
)
def test_and_keep_nothing_wrong_under_the_final_name(
    server, tmp_path, monkeypatch, load, kind, fault, says
):
    archive = folders.ARCHIVES[kind]
    address = server.at(fault)
    monkeypatch.setattr(
        folders,
        "ARCHIVES",
        {
            kind: archive._replace(
                address=address, sha256=WHOLE["sha256"], size=len(CONTENT), unpacked=1e6
            )
        },
    )
    with pytest.raises(OSError, match=f"could not be downloaded.*{says}.*Use `scenes`"):
        load(folder=tmp_path)
    assert not (tmp_path / fault).exists()


def test_a_larger_data_set_is_fetched_unpacked_and_read(server, tmp_path, monkeypatch):
    with tarfile.open(tmp_path / "made", "w:gz") as tar:
        for split in ("train", "val"):
            photo().save(content := io.BytesIO(), "JPEG")
            member = tarfile.TarInfo(f"imagenette2-160/{split}/n01440764/y.JPEG")
            member.size = len(content.getvalue())
            tar.addfile(member, io.BytesIO(content.getvalue()))
    body = (tmp_path / "made").read_bytes()
    server.bodies["/good"] = body
    archive = folders.ARCHIVES["160px"]._replace(
        address=server.at("good"), sha256=hashlib.sha256(body).hexdigest(), size=len(body)
    )
    monkeypatch.setattr(folders, "ARCHIVES", {"160px": archive})
    for _ in range(2):
        ours = imagenette("validation", folder=tmp_path / "data", size=24)
        assert ours.images.shape == (1, 3, 24, 24) and ours.classes == ("tench",)
    assert len(server.asked) == 1


def test_a_disk_that_takes_no_more_is_not_blamed_on_the_source(server, tmp_path, monkeypatch):
    def full(file, chunk):
        raise module.Unwritable(28, "No space left on device", file.name)

    monkeypatch.setattr(module, "_write", full)
    with pytest.raises(OSError, match="No space left on device.*file.part"):
        download([server.at("good"), server.at("moved")], tmp_path / "file", **WHOLE)
    assert [path for path, _ in server.asked] == ["/good"]


def test_without_a_network_every_source_is_listed_in_one_sentence(tmp_path):
    closed = ["http://127.0.0.1:9/a", "http://127.0.0.1:9/b"]
    with pytest.raises(OSError, match="file could not be downloaded to .*9/a: .*9/b: "):
        download(closed, tmp_path / "file", **WHOLE)
    assert left(tmp_path) == []


def test_https_never_becomes_http():
    request = urllib.request.Request("https://example.org/a")
    redirect = lambda target: module._NoDowngrade().redirect_request(
        request, None, 302, "Found", {}, target
    )
    with pytest.raises(urllib.error.URLError, match="redirects from https to http"):
        redirect("http://example.org/a")
    assert redirect("https://example.org/b").full_url == "https://example.org/b"


def test_a_full_disk_is_noticed_first(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")(10, 10, 1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(OSError, match=rf"disk full: needs 5 MB, {tmp_path} has 1 MB"):
        check_space(tmp_path, 5e6)


def test_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("SSLKIT_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    monkeypatch.delenv("SSLKIT_DATA")
    monkeypatch.setattr(module, "__file__", str(tmp_path / "sslkit" / "data" / "download.py"))
    assert data_folder().parts[-2:] == (".cache", "sslkit")
    (tmp_path / "pyproject.toml").touch()
    assert data_folder() == tmp_path / "data"


def fake_npm(folder, monkeypatch, script):
    npm = folder / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(npm.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(shutil, "which", lambda name: str(npm))


def test_npm_pack(tmp_path, monkeypatch):
    fake_npm(tmp_path, monkeypatch, 'echo "$1 $2" > name-1.0.0.tgz')
    assert npm_pack("name@1.0.0", tmp_path / "got.tgz", size=10).read_text() == "pack name@1.0.0\n"
    assert left(tmp_path) == ["got.tgz", "npm"]


@pytest.mark.parametrize(
    "script, says",
    [
        ("echo E404 no such package; exit 1", "failed: E404"),
        ("exit 0", "failed"),
        ("exec sleep 60", "too slow"),
        ("while true; do printf 12345 >> got; sleep 0.05; done", "too slow"),
    ],
)
def test_npm_that_fails_or_hangs_or_crawls_is_left(tmp_path, monkeypatch, script, says):
    fake_npm(tmp_path, monkeypatch, script)
    with pytest.raises(OSError, match=says):
        npm_pack("name@1.0.0", tmp_path / "got.tgz", size=10_000, patience=0.5)
    assert left(tmp_path) == ["npm"]
