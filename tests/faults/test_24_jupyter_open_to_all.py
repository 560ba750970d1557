"""Jupyter started with an empty token, on all addresses, or on a port that somebody else holds

What the user sees: `make lab` listens on 127.0.0.1 alone and asks for a fresh token, whatever the
user's own Jupyter configuration says. Where the port is taken it ends, says so, and prints no link.
"""

import json
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

LAB = Path(__file__).parents[2] / "tools" / "lab.py"
OPEN = """
c.ServerApp.ip = "0.0.0.0"
c.ServerApp.token = ""
c.ServerApp.password = ""
c.IdentityProvider.token = ""
c.PasswordIdentityProvider.token = ""
c.PasswordIdentityProvider.hashed_password = ""
c.PasswordIdentityProvider.password_required = False
c.ServerApp.allow_origin = "*"
c.ServerApp.allow_remote_access = True
c.ServerApp.disable_check_xsrf = True
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def started(port, folder, monkeypatch):
    """`tools/lab.py` of a user whose own configuration leaves every door open."""
    config = folder / "config"
    config.mkdir()
    for name in (
        "jupyter_config",
        "jupyter_server_config",
        "jupyter_lab_config",
        "jupyter_notebook_config",
    ):
        (config / f"{name}.py").write_text(OPEN)
    (config / "jupyter_server_config.json").write_text(
        json.dumps({"IdentityProvider": {"token": ""}})
    )
    for name, value in (
        ("JUPYTER_CONFIG_DIR", config),
        ("JUPYTER_RUNTIME_DIR", folder / "runtime"),
        ("HOME", folder),
    ):
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("JUPYTER_TOKEN", raising=False)
    return subprocess.Popen(
        [sys.executable, str(LAB), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def status(address):
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_users_open_configuration_lets_nobody_in(tmp_path, monkeypatch):
    pytest.importorskip("jupyterlab", reason="pip install -e .[lab]")
    port = free_port()
    process = started(port, tmp_path, monkeypatch)
    try:
        link = next(line for line in process.stdout if line.startswith("open "))
        token = re.search(r"token=([0-9a-f]{48})$", link.strip())[1]
        api = f"http://127.0.0.1:{port}/api/contents"
        assert (
            status(api) == 403
            and status(f"{api}?token=") == 403
            and status(f"{api}?token=wrong") == 403
        )
        assert status(f"{api}?token={token}") == 200
        if Path("/proc").is_dir():
            shown = [
                Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ")
            ]
            assert all(token.encode() not in text for text in shown)
            listening = [
                line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
            ]
            assert [
                row[1] for row in listening if row[1].endswith(f":{port:04X}") and row[3] == "0A"
            ] == [f"0100007F:{port:04X}"]
    finally:
        process.kill()
        process.communicate()


def test_a_port_that_is_taken_gets_no_link(tmp_path, monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        output, _ = started(other.getsockname()[1], tmp_path, monkeypatch).communicate(timeout=120)
    assert "token=" not in output and "choose another: make lab PORT=" in output
