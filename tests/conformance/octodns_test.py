# SPDX-License-Identifier: Apache-2.0
"""octoDNS, unchanged but for the endpoint: zones as YAML become answers, dynamic records with pools, weights, places and
health checks included; a second run has nothing to do; what it reads back is what was written."""
import os
import pathlib
import subprocess
import sys
import unittest

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from leeward_world import SOURCE, wait_for  # noqa: E402
from route53_world import KEY, SECRET, Route53World  # noqa: E402

CONFIG = f"""
manager: {{ max_workers: 2 }}
providers:
  config: {{ class: octodns.provider.yaml.YamlProvider, directory: ./zones, default_ttl: 300, enforce_order: false }}
  leeward:
    class: octodns_route53.Route53Provider
    access_key_id: {KEY}
    secret_access_key: {SECRET}
    client_max_attempts: 2
zones:
  octo.test.: {{ sources: [config], targets: [leeward] }}
"""
PLAIN = {
    "": [{"type": "A", "value": "192.0.2.1"},
         {"type": "MX", "values": [{"preference": 10, "exchange": "mail.octo.test."}]},
         {"type": "TXT", "value": "v=spf1 -all"},
         {"type": "CAA", "values": [{"flags": 0, "tag": "issue", "value": "ca.example"}]}],
    "*": {"type": "A", "value": "192.0.2.99"},
    "_sip._tcp": {"type": "SRV", "values": [{"priority": 10, "weight": 60, "port": 5060, "target": "sip.octo.test."}]},
    "sip": {"type": "AAAA", "values": ["2001:db8::60", "2001:db8::61"]},
    "sub": {"type": "NS", "values": ["ns1.elsewhere.example.", "ns2.elsewhere.example."]},
    "www": {"type": "CNAME", "value": "octo.test."},
}
DYNAMIC = {
    "geo": {
        "type": "A", "ttl": 60, "values": ["192.0.2.10"],
        "dynamic": {
            "pools": {"eu": {"fallback": "us", "values": [{"value": "192.0.2.20", "weight": 2},
                                                          {"value": "192.0.2.21", "weight": 1}]},
                      "us": {"values": [{"value": "192.0.2.30"}]}},
            "rules": [{"geos": ["EU"], "pool": "eu"}, {"pool": "us"}]},
        "octodns": {"healthcheck": {"host": "app.octo.test", "path": "/healthz", "port": 80, "protocol": "HTTP"}},
    },
}


# octoDNS deletes the health checks of a record before the record itself.
API = "  delete_used_health_checks: true"


class OctoDnsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        found = subprocess.run([SOURCE / "scripts" / "octodns", "path"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               check=False)
        if found.returncode != 0:
            raise unittest.SkipTest(found.stderr.strip())
        cls.programs = pathlib.Path(found.stdout.strip())

    def setUp(self):
        self.world = self.enterContext(Route53World(
            dns="  client_subnet: true\n  networks: networks", files={"networks": "203.0.113.0/24,EU,FR\n198.51.100.0/24,NA,US\n"},
            api=API))
        self.world.zone("octo.test")
        (self.world.path / "octodns.yaml").write_text(CONFIG)
        (self.world.path / "zones").mkdir()

    def octodns(self, program, *arguments):
        environment = {**os.environ, "AWS_ENDPOINT_URL": self.world.url, "AWS_DEFAULT_REGION": "us-east-1",
                       "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                       "AWS_EC2_METADATA_DISABLED": "true"}
        environment.pop("PYTHONPATH", None)
        result = subprocess.run([self.programs / f"octodns-{program}", "--config-file", "octodns.yaml", *arguments],
                                cwd=self.world.path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                timeout=120, check=False)
        self.assertEqual(result.returncode, 0, result.stdout)
        return result.stdout

    def sync(self, zone):
        (self.world.path / "zones" / "octo.test.yaml").write_text(yaml.safe_dump(zone))
        return self.octodns("sync", "--doit")

    def answers(self, name, kind, *values, options=()):
        wait_for(lambda: self.world.dig(f"{name}octo.test", kind, *options) == sorted(values), f"{name} {kind} to be {values}")

    def test_records_become_answers_and_stay(self):
        self.assertIn("Creates=9, Updates=0, Deletes=0", self.sync(PLAIN))
        self.answers("", "A", "192.0.2.1")
        self.answers("www.", "A", "192.0.2.1", "octo.test.")
        self.answers("anything.", "A", "192.0.2.99")
        self.answers("", "MX", "10 mail.octo.test.")
        self.answers("", "CAA", '0 issue "ca.example"')
        self.answers("_sip._tcp.", "SRV", "10 60 5060 sip.octo.test.")
        self.answers("sip.", "AAAA", "2001:db8::60", "2001:db8::61")
        self.assertIn("No changes were planned", self.sync(PLAIN))
        self.octodns("dump", "--output-dir", "dump", "octo.test.", "leeward")
        dumped = yaml.safe_load((self.world.path / "dump" / "octo.test.yaml").read_text())
        self.assertEqual(dumped["sip"], {"ttl": 300, **PLAIN["sip"]})
        self.assertEqual(dumped["_sip._tcp"]["value"], PLAIN["_sip._tcp"]["values"][0])

    def test_changes_and_deletions_are_carried_out(self):
        self.sync(PLAIN)
        changed = {name: records for name, records in PLAIN.items() if name != "sip"}
        changed["www"] = {"type": "A", "value": "192.0.2.2"}
        self.assertIn("Deletes=2", self.sync(changed))
        self.answers("www.", "A", "192.0.2.2")
        self.answers("sip.", "AAAA")

    def test_dynamic_records_follow_the_client(self):
        self.sync({**PLAIN, **DYNAMIC})
        self.answers("geo.", "A", "192.0.2.30", options=("+subnet=198.51.100.0/24",))
        seen = set()

        def both_of_the_pool():
            seen.update(self.world.dig("geo.octo.test", "A", "+subnet=203.0.113.0/24"))
            return seen == {"192.0.2.20", "192.0.2.21"}
        wait_for(both_of_the_pool, "both members of the European pool")
        checks = self.world.client().list_health_checks()["HealthChecks"]
        self.assertEqual({check["HealthCheckConfig"]["FullyQualifiedDomainName"] for check in checks}, {"app.octo.test"})
        self.assertIn("No changes were planned", self.sync({**PLAIN, **DYNAMIC}))
        self.sync(PLAIN)
        self.answers("geo.", "A", "192.0.2.99", options=("+subnet=198.51.100.0/24",))


if __name__ == "__main__":
    unittest.main()
