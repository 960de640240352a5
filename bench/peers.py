# SPDX-License-Identifier: Apache-2.0
"""Each server under test: how it is configured at its fastest, started and stopped.

All serve app.example.test with the address of the first healthy region, GRA11 before RBX-A, checked
over HTTP (`health_port`), and listen on 127.0.0.1 with one UDP worker.
"""
import os
import pathlib
import shutil
import signal
import subprocess

NAME = "app.example.test"
FIRST, SECOND = "127.0.101.1", "127.0.101.2"

ZONE = f"""$ORIGIN example.test.
$TTL 60
@ IN SOA ns1 hostmaster ( 1 3600 900 604800 60 )
@ IN NS ns1
ns1 IN A 127.0.0.1
"""


class Server:
    """One server under test. `note` says what its health checks were set to."""
    name = ""
    note = ""
    checked = True  # answers depend on health checks

    def __init__(self, directory, port, health_port):
        self.directory = pathlib.Path(directory) / self.name.replace(" ", "-").replace(",", "")
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o777)
        self.port = port
        self.health_port = health_port
        self.process = None

    def available(self):
        return shutil.which(self.command()[0]) is not None

    def command(self):
        raise NotImplementedError

    def configure(self):
        pass

    def write(self, name, text):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def start(self, core=None):
        self.configure()
        prefix = ["taskset", "-c", str(core)] if core is not None else []
        log = open(self.directory / "log", "wb")
        self.process = subprocess.Popen(prefix + [str(p) for p in self.command()], stdout=log, stderr=log,
                                        stdin=subprocess.DEVNULL, cwd=self.directory)

    def cpu_seconds(self):
        """User and system time of the process so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Echo(Server):
    name = "udp echo (floor)"
    note = "no DNS at all"
    checked = False
    binary = None

    def command(self):
        return [self.binary, "--port", self.port]


class Leeward(Server):
    name = "leeward"
    note = "interval 250 ms, three confirmations 50 ms apart, recovery after three successes"
    binary = None

    def configure(self):
        self.write("example.test.zone", ZONE)
        self.write("leeward.yaml", f"""
node: {{ id: bench }}
state: {{ sqlite: {self.directory}/state.db }}
dns: {{ listen: ["127.0.0.1:{self.port}"], workers: 1, zones: [example.test.zone] }}
api: {{ listen: "127.0.0.1:{self.port + 1}" }}
log: {{ level: warning }}
defaults:
  check: {{ interval: 250ms, timeout: 250ms, failure_threshold: 3, success_threshold: 3, confirm: {{ spacing: 50ms }} }}
regions: {{ GRA11: {{}}, RBX-A: {{}} }}
applications:
  app:
    hostname: {NAME}
    ttl: 5s
    regions:
      - {{ region: GRA11, address: {FIRST}, check: {{ type: HTTP, port: {self.health_port}, path: /healthz }} }}
      - {{ region: RBX-A, address: {SECOND}, check: {{ type: HTTP, port: {self.health_port}, path: /healthz }} }}
    failover: {{ automatic: true, confirm_window: 0s, quorum: {{ required: 1 }}, hold_down: 0s, lockout: {{ moves: 0 }}, failback: automatic, failback_after: 0s }}
""")

    def command(self):
        return [self.binary or "leewardd", "--config", self.directory / "leeward.yaml"]


class Gdnsd(Server):
    name = "gdnsd"
    note = "interval 2 s (its minimum), timeout 1 s, down_thresh 1"

    def configure(self):
        self.write("zones/example.test", ZONE + "app 5/5 IN DYNA simplefo!app\n")
        (self.directory / "run").mkdir()
        (self.directory / "state").mkdir()
        self.write("config", f"""
