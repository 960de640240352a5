# SPDX-License-Identifier: Apache-2.0
"""Signed zones as real validators see them: unbound (with the zone's DS as its trust anchor) must
say AD, delv must say "fully validated", through record changes, failovers and a roll of keys."""
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

import boto3
import botocore
import botocore.config

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from leeward_world import BIN, PATIENCE_S, free_port, wait_for  # noqa: E402

ZONE = "signed.test"
TOOLS = [tool for tool in ("unbound", "delv", "dig") if shutil.which(tool, path="/usr/sbin:/usr/bin") is None]


class Daemon:
    """leewardd without applications: only the API's zones."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="leeward-dnssec-"))
        self.dns_port, self.api_port = free_port(), free_port()
        (self.directory / "leeward.yaml").write_text(f"""
node: {{ id: dnssec-1 }}
state: {{ sqlite: state.db }}
dns: {{ listen: ["127.0.0.1:{self.dns_port}"], workers: 2 }}
api: {{ listen: "127.0.0.1:{self.api_port}" }}
regions: {{ GRA11: {{}} }}
""")
        self.log = open(self.directory / "log", "ab")
        self.process = subprocess.Popen([BIN / "leewardd", "--config", self.directory / "leeward.yaml"],
                                        stdout=self.log, stderr=self.log)
        self.api = boto3.client("route53", endpoint_url=f"http://127.0.0.1:{self.api_port}",
                                region_name="us-east-1",
                                config=botocore.config.Config(signature_version=botocore.UNSIGNED,
                                                              retries={"max_attempts": 1}))
        wait_for(self.is_ready, "leewardd to be ready")

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError((self.directory / "log").read_text())
        try:
            self.api.list_hosted_zones()
            return True
        except botocore.exceptions.BotoCoreError:
            return False

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def in_sync(self, response):
        change = response["ChangeInfo"]["Id"]
        wait_for(lambda: self.api.get_change(Id=change)["ChangeInfo"]["Status"] == "INSYNC", "INSYNC")

    def change(self, zone_id, *sets, action="UPSERT"):
        self.in_sync(self.api.change_resource_record_sets(
            HostedZoneId=zone_id,
            ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": each} for each in sets]}))

    def dig(self, name, rrtype, *options):
        return dig(self.dns_port, name, rrtype, *options)


def dig(port, name, rrtype, *options):
    return subprocess.run(["dig", "@127.0.0.1", "-p", str(port), "+tries=2", "+time=5", *options, name, rrtype],
                          stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False).stdout


class Unbound:
    """A validating resolver that has seen nothing."""

    def __init__(self, daemon, anchors):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="leeward-unbound-"))
        self.port = free_port()
        trust = "\n".join(f'  trust-anchor: "{ZONE}. DS {anchor}"' for anchor in anchors)
        (self.directory / "unbound.conf").write_text(f"""
server:
  interface: 127.0.0.1
  port: {self.port}
  directory: "{self.directory}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  local-zone: "test." nodefault
  num-threads: 1
{trust}
stub-zone:
  name: "{ZONE}"
  stub-addr: 127.0.0.1@{daemon.dns_port}
remote-control:
  control-enable: no
