# SPDX-License-Identifier: Apache-2.0
"""BIND and Knot DNS as secondaries of a zone whose answers depend on health: they transfer it with
TSIG, hear of every change by NOTIFY, and answer as Leeward does."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from leeward_world import PATIENCE_S, free_port, wait_for  # noqa: E402
from route53_world import Route53World  # noqa: E402

ZONE = "moved.test"
KEY = "hmac-sha256:xfer:8pJbV1dFbU0Zk1gm2XoQ1Vb3m5c2vS0x1mXo3yq6n2s="
OTHER_KEY = "hmac-sha256:xfer:AAAAV1dFbU0Zk1gm2XoQ1Vb3m5c2vS0x1mXo3yq6n2s="
UNKNOWN_KEY = "hmac-sha256:nobody:8pJbV1dFbU0Zk1gm2XoQ1Vb3m5c2vS0x1mXo3yq6n2s="
SECRET = KEY.split(":")[2]
PATH = "/usr/sbin:/usr/bin"
MISSING = [tool for tool in ("named", "knotd", "dig") if shutil.which(tool, path=PATH) is None]


def dig(port, *arguments):
    return subprocess.run(["dig", "@127.0.0.1", "-p", str(port), "+tries=1", "+time=2", "+norecurse", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S,
                          check=False).stdout


def addresses(port, name):
    return sorted(dig(port, "+short", f"{name}.{ZONE}", "A").split())


def serial(port):
    soa = dig(port, "+short", ZONE, "SOA").split()
    return int(soa[2]) if len(soa) == 7 else None


class Secondary:
    def __init__(self, name, program, port, config):
        self.name, self.port = name, port
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"leeward-{name}-"))
        self.config = self.directory / "config"
        self.program = program
        self.text = config

    def start(self, dns_port):
        self.config.write_text(self.text.format(directory=self.directory, port=self.port, primary=dns_port))
        self.log = open(self.directory / "log", "ab")
        self.process = subprocess.Popen([*self.program, self.config], stdout=self.log, stderr=self.log)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)


BIND = f"""
key "xfer" {{{{ algorithm hmac-sha256; secret "{SECRET}"; }}}};
options {{{{
  directory "{{directory}}"; pid-file none; lock-file none; session-keyfile none;
  listen-on port {{port}} {{{{ 127.0.0.1; }}}}; listen-on-v6 {{{{ none; }}}}; recursion no;
  minimal-responses yes; dnssec-validation no;
}}}};
controls {{{{ }}}};
zone "{ZONE}" {{{{ type secondary; file "zone"; primaries {{{{ 127.0.0.1 port {{primary}} key xfer; }}}}; }}}};
"""
KNOT = f"""
server:
  rundir: "{{directory}}"
  listen: 127.0.0.1@{{port}}
database:
  storage: "{{directory}}"
key:
  - id: xfer
    algorithm: hmac-sha256
    secret: {SECRET}
remote:
  - id: leeward
    address: 127.0.0.1@{{primary}}
    key: xfer
acl:
  - id: leeward
    address: 127.0.0.1
    key: xfer
    action: notify
zone:
  - domain: {ZONE}
    storage: "{{directory}}"
    master: leeward
    acl: leeward
