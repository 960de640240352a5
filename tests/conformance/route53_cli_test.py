#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What people type: the AWS CLI of Debian against the daemon, with the JSON files that they have."""
import json
import subprocess
import unittest

from leeward_world import BIN, wait_for
from route53_world import Route53World, alias, record


class AwsCli(unittest.TestCase):
    def test_from_an_empty_server_to_failover(self):
        with Route53World() as world:
            made = json.loads(world.aws("create-hosted-zone", "--name", "shop.test", "--caller-reference", "1",
                                        "--hosted-zone-config", "Comment=the shop"))
            zone = made["HostedZone"]["Id"]
            check = json.loads(world.aws("create-health-check", "--caller-reference", "hc", "--health-check-config", json.dumps(
                {"Type": "TCP", "IPAddress": "127.0.0.1", "Port": 1, "RequestInterval": 10, "FailureThreshold": 1})))
            identity = check["HealthCheck"]["Id"]
            world.aws("change-tags-for-resource", "--resource-type", "healthcheck", "--resource-id", identity, "--add-tags",
                      "Key=leeward:interval,Value=50ms", "Key=leeward:timeout,Value=100ms")
            batch = world.path / "batch.json"
            batch.write_text(json.dumps({"Comment": "as it came from Route 53", "Changes": [
                {"Action": "CREATE", "ResourceRecordSet": {
                    "Name": "www.shop.test.", "Type": "A", "SetIdentifier": role, "Failover": role, "TTL": 30,
                    "ResourceRecords": [{"Value": address}], **({"HealthCheckId": identity} if role == "PRIMARY" else {})}}
                for role, address in (("PRIMARY", "192.0.2.1"), ("SECONDARY", "192.0.2.2"))]}), encoding="utf-8")
            change = json.loads(world.aws("change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch", f"file://{batch}"))
            world.aws("wait", "resource-record-sets-changed", "--id", change["ChangeInfo"]["Id"])
            wait_for(lambda: world.dig("www.shop.test") == ["192.0.2.2"], "the secondary: nothing listens at the primary")
            listed = json.loads(world.aws("list-resource-record-sets", "--hosted-zone-id", zone, "--max-items", "2"))
            self.assertIn("NextToken", listed)
            status = json.loads(world.aws("get-health-check-status", "--health-check-id", identity))
            self.assertIn("Connection refused", status["HealthCheckObservations"][0]["StatusReport"]["Status"])
            tested = json.loads(world.aws("test-dns-answer", "--hosted-zone-id", zone, "--record-name", "www.shop.test",
                                          "--record-type", "A"))
            self.assertEqual(tested["RecordData"], ["192.0.2.2"])
            with self.assertRaisesRegex(AssertionError, "HealthCheckInUse"):
                world.aws("delete-health-check", "--health-check-id", identity)
            with self.assertRaisesRegex(AssertionError, "but it already exists"):
                world.aws("change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch", f"file://{batch}")
            self.assertEqual(json.loads(world.aws("list-hosted-zones-by-name", "--dns-name", "shop.test"))["HostedZones"][0]["Id"], zone)

    def test_zones_move_between_servers_as_files(self):
        def leeward(world, *arguments, code=0, text=None):
            result = subprocess.run([BIN / "leeward", "--api", world.url, *arguments], input=text, text=True, timeout=60,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            self.assertEqual(result.returncode, code, result.stderr)
            return result.stdout if code == 0 else result.stderr
        with Route53World() as one, Route53World() as other:
            zone = one.zone("moves.test")
            one.change(zone, ("CREATE", record("w.moves.test", "A", "192.0.2.1", SetIdentifier="a", Weight=1)),
                       ("CREATE", record("w.moves.test", "A", "192.0.2.2", SetIdentifier="b", Weight=0)),
                       ("CREATE", record("*.moves.test", "TXT", '"a; \\"b\\""')),
                       ("CREATE", alias("moves.test", "A", zone, "w.moves.test")))
            text = leeward(one, "zone", "export", "moves.test")
            self.assertIn("served with 6 record sets", leeward(other, "zone", "import", "-", text=text))
            self.assertEqual(other.dig("moves.test"), ["192.0.2.1"])
            self.assertEqual(leeward(other, "zone", "export", "moves.test").count("@leeward record"), text.count("@leeward record"))
            def records(world, identity):
                listed = world.client().list_resource_record_sets(HostedZoneId=identity)["ResourceRecordSets"]
                return [{**r, **({"AliasTarget": {**r["AliasTarget"], "HostedZoneId": "own"}} if "AliasTarget" in r else {})}
                        for r in listed]
            moved = other.client().list_hosted_zones_by_name(DNSName="moves.test")["HostedZones"][0]["Id"]
            self.assertEqual(records(one, zone), records(other, moved))
            self.assertIn("moves.test", leeward(other, "zone", "list"))
            # A second import replaces; a bad one changes nothing.
            plain = "$ORIGIN moves.test.\n@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.53\n"
            leeward(other, "zone", "import", "-", text=plain)
            self.assertEqual(other.dig("moves.test"), [])
            self.assertIn("192.0.2", leeward(other, "zone", "import", "-", code=1, text=plain + "x 60 A 192.0.2\n"))
            self.assertEqual(other.dig("ns.moves.test"), ["192.0.2.53"])
            leeward(other, "zone", "export", "none.test", code=1)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