options => {{
  listen => [127.0.0.1]
  dns_port => {self.port}
  udp_threads => 1
  tcp_threads => 1
  run_dir => {self.directory}/run
  state_dir => {self.directory}/state
}}
service_types => {{
  web => {{ plugin => http_status, port => {self.health_port}, url_path => /healthz,
           interval => 2, timeout => 1, up_thresh => 1, ok_thresh => 1, down_thresh => 1 }}
}}
plugins => {{ simplefo => {{ app => {{ service_types => web, primary => {FIRST}, secondary => {SECOND} }} }} }}
""")

    def command(self):
        return [shutil.which("gdnsd") or "/usr/sbin/gdnsd", "-c", self.directory, "start"]


class PowerDns(Server):
    name = "PowerDNS Lua"
    note = "lua-health-checks-interval 1 s, timeout 1 s, one failure"

    def configure(self):
        record = (f"app 5 IN LUA A \"ifurlup('http://{NAME}:{self.health_port}/healthz', "
                  f"{{{{'{FIRST}'}}, {{'{SECOND}'}}}}, {{timeout=1}})\"\n")
        self.write("example.test.zone", ZONE + record)
        self.write("named.conf", f'zone "example.test" {{ type master; file "{self.directory}/example.test.zone"; }};\n')
        self.write("pdns.conf", f"""
local-address=127.0.0.1
local-port={self.port}
launch=bind
bind-config={self.directory}/named.conf
enable-lua-records=yes
lua-health-checks-interval=1
socket-dir={self.directory}
receiver-threads=1
distributor-threads=1
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
""")

    def command(self):
        return [shutil.which("pdns_server") or "/usr/sbin/pdns_server", f"--config-dir={self.directory}",
                "--daemon=no", "--guardian=no"]


class Knot(Server):
    name = "Knot (static)"
    note = "no health checks: the answer never changes"
    checked = False

    def configure(self):
        self.write("example.test.zone", ZONE + f"app 5 IN A {FIRST}\n")
        self.write("knot.conf", f"""
server:
  listen: 127.0.0.1@{self.port}
  rundir: {self.directory}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {self.directory}
zone:
  - domain: example.test
    storage: {self.directory}
    file: example.test.zone
""")

    def command(self):
        return [shutil.which("knotd") or "/usr/sbin/knotd", "-c", self.directory / "knot.conf"]


class KnotSigned(Knot):
    name = "Knot, signed"
    note = "zone signed when it is loaded (ECDSA P-256, NSEC)"
    signing = "    dnssec-signing: on\n"

    def configure(self):
        super().configure()
        config = self.directory / "knot.conf"
        config.write_text(config.read_text().rstrip() + "\n" + self.signing)


class KnotOnline(KnotSigned):
    name = "Knot, signed online"
    note = "module onlinesign: signed when it is asked for"
    signing = "    module: mod-onlinesign\n"


class Nsd(Server):
    name = "NSD (static)"
    note = "no health checks: the answer never changes"
    checked = False

    def configure(self):
        self.write("example.test.zone", ZONE + f"app 5 IN A {FIRST}\n")
        self.write("nsd.conf", f"""
server:
  ip-address: 127.0.0.1@{self.port}
  username: ""
  zonesdir: "{self.directory}"
  pidfile: "{self.directory}/pid"
  zonelistfile: "{self.directory}/zonelist"
  xfrdfile: "{self.directory}/xfrd"
  database: ""
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: example.test
  zonefile: example.test.zone
""")

    def command(self):
        return [shutil.which("nsd") or "/usr/sbin/nsd", "-d", "-c", self.directory / "nsd.conf"]

    def cpu_seconds(self):
        """NSD's first process only starts the one that answers."""
        total = 0.0
        pids = [self.process.pid]
        while pids:
            pid = pids.pop()
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            pids += [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return total


class PowerDnsStatic(PowerDns):
    name = "PowerDNS (static)"
    note = "packet cache on; no health checks: the answer never changes"
    checked = False

    def configure(self):
        super().configure()
        self.write("example.test.zone", ZONE + f"app 5 IN A {FIRST}\n")
        config = self.directory / "pdns.conf"
        config.write_text("\n".join(line for line in config.read_text().splitlines() if "cache-ttl" not in line) + "\n")