"""


def record_set(name, rrtype, *values, **more):
    return {"Name": f"{name}.{ZONE}" if name else ZONE, "Type": rrtype, "TTL": 60,
            "ResourceRecords": [{"Value": value} for value in values], **more}


@unittest.skipIf(MISSING, f"not installed: {MISSING}")
class TransferTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.secondaries = [Secondary("bind", ["/usr/sbin/named", "-g", "-c"], free_port(), BIND),
                           Secondary("knot", ["/usr/sbin/knotd", "-c"], free_port(), KNOT)]
        secondaries = "".join(f'    {s.name}: {{ address: "127.0.0.1:{s.port}", key: xfer }}\n' for s in cls.secondaries)
        cls.world = cls.enterClassContext(Route53World(
            dns=f"  keys:\n    xfer: {{ secret: {{ file: tsig }} }}\n  secondaries:\n{secondaries}",
            files={"tsig": SECRET + "\n"}))
        cls.api = cls.world.client()
        cls.zone = cls.api.create_hosted_zone(Name=ZONE, CallerReference="moved")["HostedZone"]["Id"]
        check = {"IPAddress": "192.0.2.200", "Port": 80, "Type": "TCP", "Disabled": True}
        cls.check = cls.api.create_health_check(CallerReference="c", HealthCheckConfig=check)["HealthCheck"]["Id"]
        cls.change(record_set("www", "A", "192.0.2.1"), record_set("txt", "TXT", '"one" "two"'),
                   record_set("*.wild", "A", "192.0.2.2"), record_set("", "MX", "10 mail.moved.test"),
                   record_set("sub", "NS", "ns.sub.moved.test"), record_set("ns.sub", "A", "192.0.2.3"),
                   record_set("fail", "A", "192.0.2.10", SetIdentifier="p", Failover="PRIMARY",
                              HealthCheckId=cls.check),
                   record_set("fail", "A", "192.0.2.20", SetIdentifier="s", Failover="SECONDARY"),
                   *(record_set("many", "A", f"192.0.2.{30 + i}", SetIdentifier=str(i), MultiValueAnswer=True,
                                **({"HealthCheckId": cls.check} if i == 0 else {})) for i in range(4)))
        for part in range(4):  # more than one message of a transfer
            cls.change(*(record_set(f"n{part * 50 + i}", "TXT", f'"{"x" * 200}"') for i in range(50)))
        for secondary in cls.secondaries:
            secondary.start(cls.world.dns_port)
            cls.addClassCleanup(secondary.stop)
        cls.wait_in_step()

    @classmethod
    def change(cls, *sets, action="UPSERT"):
        change = cls.api.change_resource_record_sets(HostedZoneId=cls.zone, ChangeBatch={
            "Changes": [{"Action": action, "ResourceRecordSet": each} for each in sets]})["ChangeInfo"]["Id"]
        wait_for(lambda: cls.api.get_change(Id=change)["ChangeInfo"]["Status"] == "INSYNC", "INSYNC")

    @classmethod
    def wait_in_step(cls):
        for secondary in cls.secondaries:
            wait_for(lambda s=secondary: serial(s.port) is not None and serial(s.port) == serial(cls.world.dns_port),
                     f"{secondary.name} to have the serial")

    def test_secondaries_answer_alike(self):
        self.wait_in_step()
        for name, rrtype in [("www.", "A"), ("txt.", "TXT"), ("any.wild.", "A"), ("", "MX"), ("x.sub.", "A"),
                             ("fail.", "A"), ("many.", "A"), ("no.", "A"), ("", "NS"), ("n199.", "TXT")]:
            def records(port, full=name + ZONE, rrtype=rrtype):
                text = dig(port, "+noall", "+comments", "+answer", "+authority", full, rrtype)
                status = re.search(r"status: (\w+)", text)
                return status and status[1], sorted(" ".join(line.split()) for line in text.splitlines()
                                                    if line and not line.startswith(";"))
            ours = records(self.world.dns_port)
            for secondary in self.secondaries:
                with self.subTest(name=name, rrtype=rrtype, secondary=secondary.name):
                    theirs = records(secondary.port)
                    if name != "":  # whether they add NS to the authority section is theirs
                        self.assertEqual([line for line in theirs[1] if " NS " not in line or "sub" in line],
                                         [line for line in ours[1] if " NS " not in line or "sub" in line])
                    self.assertEqual(theirs[0], ours[0])

    def test_health_reaches_the_secondaries(self):
        for inverted, address in [(True, "192.0.2.20"), (False, "192.0.2.10"), (True, "192.0.2.20"),
                                  (False, "192.0.2.10")]:
            before = serial(self.world.dns_port)
            flipped = time.monotonic()
            self.api.update_health_check(HealthCheckId=self.check, Inverted=inverted)
            for secondary in self.secondaries:
                wait_for(lambda s=secondary: addresses(s.port, "fail") == [address], f"{secondary.name} to follow")
                print(f"{secondary.name} answers {address} {time.monotonic() - flipped:.2f} s after the change")
            many = [f"192.0.2.{30 + i}" for i in range(1 if inverted else 0, 4)]
            for secondary in self.secondaries:
                wait_for(lambda s=secondary: addresses(s.port, "many") == many, f"{secondary.name} to follow")
            self.assertGreater(serial(self.world.dns_port), before)
        self.wait_in_step()

    def test_changes_reach_the_secondaries(self):
        self.change(record_set("new", "A", "192.0.2.77"))
        for secondary in self.secondaries:
            wait_for(lambda s=secondary: addresses(s.port, "new") == ["192.0.2.77"], f"{secondary.name} to follow")
        self.change(record_set("new", "A", "192.0.2.77"), action="DELETE")
        for secondary in self.secondaries:
            wait_for(lambda s=secondary: addresses(s.port, "new") == [], f"{secondary.name} to follow")

    def test_ixfr_has_only_the_difference(self):
        self.wait_in_step()
        before = serial(self.world.dns_port)
        self.change(record_set("difference", "A", "192.0.2.88"))
        after = wait_for(lambda: (now := serial(self.world.dns_port)) != before and now, "a new serial")
        lines = [line.split() for line in dig(self.world.dns_port, "-y", KEY, "+noall", "+answer", ZONE,
                                              f"IXFR={before}").splitlines() if line and not line.startswith(";")]
        self.assertEqual([line[3] for line in lines if line[3] != "TSIG"], ["SOA", "SOA", "SOA", "A", "SOA"], lines)
        self.assertEqual([int(line[6]) for line in lines if line[3] == "SOA"], [after, before, after, after])
        up_to_date = dig(self.world.dns_port, "-y", KEY, "+noall", "+answer", ZONE, f"IXFR={after}")
        self.assertEqual(up_to_date.count("SOA"), 1)
        unknown = dig(self.world.dns_port, "-y", KEY, "+noall", "+answer", ZONE, "IXFR=1")
        self.assertGreater(len(unknown.splitlines()), 200)

    def test_who_may_not_transfer(self):
        port = self.world.dns_port
        self.assertIn("n199", dig(port, "-y", KEY, ZONE, "AXFR"))
        for arguments in [(), ("-y", OTHER_KEY), ("-y", UNKNOWN_KEY)]:
            with self.subTest(arguments=arguments):
                text = dig(port, *arguments, ZONE, "AXFR")
                self.assertIn("ransfer failed", text)
                self.assertNotIn("n199", text)
        self.assertIn("ransfer failed", dig(port, "-y", KEY, "elsewhere.test", "AXFR"))

    def test_signed_queries_have_signed_answers(self):
        for transport in ("+notcp", "+tcp"):
            with self.subTest(transport=transport):
                text = dig(self.world.dns_port, transport, "-y", KEY, f"www.{ZONE}", "A")
                self.assertIn("192.0.2.1", text)
                self.assertIn("NOERROR", text)
                self.assertNotIn("WARNING -- Some TSIG could not be validated", text)
                self.assertIn("TSIG", text)
                self.assertIn("NOTAUTH", dig(self.world.dns_port, transport, "-y", UNKNOWN_KEY, f"www.{ZONE}", "A"))

    def test_a_restart_does_not_go_back(self):
        self.wait_in_step()
        before = serial(self.world.dns_port)
        self.world.restart()
        wait_for(lambda: serial(self.world.dns_port) is not None, "answers")
        self.assertGreaterEqual(serial(self.world.dns_port), before)
        self.wait_in_step()


if __name__ == "__main__":
    unittest.main()
