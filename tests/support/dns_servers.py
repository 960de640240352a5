# SPDX-License-Identifier: Apache-2.0
"""Authoritative servers that answer for one zone file on a loopback port: Leeward (from the file, or imported through its
Route 53 API), BIND, Knot DNS and NSD."""
import pathlib
import shutil
import subprocess
import tempfile

import dns.message
import dns.query

from leeward_world import BIN, free_port, wait_for
from route53_world import Route53World

PATH = "/usr/sbin:/usr/bin"


class Server:
    name = ""
    program = ()

    def __init__(self, origin, zone_file):
        self.origin, self.zone_file = origin, pathlib.Path(zone_file)
        self.port = free_port()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"leeward-{self.name}-"))
        self.directory.chmod(0o777)

    @classmethod
    def is_missing(cls):
        return cls.program and shutil.which(cls.program[0], path=PATH) is None

    def config(self):
        raise NotImplementedError

    def __enter__(self):
        (self.directory / "config").write_text(self.config())
        shutil.copy(self.zone_file, self.directory / "zone")
        self.log = open(self.directory / "log", "ab")
        self.process = subprocess.Popen([*self.program, self.directory / "config"], cwd=self.directory, stdout=self.log,
                                        stderr=self.log)
        wait_for(self.answers, f"{self.name} to answer")
        return self

    def answers(self):
        assert self.process.poll() is None, (self.directory / "log").read_text()
        try:
            query = dns.message.make_query(self.origin, "SOA")
            return dns.query.udp(query, "127.0.0.1", port=self.port, timeout=0.5).answer
        except (dns.exception.Timeout, OSError):
            return False

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class Leeward(Server):
    name = "leeward"
    program = (BIN / "leewardd", "--config")

    def config(self):
        return f"""
node: {{ id: diff-1 }}
state: {{ sqlite: state.db }}
dns: {{ listen: ["127.0.0.1:{self.port}"], workers: 1, zones: [zone] }}
api: {{ listen: "127.0.0.1:{free_port()}" }}
"""


class LeewardApi:
    """The zone's records are what `leeward zone import` made of the file."""
    name = "leeward-api"

    def __init__(self, origin, zone_file):
        self.origin, self.zone_file = origin, zone_file
        self.world = Route53World()

    @staticmethod
    def is_missing():
        return False

    def __enter__(self):
        self.world.__enter__()
        self.port = self.world.dns_port
        token = ["--api", self.world.url]
        result = subprocess.run([BIN / "leeward", *token, "zone", "import", self.zone_file], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        assert result.returncode == 0, result.stdout
        return self

    def __exit__(self, *arguments):
        self.world.__exit__(*arguments)


class Bind(Server):
    name = "bind"
    program = ("/usr/sbin/named", "-g", "-c")

    def config(self):
        return f"""
options {{
  directory "{self.directory}"; pid-file none; lock-file none; session-keyfile none; recursion no;
  listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  minimal-responses yes; dnssec-validation no; max-udp-size 4096; edns-udp-size 4096;
}};
controls {{ }};
zone "{self.origin}" {{ type primary; file "zone"; check-names ignore; check-integrity no; }};
"""


class Knot(Server):
    name = "knot"
    program = ("/usr/sbin/knotd", "-c")

    def config(self):
        return f"""
server:
  rundir: "{self.directory}"
  listen: 127.0.0.1@{self.port}
  udp-max-payload: 4096
database:
  storage: "{self.directory}"
zone:
  - domain: {self.origin}
    storage: "{self.directory}"
    file: zone
    semantic-checks: off
    zonefile-sync: -1
"""


class Nsd(Server):
    name = "nsd"
    program = ("/usr/sbin/nsd", "-d", "-c")

    def config(self):
        return f"""
server:
  ip-address: 127.0.0.1@{self.port}
  username: ""
  zonesdir: "{self.directory}"
  pidfile: "{self.directory}/pid"
  zonelistfile: "{self.directory}/zonelist"
  xfrdfile: "{self.directory}/xfrd"
  database: ""
  server-count: 1
  minimal-responses: yes
  rrl-ratelimit: 0
  ipv4-edns-size: 4096
remote-control:
  control-enable: no
zone:
  name: {self.origin}
  zonefile: zone
"""