""")
        self.process = subprocess.Popen(["/usr/sbin/unbound", "-c", self.directory / "unbound.conf"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: "status: NOERROR" in dig(self.port, ZONE, "SOA", "+time=1"), "unbound to answer")

    def ask(self, name, rrtype):
        """(rcode, AD, answers)"""
        text = dig(self.port, name, rrtype, "+dnssec")
        status = re.search(r"status: (\w+)", text)
        flags = re.search(r";; flags: ([a-z ]*);", text)
        if not status:
            return text, False, []
        answers = [line.split(None, 4)[3:] for line in text.split(";; ANSWER SECTION:")[-1].split("\n\n")[0].splitlines()
                   if line and not line.startswith(";")] if "ANSWER SECTION" in text else []
        return status[1], "ad" in flags[1].split(), sorted(data for kind, data in answers if kind != "RRSIG")

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def records(name, rrtype, *values, **more):
    return {"Name": f"{name}.{ZONE}" if name else ZONE, "Type": rrtype, "TTL": 60,
            "ResourceRecords": [{"Value": value} for value in values], **more}


@unittest.skipIf(TOOLS, f"not installed: {TOOLS}")
class DnssecTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.addClassCleanup(cls.daemon.stop)
        api = cls.daemon.api
        cls.zone_id = api.create_hosted_zone(Name=ZONE, CallerReference="dnssec")["HostedZone"]["Id"]
        cls.daemon.change(
            cls.zone_id,
            records("www", "A", "192.0.2.1", "192.0.2.2"), records("www", "TXT", '"one" "two"'),
            records("", "MX", "10 Mail.signed.test."), records("mail", "A", "192.0.2.3"),
            records("*.wild", "A", "192.0.2.4"), records("alias", "CNAME", "middle.signed.test"),
            records("middle", "CNAME", "any.wild.signed.test"), records("a.b.ent", "A", "192.0.2.5"),
            records("srv", "SRV", "1 2 3 Target.signed.test"), records("", "CAA", '0 issue "ca.test"'),
            records("naptr", "NAPTR", '1 2 "u" "E2U+sip" "!^.*$!sip:x@y!" .'),
            records("secure", "NS", "ns.secure.signed.test"), records("ns.secure", "A", "127.0.0.1"),
            records("secure", "DS", "12345 13 2 " + "AB" * 32),
            records("insecure", "NS", "ns.insecure.signed.test"), records("ns.insecure", "A", "127.0.0.1"))
        check = {"IPAddress": "192.0.2.200", "Port": 80, "Type": "TCP", "Disabled": True}
        cls.check = api.create_health_check(CallerReference="one", HealthCheckConfig=check)["HealthCheck"]["Id"]
        cls.daemon.change(
            cls.zone_id,
            records("fail", "A", "192.0.2.10", SetIdentifier="p", Failover="PRIMARY", HealthCheckId=cls.check),
            records("fail", "A", "192.0.2.20", SetIdentifier="s", Failover="SECONDARY"),
            *(records("many", "A", f"192.0.2.{30 + i}", SetIdentifier=str(i), MultiValueAnswer=True,
                      **({"HealthCheckId": cls.check} if i == 0 else {})) for i in range(4)))
        cls.create_key("first")
        cls.daemon.in_sync(api.enable_hosted_zone_dnssec(HostedZoneId=cls.zone_id))
        cls.unbound = Unbound(cls.daemon, cls.anchors())
        cls.addClassCleanup(cls.unbound.stop)

    @classmethod
    def create_key(cls, name, status="ACTIVE"):
        response = cls.daemon.api.create_key_signing_key(
            CallerReference=name, HostedZoneId=cls.zone_id, Name=name, Status=status,
            KeyManagementServiceArn=f"arn:aws:kms:us-east-1:111122223333:key/{name}")
        cls.daemon.in_sync(response)

    @classmethod
    def anchors(cls):
        keys = cls.daemon.api.get_dnssec(HostedZoneId=cls.zone_id)["KeySigningKeys"]
        return [key["DSRecord"] for key in keys]

    def new_unbound(self, anchors):
        unbound = Unbound(self.daemon, anchors)
        self.addCleanup(unbound.stop)
        return unbound

    def assert_secure(self, unbound, name, rrtype, rcode="NOERROR", answers=None):
        got = unbound.ask(f"{name}.{ZONE}" if name else ZONE, rrtype)
        self.assertEqual(got[:2], (rcode, True), f"{name} {rrtype}")
        if answers is not None:
            self.assertEqual(got[2], sorted(answers), f"{name} {rrtype}")

    def test_positive_answers_validate(self):
        for name, rrtype, answers in [
                ("www", "A", ["192.0.2.1", "192.0.2.2"]), ("www", "TXT", ['"one" "two"']), ("", "SOA", None),
                ("", "NS", None), ("", "MX", None), ("", "CAA", None), ("", "DNSKEY", None), ("srv", "SRV", None),
                ("naptr", "NAPTR", None), ("fail", "A", ["192.0.2.10"])]:
            with self.subTest(name=name, rrtype=rrtype):
                self.assert_secure(self.unbound, name, rrtype, answers=answers)

    def test_wildcards_validate(self):
        for name in ("x.wild", "a.b.c.wild", "*.wild"):
            with self.subTest(name=name):
                self.assert_secure(self.unbound, name, "A", answers=["192.0.2.4"])
        self.assert_secure(self.unbound, "y.wild", "AAAA", answers=[])

    def test_chains_validate(self):
        self.assert_secure(self.unbound, "alias", "A",
                           answers=["middle.signed.test.", "any.wild.signed.test.", "192.0.2.4"])

    def test_what_is_not_there_is_proven(self):
        self.assert_secure(self.unbound, "www", "AAAA", answers=[])
        self.assert_secure(self.unbound, "b.ent", "A", answers=[])
        for name in ("no", "no.such.name", "x.www"):
            with self.subTest(name=name):
                rcode, secure, answers = self.unbound.ask(f"{name}.{ZONE}", "A")
                self.assertTrue(secure)
                self.assertEqual(answers, [])
                self.assertIn(rcode, ("NOERROR", "NXDOMAIN"))  # RFC 9824: by what the resolver knows

    def test_nxdomain_for_those_who_do_not_validate(self):
        self.assertIn("status: NXDOMAIN", self.daemon.dig(f"no.{ZONE}", "A"))
        self.assertIn("status: NOERROR", self.daemon.dig(f"no.{ZONE}", "A", "+dnssec"))
        # DO and CO, byte by byte: not every dig can set CO.
        question = bytes.fromhex("1234 0000 0001 0000 0000 0001 02") + b"no\x06signed\x04test\0" + bytes.fromhex(
            "0001 0001 00 0029 04d0 0000 c000 0000")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE_S)
            client.sendto(question, ("127.0.0.1", self.daemon.dns_port))
            self.assertEqual(client.recv(4096)[3] & 15, 3)

    def test_delegations(self):
        self.assert_secure(self.unbound, "secure", "DS")
        self.assert_secure(self.unbound, "insecure", "DS", answers=[])
        insecure = self.daemon.dig(f"x.insecure.{ZONE}", "A", "+dnssec", "+norecurse")
        self.assertIn("NSEC", insecure)
        self.assertNotIn("RRSIG\tNS ", insecure)

    def test_delv_validates(self):
        keys = self.daemon.api.get_dnssec(HostedZoneId=self.zone_id)["KeySigningKeys"]
        anchor = self.daemon.directory / "anchor"
        anchor.write_text("trust-anchors {\n" + "".join(
            '  {} static-ds {} {} {} "{}";\n'.format(f'"{ZONE}."', *key["DSRecord"].split()) for key in keys) + "};\n")
        for name, rrtype, word in [("www", "A", "fully validated"), ("x.wild", "A", "fully validated"),
                                   ("alias", "A", "fully validated"), ("many", "A", "fully validated"),
                                   ("www", "AAAA", "negative response, fully validated"),
                                   ("no", "A", "negative response, fully validated")]:
            with self.subTest(name=name, rrtype=rrtype):
                said = subprocess.run(["delv", "@127.0.0.1", "-p", str(self.daemon.dns_port), "-a", anchor,
                                       f"+root={ZONE}", f"{name}.{ZONE}", rrtype],
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                      timeout=PATIENCE_S, check=False).stdout
                self.assertIn(word, said)

    def test_sets_that_follow_health_validate_before_and_after_a_flip(self):
        self.assert_secure(self.unbound, "many", "A")

        def flip(inverted):
            self.daemon.api.update_health_check(HealthCheckId=self.check, Inverted=inverted)
            address = "192.0.2.20" if inverted else "192.0.2.10"
            wait_for(lambda: address in self.daemon.dig(f"fail.{ZONE}", "A", "+short"), f"the answer {address}")
            resolver = self.new_unbound(self.anchors())
            self.assert_secure(resolver, "fail", "A", answers=[address])
            _, secure, many = resolver.ask(f"many.{ZONE}", "A")
            self.assertTrue(secure)
            self.assertEqual("192.0.2.30" in many, not inverted)

        flip(True)
        flip(False)

    def test_tcp_and_large_answers(self):
        self.daemon.change(self.zone_id, records("big", "TXT", *(f'"{i:03}{"x" * 200}"' for i in range(20))))
        self.assertIn("flags: qr aa tc", self.daemon.dig(f"big.{ZONE}", "TXT", "+dnssec", "+ignore", "+norecurse"))
        self.assert_secure(self.unbound, "big", "TXT")

    def test_a_roll_of_keys_is_never_bogus(self):
        api, zone = self.daemon.api, self.zone_id
        old = self.anchors()
        seen_before = self.new_unbound(old)  # keeps the DNSKEY RRset of before
        self.assert_secure(seen_before, "www", "A")

        def all_validate(anchors):
            self.assert_secure(seen_before, f"{len(api.get_dnssec(HostedZoneId=zone)['KeySigningKeys'])}x.wild", "A")
            fresh = self.new_unbound(anchors)
            for name, rrtype in [("www", "A"), ("www", "AAAA"), ("no", "A"), ("alias", "A")]:
                _, secure, _ = fresh.ask(f"{name}.{ZONE}", rrtype)
                self.assertTrue(secure, f"{name} {rrtype}")

        self.create_key("second", "INACTIVE")
        all_validate(old)
        new = [each for each in self.anchors() if each not in old]
        self.daemon.in_sync(api.activate_key_signing_key(HostedZoneId=zone, Name="second"))
        all_validate(old)
        all_validate(new)
        # The parent has the new DS from here on, and resolvers have fetched both keys.
        seen_before = self.new_unbound(new)
        self.daemon.in_sync(api.deactivate_key_signing_key(HostedZoneId=zone, Name="first"))
        all_validate(new)
        self.daemon.in_sync(api.delete_key_signing_key(HostedZoneId=zone, Name="first"))
        seen_before = self.new_unbound(new)
        all_validate(new)
        bogus = subprocess.run(["dig", "@127.0.0.1", "-p", str(self.daemon.dns_port), "+short", ZONE, "DNSKEY"],
                               stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False).stdout
        self.assertEqual(len(bogus.splitlines()), 1)
        # The others of this class go on with the key that is there.
        type(self).unbound.stop()
        type(self).unbound = Unbound(self.daemon, self.anchors())
        self.addClassCleanup(type(self).unbound.stop)


if __name__ == "__main__":
    unittest.main()
