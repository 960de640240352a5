# SPDX-License-Identifier: Apache-2.0
"""Regions that are real processes, and a real leewardd in front of them, for end-to-end tests."""
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SOURCE = pathlib.Path(os.environ.get("LEEWARD_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
BIN = pathlib.Path(os.environ.get("LEEWARD_BIN", SOURCE / "build" / "dev" / "bin"))
sys.path.insert(0, str(SOURCE / "examples" / "two-regions"))
from dns_client import DnsError, Resolver  # noqa: E402

PATIENCE_S = 30  # how long anything may take before a test gives up; never how long it should

TARGET = """
import http.server, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True
    def handle_error(self, *_): pass
server = Server((sys.argv[1], int(sys.argv[2])), Handler)
print("ready", flush=True)
server.serve_forever()
"""


PORTS = random.Random()  # its own: tests seed the shared one
handed_out = set()


def free_port():
    """A port that is free for both UDP and TCP, and was not handed out before. Below the range from
    which the system picks the near ends of connections, so that none of those takes it meanwhile."""
    while True:
        port = PORTS.randrange(10_000, 32_000)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in handed_out:
            handed_out.add(port)
            return port


def wait_for(condition, what, patience_s=PATIENCE_S):
    deadline = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"gave up waiting for {what}")
        time.sleep(0.01)


class Region:
    """The web server of one region."""

    def __init__(self, name, address, port):
        self.name, self.address, self.port = name, address, port
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-c", TARGET, self.address, str(self.port)],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.process.stdout.readline()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)


class World:
    """Two regions and a daemon in a directory of its own. Use as a context manager."""

    def __init__(self, mode="active-passive", failover="", api="", log="", hostname="app.example.test"):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="leeward-e2e-"))
        port = free_port()
        self.regions = [Region("GRA11", "127.0.111.1", port), Region("RBX-A", "127.0.111.2", port)]
        self.hostname = hostname
        self.dns_port, self.api_port = free_port(), free_port()
        self.settings = {"mode": mode, "failover": failover, "api": api, "log": log, "ttl": "5s", "extra": ""}
        self.config = self.directory / "leeward.yaml"
        self.write_config()
        self.daemon = None
        self.resolver = Resolver(("127.0.0.1", self.dns_port), timeout_s=1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.resolver.close()
        if self.daemon and self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()
        for region in self.regions:
            region.thaw()
            if region.process.poll() is None:
                region.kill()

    def write_config(self, **changes):
        self.settings.update(changes)
        s = self.settings
        check = f"check: {{ type: HTTP, port: {self.regions[0].port}, path: /healthz }}"
        self.config.write_text(f"""
node: {{ id: e2e-1 }}
state: {{ sqlite: state.db }}
dns: {{ listen: ["127.0.0.1:{self.dns_port}"], workers: 1 }}
api: {{ listen: "127.0.0.1:{self.api_port}"{s['api']} }}
{s['log']}
defaults:
  check: {{ interval: 100ms, timeout: 200ms, failure_threshold: 3, success_threshold: 3, confirm: {{ spacing: 20ms }} }}
regions: {{ GRA11: {{}}, RBX-A: {{}} }}
applications:
  shop:
    hostname: {self.hostname}
    mode: {s['mode']}
    ttl: {s['ttl']}
    regions:
      - {{ region: GRA11, address: {self.regions[0].address}, {check} }}
      - {{ region: RBX-A, address: {self.regions[1].address}, {check} }}
    failover: {{ automatic: true, confirm_window: 0s, quorum: {{ required: 1 }}, hold_down: 0s, lockout: {{ moves: 0 }}, failback: manual{s['failover']} }}
{s['extra']}
""")

    # ---- the daemon ----

    def start(self, wait=True, environment=None):
        self.log = self.directory / "log"
        with open(self.log, "ab") as log:
            self.daemon = subprocess.Popen([BIN / "leewardd", "--config", self.config], stdout=log, stderr=log,
                                           env={**os.environ, **(environment or {})})
        if wait:
            wait_for(lambda: self.daemon.poll() is None and self.ready() or self.crashed(), "leewardd to be ready")
            wait_for(lambda: all(self.health(r.name) == "healthy" for r in self.regions if r.process.poll() is None),
                     "the regions to be healthy")

    def crashed(self):
        if self.daemon.poll() is not None:
            raise AssertionError(f"leewardd ended with {self.daemon.returncode}:\n{self.log.read_text()}")
        return False

    def ready(self):
        try:
            return self.get("/readyz") is not None
        except OSError:
            return False

    def kill(self):
        self.daemon.kill()
        self.daemon.wait()

    def run_to_end(self):
        """For daemons that cannot start: (exit status, what they said)."""
        outcome = subprocess.run([BIN / "leewardd", "--config", self.config], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S, check=False)
        return outcome.returncode, outcome.stdout

    # ---- questions ----

    def request(self, method, path, body=None, headers=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.api_port}{path}", method=method,
                                         data=json.dumps(body).encode() if body is not None else None,
                                         headers={"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def get(self, path):
        status, text = self.request("GET", path)
        if status != 200:
            return None
        return json.loads(text) if text.startswith(("{", "[")) else text

    def cli(self, *arguments):
        """`leeward` as a user types it; returncode, stdout, stderr."""
        return subprocess.run([BIN / "leeward", "--api", f"http://127.0.0.1:{self.api_port}", *arguments],
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def metrics(self):
        return self.request("GET", "/metrics")[1]

    def application(self, name="shop"):
        return self.get(f"/v1/applications/{name}")

    def epoch(self):
        return self.application()["assignment"]["epoch"]

    def health(self, region):
        return next(r["health"] for r in self.application()["regions"] if r["region"] == region)

    def move(self, kind, **body):
        status, text = self.request("POST", f"/v1/applications/shop/{kind}", body)
        return status, json.loads(text)

    def answer(self, name=None):
        """The addresses that DNS answers, or None."""
        try:
            return self.resolver.query(name or self.hostname)[0]
        except DnsError:
            return None

    def wait_answer(self, region, patience_s=PATIENCE_S):
        wait_for(lambda: self.answer() == [region.address], f"DNS to answer {region.name}", patience_s)

    def journal(self):
        lines, start = [], 0
        while start is not None:
            status, text = self.request("GET", f"/v1/journal?from={start}&limit=1000")
            assert status == 200, text
            page = text.splitlines()
            lines += page
            start = json.loads(page[-1])["sequence"] + 1 if len(page) == 1000 else None
        return lines

    def replay(self):
        """(exit status, output) of `leeward replay` on the journal."""
        outcome = subprocess.run([BIN / "leeward", "replay", "-"], input="\n".join(self.journal()) + "\n",
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S,
                                 check=False)
        return outcome.returncode, outcome.stdout
