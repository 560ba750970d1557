"""JupyterLab on the notebooks, for this machine alone: python tools/lab.py [port]

The token is handed over inside this process, as an option of the command line would be: that wins over whatever the
user's own configuration of Jupyter says, an empty token among it, and neither `ps` nor a notebook's environment shows
it. The link is printed once the server listens; a port that is taken ends it, since the link would carry the token to
whoever listens there.
"""

import os
import secrets
import socket
import sys
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def options(port: int, token: str) -> list[str]:
    """What must be so, whatever a configuration file says."""
    return [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.sock=",
        "--ServerApp.open_browser=False",
        f"--ServerApp.root_dir={NOTEBOOKS}",
        f"--ServerApp.allow_root={hasattr(os, 'geteuid') and os.geteuid() == 0}",
        "--ServerApp.identity_provider_class=jupyter_server.auth.identity.PasswordIdentityProvider",
        f"--IdentityProvider.token={token}",
        f"--PasswordIdentityProvider.token={token}",
        "--ServerApp.allow_remote_access=False",
        "--ServerApp.disable_check_xsrf=False",
        "--ServerApp.allow_origin=",
        "--ServerApp.allow_origin_pat=",
        "--ServerApp.certfile=",
        "--ServerApp.base_url=/",
    ]


def taken(port: int) -> bool:
    """Whether somebody on this machine listens there already."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main(port: int = 8888) -> None:
    """Serves until it is interrupted. Exits with a sentence where the port is taken."""
    if taken(port):  # before seconds go by; the server asks for itself again
        sys.exit(f"port {port} is taken: choose another: make lab PORT={port + 1}")
    from jupyterlab.labapp import LabApp

    token = secrets.token_hex(24)
    try:
        server = LabApp.initialize_server(argv=options(port, token))
    except SystemExit as error:
        sys.exit(error.code and "JupyterLab did not start: see above")
    # The server asks for its port in the first callback of its loop; this is a later one, which is not reached without.
    link = f"http://127.0.0.1:{port}/lab/tree/00_start_here.ipynb?token={token}"
    server.io_loop.add_callback(print, f"open  {link}", flush=True)
    server.start()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
