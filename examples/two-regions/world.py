# SPDX-License-Identifier: Apache-2.0
"""The two-region world: per region a DynamoDB Local, Leeward's gateway in front of it, a replicator
that pulls from the other region, and the items service; beside them one leewardd. Everything is a
real process that can be killed or frozen.
"""
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = "items"
HOSTNAME = "app.example.test"
SERVICE_PORT = 8080
HEALTH_PORT = 8081
DNS_PORT = 5353
API_PORT = 8053

# name, DynamoDB region, DynamoDB Local's port
REGIONS = {"GRA11": ("eu-west-3", 8101), "RBX-A": ("eu-central-1", 8102)}
GATEWAY_PORTS = {"GRA11": 8201, "RBX-A": 8202}
CONTROL_PORTS = {"GRA11": 8301, "RBX-A": 8302}  # of the gateways: faults, metrics

# As in leeward.yaml.in: what the service must agree with.
LEASE_MS = 600

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo"}


class WorldError(Exception):
    """What went wrong and what to do, for a person."""


def die_with_parent():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no orphans if the demo itself is killed


class Process:
    """One program of the world, restartable with the same command line."""

    def __init__(self, name, command, environment, log_path, keep):
        self.name = name
        self.command = [str(part) for part in command]
        self.environment = {**os.environ, **{k: str(v) for k, v in environment.items()}}
        self.log_path = log_path
        self.keep = keep
        self.popen = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(
                self.command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=None if self.keep else die_with_parent)

    def send(self, number):
        if self.popen and self.popen.poll() is None:
            os.kill(self.popen.pid, number)

    def kill(self):
        self.send(signal.SIGKILL)
        if self.popen:
            self.popen.wait()

    def stop(self, patience_s=5):
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        if self.popen:
            try:
                self.popen.wait(timeout=patience_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def check_alive(self):
        if self.popen and self.popen.poll() is not None:
            tail = self.log_path.read_text(errors="replace").strip().splitlines()[-5:]
            raise WorldError(f"{self.name} ended with status {self.popen.returncode}; its log "
                             f"{self.log_path} ends:\n  " + "\n  ".join(tail))


def wait_until(condition, what, processes=(), timeout_s=60.0, interval_s=0.02):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for process in processes:
            process.check_alive()
        if condition():
            return
        time.sleep(interval_s)
    raise WorldError(f"gave up after {timeout_s:.0f} s waiting for {what}")


def accepts(address, port):
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((address, port)) == 0


def http_status(url):
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


class Region:
    def __init__(self, name, processes):
        self.name = name
        self.processes = processes

    def kill(self):
        """SIGKILL to all at the same moment, then wait."""
        for process in self.processes:
            process.send(signal.SIGKILL)
        for process in self.processes:
            process.popen.wait()

    def freeze(self):
        for process in self.processes:
            process.send(signal.SIGSTOP)

    def thaw(self):
        for process in self.processes:
            process.send(signal.SIGCONT)

    def start(self):
        for process in self.processes:
            process.start()


class World:
    def __init__(self, directory, addresses, bin_directory, keep=False):
        self.directory = directory
        self.addresses = addresses
        self.bin = bin_directory
        self.keep = keep
        # In memory where that is possible: DynamoDB Local waits for the disk four times per write. It
        # outlives the kill of a region's processes all the same.
        memory = pathlib.Path("/dev/shm")
        self.data = pathlib.Path(tempfile.mkdtemp(
            prefix="leeward-world-", dir=memory if os.access(memory, os.W_OK) else directory))
        self.dns_server = (addresses["dns"], DNS_PORT)
        self.api = f"http://{addresses['dns']}:{API_PORT}"
        self.regions = {name: self._region(name) for name in REGIONS}
        self.leewardd = self._leewardd()

    # ---- what runs ----

    def _process(self, name, command, environment=None):
        log = self.directory / "logs" / f"{name}.log"
        return Process(name, command, environment or {}, log, self.keep)

    def _region(self, name):
        dynamodb_region, store_port = REGIONS[name]
        other = next(r for r in REGIONS if r != name)
        data = self.data / name
        data.mkdir(parents=True)
        store = self._process(
            f"dynamodb-{name}",
            [ROOT / "scripts" / "dynamodb-local", "run", "--port", store_port, "--db-path", data])
        gateway = self._process(
            f"gateway-{name}",
            [self.bin / "leeward-gateway", "--region", f"{name}=http://127.0.0.1:{store_port},{dynamodb_region}",
             "--listen", f"127.0.0.1:{GATEWAY_PORTS[name]}", "--control", f"127.0.0.1:{CONTROL_PORTS[name]}",
             "--peer", f"{other}=http://127.0.0.1:{GATEWAY_PORTS[other]},{REGIONS[other][0]}", "--table", TABLE],
            CREDENTIALS)
        # Its own store directly, the other's through its gateway, where drills can cut it off.
        replicator = self._process(
            f"replicator-into-{name}",
            [self.bin / "leeward-replicator", "--into", name, "--table", TABLE,
             "--region", f"{name}=http://127.0.0.1:{store_port},{dynamodb_region}",
             "--region", f"{other}=http://127.0.0.1:{GATEWAY_PORTS[other]},{REGIONS[other][0]}",
             "--state-dir", self.directory / "replicator" / name,
             "--status-file", self.directory / f"replication-into-{name}.json"],
            CREDENTIALS)
        (self.directory / "replicator" / name).mkdir(parents=True)
        service = self._process(
            f"service-{name}", [self.bin / "items-service"],
            {**CREDENTIALS, "APP_REGION": name, "AWS_REGION": dynamodb_region, "TABLE": TABLE,
             "CREATE_TABLE": "1", "DYNAMODB_ENDPOINT": f"http://127.0.0.1:{GATEWAY_PORTS[name]}",
             "APPLICATION": "shop", "FENCING": "transaction", "LEASE_MS": LEASE_MS,
             "APP_ADDRESS": self.addresses[name], "APP_PORT": SERVICE_PORT,
             "HEALTH_ADDRESS": self.addresses[name], "HEALTH_PORT": HEALTH_PORT})
        return Region(name, [store, gateway, service, replicator])

    def _leewardd(self):
        template = (pathlib.Path(__file__).parent / "leeward.yaml.in").read_text()
        values = {"STATE": self.directory / "state.db", "DNS": f"{self.addresses['dns']}:{DNS_PORT}",
                  "API": f"{self.addresses['dns']}:{API_PORT}", "GRA11": self.addresses["GRA11"],
                  "RBX_A": self.addresses["RBX-A"], "HEALTH_PORT": HEALTH_PORT,
                  "GATEWAY_GRA11": GATEWAY_PORTS["GRA11"], "GATEWAY_RBX_A": GATEWAY_PORTS["RBX-A"], "LEASE": LEASE_MS,
                  "ZONE": pathlib.Path(__file__).parent / "example.test.zone",
                  "TOKEN": self.directory / "operator.token"}
        for key, value in values.items():
            template = template.replace(f"@{key}@", str(value))
        self.config = self.directory / "leeward.yaml"
        self.config.write_text(template)
        self.token_file = self.directory / "operator.token"
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(os.urandom(24).hex())
        return self._process("leewardd", [self.bin / "leewardd", "--config", self.config], CREDENTIALS)

    def processes(self):
        return [p for region in self.regions.values() for p in region.processes] + [self.leewardd]

    # ---- start and stop ----

    def start(self, say):
        for region in self.regions.values():
            region.processes[0].start()
        stores = [region.processes[0] for region in self.regions.values()]
        for name, (_, port) in REGIONS.items():
            wait_until(lambda: accepts("127.0.0.1", port), f"DynamoDB Local of {name}", stores)
        for region in self.regions.values():
            region.processes[1].start()
        for name in REGIONS:
            self.wait_gateway(name)
        say("both DynamoDB Local stores answer, through Leeward's gateways")
        for region in self.regions.values():
            region.processes[2].start()
        for name in REGIONS:
            self.wait_ready(name)
        say("the items service is ready in both regions")
        for region in self.regions.values():
            region.processes[3].start()
        self.leewardd.start()
        wait_until(lambda: http_status(f"{self.api}/readyz") == 200, "leewardd to be ready", [self.leewardd])
        wait_until(lambda: all(self.health(name) == "healthy" for name in REGIONS),
                   "leewardd to see both regions healthy", [self.leewardd])
        self._settle()
        say("leewardd answers DNS and sees both regions healthy")

    def _settle(self):
        """Cold stores are slow at first, and leewardd may have moved users off one. Waits until both
        regions were healthy for two seconds, and has the preferred one active."""
        calm_since = time.monotonic()
        while time.monotonic() - calm_since < 2:
            if not all(self.health(name) == "healthy" for name in REGIONS):
                calm_since = time.monotonic()
            time.sleep(0.05)
        home = next(iter(REGIONS))
        if self.application()["assignment"]["region"] != home:
            self.cli("failback", "shop")
        self.wait_measured()
        self.wait_writable(home)

    def wait_measured(self):
        """Until heartbeats arrive in both directions: before that no move is safe."""
        wait_until(lambda: all(link["newest_visible_age_ms"] is not None for link in self.application()["replication"]),
                   "replication to be measured", [self.leewardd])

    def may_write(self, name):
        try:
            with urllib.request.urlopen(f"http://{self.addresses[name]}:{SERVICE_PORT}/status", timeout=1) as answer:
                return json.load(answer)["may_write"]
        except (OSError, ValueError, KeyError):
            return False

    def wait_writable(self, name):
        wait_until(lambda: self.may_write(name), f"writes to be allowed in {name}", [self.leewardd])

    def wait_gateway(self, name):
        gateway = self.regions[name].processes[1]
        wait_until(lambda: accepts("127.0.0.1", GATEWAY_PORTS[name]), f"the gateway of {name}", [gateway])

    def wait_ready(self, name):
        service = self.regions[name].processes[2]
        wait_until(lambda: http_status(f"http://{self.addresses[name]}:{HEALTH_PORT}/healthz") == 200,
                   f"the service in {name} to be ready", [service])

    def revive(self, name):
        """Brings a killed region back: the store first, on the data it had."""
        store, gateway, service, replicator = self.regions[name].processes
        store.start()
        wait_until(lambda: accepts("127.0.0.1", REGIONS[name][1]), f"DynamoDB Local of {name}", [store])
        gateway.start()
        self.wait_gateway(name)
        service.start()
        replicator.start()
        self.wait_ready(name)

    def stop(self):
        for process in reversed(self.processes()):
            process.send(signal.SIGCONT)
            process.send(signal.SIGTERM)
        for process in self.processes():
            process.stop()
        shutil.rmtree(self.data, ignore_errors=True)

    # ---- replication ----

    def set_faults(self, name, faults):
        """Of the region's gateway; an empty list heals it."""
        request = urllib.request.Request(f"http://127.0.0.1:{CONTROL_PORTS[name]}/faults", method="PUT",
                                         data=json.dumps({"faults": faults}).encode())
        with urllib.request.urlopen(request, timeout=5) as response:
            response.read()

    def replication(self, source):
        """The direction out of that region, as leewardd measures it."""
        return next(link for link in self.application()["replication"] if link["from"] == source)

    def wait_fresh(self, source):
        """Until the other region has what was written in `source` a second ago."""
        def fresh():
            age = self.replication(source)["newest_visible_age_ms"]
            return age is not None and age < 1000

        wait_until(fresh, f"replication from {source} to catch up", [self.leewardd])

    def conflicts(self):
        """The ledgers of both regions, merged, read by the command line as a user would."""
        result = self.cli("--output", "json", "tables", "conflicts", "--config", str(self.config))
        if result.returncode != 0:
            raise WorldError(f"leeward tables conflicts ended with status {result.returncode}:\n{result.stdout}")
        return json.loads(result.stdout)["conflicts"]

    # ---- questions to leewardd ----

    def get(self, path):
        request = urllib.request.Request(
            self.api + path, headers={"Authorization": f"Bearer {self.token_file.read_text()}"})
        with urllib.request.urlopen(request, timeout=5) as response:
            return json.load(response)

    def application(self):
        return self.get("/v1/applications/shop")

    def health(self, name):
        try:
            regions = self.application()["regions"]
        except (OSError, ValueError, KeyError):
            return None
        return next((r["health"] for r in regions if r["region"] == name), None)

    def cli(self, *arguments):
        return subprocess.run(
            [str(self.bin / "leeward"), "--api", self.api, "--token-file", str(self.token_file), *arguments],
            env={**os.environ, **CREDENTIALS}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30,
            check=False)


def require_tools():
    for tool, package in (("java", "openjdk-17-jre-headless"), ("ip", "iproute2")):
        if not shutil.which(tool):
            raise WorldError(f"{tool} is missing; run scripts/setup (Debian package {package})")


def default_bin():
    return pathlib.Path(os.environ.get("LEEWARD_BIN", ROOT / "build" / "dev" / "bin"))


if __name__ == "__main__":
    sys.exit("world.py is used by the demo; run examples/two-regions/demo --help")
