#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What people type: the AWS CLI of Debian against the daemon, with the JSON files that they have."""
import json
import unittest

from leeward_world import wait_for
from route53_world import Route53World


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


if __name__ == "__main__":
    unittest.main(warnings="ignore")
