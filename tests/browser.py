"""JupyterLab in headless Chromium, as a reader has it: start a server, open a notebook, run it, wait until it is quiet."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
CELL = "window.jupyterapp.shell.currentWidget"
# The page has one message to the kernel under way and merges the rest, so the kernel looks idle between two redraws:
# what counts is a while without any work.
QUIET = """async ([quiet, limit]) => {
    const start = performance.now(); let since = start;
    while (performance.now() - start < limit) {
        if (window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status !== 'idle') since = performance.now();
        if (performance.now() - since > quiet) return true;
        await new Promise(resolve => setTimeout(resolve, 20));
    }
    return false;
}"""
READY = f"() => window.jupyterapp && {CELL} && {CELL}.sessionContext?.session?.kernel?.status === 'idle'"
STDERR = ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']"      # plain stderr and tracebacks alike


def chromium():
    """Path of the browser, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def notebook_of(path, *cells):
    """Writes a notebook of these cells of code → its path."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}      # else the page asks for one
    code = [nbformat.v4.new_code_cell(cell.strip()) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=code, metadata={"kernelspec": kernel}), path)
    return path


class Lab:
    """A JupyterLab server on 127.0.0.1 with a token of its own, settings of its own, and an empty folder to serve."""

    def __init__(self, home):
        self.root, self.token = home / "root", secrets.token_hex(16)
        self.root.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        overrides = home / "config" / "labconfig"
        overrides.mkdir(parents=True)
        (overrides / "default_setting_overrides.json").write_text(json.dumps({      # no pop-up over the page, every cell drawn
            "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
            "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
            "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}}))
        folders = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython",
                   "MPLCONFIGDIR": "matplotlib", "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
        environment = {**os.environ, "JUPYTER_TOKEN": self.token, **{name: str(home / folder) for name, folder in folders.items()}}
        self.log = home / "lab.log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={self.port}", "--ServerApp.port_retries=0",
             f"--ServerApp.root_dir={self.root}", "--LabApp.expose_app_in_browser=True", "--allow-root"],
            stdout=self.log.open("wb"), stderr=subprocess.STDOUT, env=environment, start_new_session=True)
        try:
            self._wait(90)
        except TimeoutError:                               # nobody holds a server that failed to start: it would live on
            self.stop()
            raise

    def _wait(self, limit):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"JupyterLab ended: {self.log.read_text()[-2000:]}")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/status?token={self.token}", timeout=2)
                return
            except OSError:
                time.sleep(0.2)
        raise TimeoutError(f"JupyterLab did not answer in {limit} s: {self.log.read_text()[-2000:]}")

    def stop(self):
        """Ends the server and every kernel it started."""
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


class Notebook:
    """A notebook opened in a page: a copy, so that the browser never writes over the project's own."""

    def __init__(self, lab, browser, path):
        shutil.copy(path, lab.root / path.name)
        self.page = browser.new_page(viewport={"width": 1280, "height": 1500})
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"http://127.0.0.1:{lab.port}/doc/tree/{path.name}?token={lab.token}&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
        self.page.wait_for_function(READY, timeout=120_000)

    def run_all(self):
        """Runs every cell; fails where one raised or wrote to stderr."""
        finished = self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
        problems = [cell.inner_text()[-1500:] for cell in self.page.locator(STDERR).all()]
        assert finished is True and not problems, f"a cell raised or wrote to stderr: {problems}"
        self.quiet()

    def quiet(self):
        assert self.page.evaluate(QUIET, [400, 90_000]), "the kernel never went quiet"

    def close(self):
        self.page.evaluate(f"async () => {{ await {CELL}.sessionContext.shutdown(); }}")
        self.page.close()
