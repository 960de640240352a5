#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Route 53's API as boto3 sees it, every operation of the service model, on a real daemon; and what DNS answers
after each change. botocore parses every answer by Amazon's own model."""
import datetime
import json
import unittest
import urllib.error
import urllib.request

import botocore.exceptions

from leeward_world import wait_for
from route53_world import READER, READER_SECRET, Route53World, alias, record

ARN = "arn:aws:kms:us-east-1:111122223333:key/1"


class Route53(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = Route53World().__enter__()
        cls.addClassCleanup(cls.world.__exit__, None, None, None)
        cls.called = set()

    def setUp(self):
        self.client = self.world.client()
        self.client.meta.events.register("before-call.route-53", self.remember)

    def remember(self, model, **_):
        self.called.add(model.name)

    def refused(self, code, call, **arguments):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code, caught.exception)
        return caught.exception

    def zone(self, name):
        return self.world.zone(name)

    # ---- hosted zones and record sets ----

    def test_hosted_zones(self):
        made = self.client.create_hosted_zone(Name="Zones.Test", CallerReference="zones-1",
                                              HostedZoneConfig={"Comment": "for <tests> & \"more\""})
        zone = made["HostedZone"]["Id"]
        self.assertEqual(made["ResponseMetadata"]["HTTPStatusCode"], 201)
        self.assertTrue(made["Location"].endswith(zone.split("/")[-1]))
        self.assertEqual(made["HostedZone"]["Name"], "zones.test.")
        self.assertEqual(len(made["DelegationSet"]["NameServers"]), 4)
        self.world.in_sync(made)
        self.assertEqual(self.world.rcode("zones.test", "SOA"), "NOERROR")
        got = self.client.get_hosted_zone(Id=zone)
        self.assertEqual(got["HostedZone"]["Config"]["Comment"], "for <tests> & \"more\"")
        self.assertEqual(got["HostedZone"]["ResourceRecordSetCount"], 2)
        self.refused("HostedZoneAlreadyExists", self.client.create_hosted_zone, Name="b.test", CallerReference="zones-1")
        self.refused("ConflictingDomainExists", self.client.create_hosted_zone, Name="zones.test", CallerReference="zones-2")
        self.refused("InvalidDomainName", self.client.create_hosted_zone, Name="a..b", CallerReference="zones-3")
        self.assertEqual(self.client.update_hosted_zone_comment(Id=zone, Comment="other")["HostedZone"]["Config"]["Comment"], "other")
        others = [self.zone(f"zones{i}.test") for i in range(3)]
        pages = list(self.client.get_paginator("list_hosted_zones").paginate(PaginationConfig={"PageSize": 1}))
        listed = [z["Id"] for page in pages for z in page["HostedZones"]]
        self.assertGreaterEqual(len(pages), 4)
        self.assertTrue({zone, *others} <= set(listed))
        self.assertEqual(len(listed), len(set(listed)))
        self.assertEqual(self.client.get_hosted_zone_count()["HostedZoneCount"], len(listed))
        by_name = self.client.list_hosted_zones_by_name(DNSName="zones0.test", MaxItems="2")
        self.assertEqual([z["Name"] for z in by_name["HostedZones"]], ["zones0.test.", "zones1.test."])
        self.assertEqual((by_name["IsTruncated"], by_name["NextDNSName"]), (True, "zones2.test."))
        self.world.change(zone, ("CREATE", record("a.zones.test", "A", "192.0.2.1")))
        self.refused("HostedZoneNotEmpty", self.client.delete_hosted_zone, Id=zone)
        self.world.change(zone, ("DELETE", record("a.zones.test", "A", "192.0.2.1")))
        gone = self.client.delete_hosted_zone(Id=zone)
        self.world.in_sync(gone)
        self.assertEqual(self.world.rcode("zones.test", "SOA"), "REFUSED")
        self.refused("NoSuchHostedZone", self.client.get_hosted_zone, Id=zone)
        for other in others:
            self.client.delete_hosted_zone(Id=other)

    def test_record_sets_are_answered_as_soon_as_they_are_in_sync(self):
        zone = self.zone("records.test")
        self.world.change(zone, ("CREATE", record("www.records.test", "A", "192.0.2.1", "192.0.2.2")),
                          ("CREATE", record("*.records.test", "TXT", '"any \\"thing\\"" "else"')),
                          ("CREATE", record("mail.records.test", "MX", "10 mx.records.test.")),
                          ("CREATE", alias("records.test", "A", zone, "www.records.test")))
        self.assertEqual(self.world.dig("www.records.test"), ["192.0.2.1", "192.0.2.2"])
        self.assertEqual(self.world.dig("records.test"), ["192.0.2.1", "192.0.2.2"])
        self.assertEqual(self.world.dig("whatever.records.test", "TXT"), ['"any \\"thing\\"" "else"'])
        for i in range(20):
            self.world.change(zone, ("UPSERT", record("www.records.test", "A", f"192.0.2.{i + 10}")))
            self.assertEqual(self.world.dig("www.records.test"), [f"192.0.2.{i + 10}"])
        listed = self.client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        self.assertEqual([(r["Name"], r["Type"]) for r in listed],
                         [("records.test.", "A"), ("records.test.", "NS"), ("records.test.", "SOA"),
                          ("\\052.records.test.", "TXT"), ("mail.records.test.", "MX"), ("www.records.test.", "A")])
        pages = list(self.client.get_paginator("list_resource_record_sets").paginate(
            HostedZoneId=zone, PaginationConfig={"PageSize": 1}))
        self.assertEqual([r for page in pages for r in page["ResourceRecordSets"]], listed)
        one = self.client.list_resource_record_sets(HostedZoneId=zone, StartRecordName="mail.records.test",
                                                    StartRecordType="MX", MaxItems="1")
        self.assertEqual(one["ResourceRecordSets"][0]["Type"], "MX")
        self.assertTrue(one["IsTruncated"])
        tested = self.client.test_dns_answer(HostedZoneId=zone, RecordName="www.records.test", RecordType="A")
        self.assertEqual((tested["ResponseCode"], tested["RecordData"]), ("NOERROR", ["192.0.2.29"]))

    def test_a_batch_that_fails_changes_nothing_and_says_everything(self):
        zone = self.zone("batch.test")
        self.world.change(zone, ("CREATE", record("a.batch.test", "A", "192.0.2.1")))
        before = self.client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        bad = [("CREATE", record("good.batch.test", "A", "192.0.2.9")),
               ("CREATE", record("a.batch.test", "A", "192.0.2.2")),
               ("DELETE", record("none.batch.test", "A", "192.0.2.2")),
               ("CREATE", record("b.batch.test", "A", "not an address")),
               ("CREATE", record("else.where", "A", "192.0.2.2")),
               ("CREATE", record("t.batch.test", "TXT", "no quotes"))]
        error = self.refused("InvalidChangeBatch", self.client.change_resource_record_sets, HostedZoneId=zone, ChangeBatch={
            "Changes": [{"Action": a, "ResourceRecordSet": r} for a, r in bad]})
        text = str(error)
        for words in ("Tried to create resource record set [name='a.batch.test.', type='A'] but it already exists",
                      "Tried to delete resource record set [name='none.batch.test.', type='A'] but it was not found",
                      "ARRDATAIllegalIPv4Address", "is not permitted in zone batch.test.", "enclosed in quotation marks"):
            self.assertIn(words, text)
        self.assertEqual(self.client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"], before)
        self.assertEqual(self.world.rcode("good.batch.test"), "NXDOMAIN")

    def test_rules_of_record_sets(self):
        zone = self.zone("rules.test")
        self.world.change(zone, ("CREATE", record("www.rules.test", "A", "192.0.2.1")),
                          ("CREATE", record("w.rules.test", "A", "192.0.2.1", SetIdentifier="one", Weight=1)))
        cases = {
            "at apex": [("CREATE", record("rules.test", "CNAME", "www.rules.test"))],
            "conflicts with other records": [("CREATE", record("www.rules.test", "CNAME", "x.rules.test"))],
            "other RRSets with the same name and type": [
                ("CREATE", record("w.rules.test", "A", "192.0.2.2", SetIdentifier="two", Failover="SECONDARY"))],
            "Missing field 'SetIdentifier'": [("CREATE", record("x.rules.test", "A", "192.0.2.2", Weight=1))],
            "but found none": [("CREATE", record("x.rules.test", "A", "192.0.2.2", SetIdentifier="x"))],
            "only one routing policy": [
                ("CREATE", record("x.rules.test", "A", "192.0.2.2", SetIdentifier="x", Weight=1, Region="eu-west-3"))],
            "already exists": [
                ("CREATE", record("f.rules.test", "A", "192.0.2.2", SetIdentifier="x", Failover="SECONDARY")),
                ("CREATE", record("f.rules.test", "A", "192.0.2.3", SetIdentifier="y", Failover="SECONDARY"))],
            "Missing field 'HealthCheckId'": [
                ("CREATE", record("f.rules.test", "A", "192.0.2.2", SetIdentifier="x", Failover="PRIMARY"))],
            "no health check exists": [
                ("CREATE", record("f.rules.test", "A", "192.0.2.2", SetIdentifier="x", Weight=1, HealthCheckId="gone"))],
            "target was not found": [("CREATE", alias("al.rules.test", "A", zone, "nobody.rules.test"))],
            "does not lie within the target zone": [("CREATE", alias("al.rules.test", "A", "Z35SXDOTRQ7X7K", "lb.example.com"))],
            "in a circle": [("CREATE", alias("c1.rules.test", "A", zone, "c2.rules.test")),
                            ("CREATE", alias("c2.rules.test", "A", zone, "c1.rules.test"))],
            "exactly one SOA": [("DELETE", next(r for r in self.client.list_resource_record_sets(
                HostedZoneId=zone)["ResourceRecordSets"] if r["Type"] == "SOA"))],
            "do not match the current values": [("DELETE", record("www.rules.test", "A", "192.0.2.77"))],
            "Number of records limit": [("UPSERT", record(f"n{i}.rules.test", "A", "192.0.2.1")) for i in range(501)],
        }
        for words, changes in cases.items():
            with self.subTest(words):
                error = self.refused("InvalidChangeBatch", self.client.change_resource_record_sets, HostedZoneId=zone,
                                     ChangeBatch={"Changes": [{"Action": a, "ResourceRecordSet": r} for a, r in changes]})
                self.assertIn(words, str(error))

    # ---- health ----

    def test_health_checks_decide_answers(self):
        zone = self.zone("health.test")
        config = {"Type": "TCP", "IPAddress": "127.0.0.1", "Port": self.world.api_port, "RequestInterval": 10, "FailureThreshold": 1}
        alive = self.client.create_health_check(CallerReference="h1", HealthCheckConfig=config)
        again = self.client.create_health_check(CallerReference="h1", HealthCheckConfig=config)
        self.assertEqual(alive["HealthCheck"]["Id"], again["HealthCheck"]["Id"])
        self.refused("HealthCheckAlreadyExists", self.client.create_health_check, CallerReference="h1",
                     HealthCheckConfig={**config, "Port": 1})
        dead = self.client.create_health_check(CallerReference="h2", HealthCheckConfig={**config, "Port": 1})["HealthCheck"]["Id"]
        alive = alive["HealthCheck"]["Id"]
        self.client.change_tags_for_resource(ResourceType="healthcheck", ResourceId=dead, AddTags=[
            {"Key": "leeward:interval", "Value": "50ms"}, {"Key": "leeward:timeout", "Value": "100ms"}])
        self.world.change(zone, ("CREATE", record("f.health.test", "A", "192.0.2.1", SetIdentifier="p", Failover="PRIMARY", HealthCheckId=dead)),
                          ("CREATE", record("f.health.test", "A", "192.0.2.2", SetIdentifier="s", Failover="SECONDARY", HealthCheckId=alive)))
        wait_for(lambda: self.world.dig("f.health.test") == ["192.0.2.2"], "the secondary")
        row = wait_for(lambda: self.client.get_health_check_status(HealthCheckId=dead)["HealthCheckObservations"], "a row")[0]
        self.assertIn("Failure: Connection refused", row["StatusReport"]["Status"])
        self.assertTrue(self.client.get_health_check_last_failure_reason(HealthCheckId=dead)["HealthCheckObservations"])
        self.refused("HealthCheckInUse", self.client.delete_health_check, HealthCheckId=dead)
        # Inverted, it is the healthy one.
        updated = self.client.update_health_check(HealthCheckId=dead, HealthCheckVersion=1, Inverted=True)["HealthCheck"]
        self.assertEqual(updated["HealthCheckVersion"], 2)
        wait_for(lambda: self.world.dig("f.health.test") == ["192.0.2.1"], "the primary")
        self.refused("HealthCheckVersionMismatch", self.client.update_health_check, HealthCheckId=dead, HealthCheckVersion=1)
        calculated = self.client.create_health_check(CallerReference="h3", HealthCheckConfig={
            "Type": "CALCULATED", "ChildHealthChecks": [alive, dead], "HealthThreshold": 2})["HealthCheck"]["Id"]
        self.world.change(zone, ("CREATE", record("c.health.test", "A", "192.0.2.1", SetIdentifier="p", Failover="PRIMARY", HealthCheckId=calculated)),
                          ("CREATE", record("c.health.test", "A", "192.0.2.2", SetIdentifier="s", Failover="SECONDARY")))
        wait_for(lambda: self.world.dig("c.health.test") == ["192.0.2.1"], "two of two")
        self.client.update_health_check(HealthCheckId=dead, Inverted=False)
        wait_for(lambda: self.world.dig("c.health.test") == ["192.0.2.2"], "one of two")
        self.refused("InvalidInput", self.client.update_health_check, HealthCheckId=calculated, ChildHealthChecks=[calculated])
        listed = [c["Id"] for page in self.client.get_paginator("list_health_checks").paginate(PaginationConfig={"PageSize": 1})
                  for c in page["HealthChecks"]]
        self.assertTrue({alive, dead, calculated} <= set(listed))
        self.assertEqual(self.client.get_health_check_count()["HealthCheckCount"], len(listed))
        self.assertEqual(self.client.get_health_check(HealthCheckId=alive)["HealthCheck"]["HealthCheckConfig"]["Port"], self.world.api_port)
        self.assertTrue(self.client.get_checker_ip_ranges()["CheckerIpRanges"])
        self.refused("NoSuchHealthCheck", self.client.get_health_check, HealthCheckId="none")
        for bad in ({"Type": "HTTP"}, {"Type": "TCP", "IPAddress": "127.0.0.1"}, {"Type": "HTTP", "IPAddress": "x"},
                    {"Type": "HTTP_STR_MATCH", "IPAddress": "127.0.0.1"}, {"Type": "CALCULATED", "HealthThreshold": 1},
                    {"Type": "RECOVERY_CONTROL", "RoutingControlArn": "arn:none"}):
            self.refused("InvalidInput", self.client.create_health_check, CallerReference="bad", HealthCheckConfig=bad)

    def test_recovery_control_checks_follow_routing_controls(self):
        def control(method, path, body=None):
            request = urllib.request.Request(f"{self.world.url}/v1/{path}", method=method,
                                             data=json.dumps(body or {}).encode(), headers={"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.loads(answer.read() or b"null")
        control("PUT", "control-panels/shop")
        arn = control("PUT", "control-panels/shop/controls/gra")["routing_controls"][0]["arn"]
        zone = self.zone("control.test")
        check = self.client.create_health_check(CallerReference="rc", HealthCheckConfig={
            "Type": "RECOVERY_CONTROL", "RoutingControlArn": arn})["HealthCheck"]["Id"]
        self.world.change(zone, ("CREATE", record("r.control.test", "A", "192.0.2.1", SetIdentifier="p", Failover="PRIMARY", HealthCheckId=check)),
                          ("CREATE", record("r.control.test", "A", "192.0.2.2", SetIdentifier="s", Failover="SECONDARY")))
        self.assertEqual(self.world.dig("r.control.test"), ["192.0.2.2"])
        control("POST", "control-states", {"changes": [{"control": "shop/gra", "state": "On"}]})
        self.assertEqual(self.world.dig("r.control.test"), ["192.0.2.1"])
        with self.assertRaises(urllib.error.HTTPError) as caught:
            control("DELETE", "control-panels/shop/controls/gra")
        self.assertEqual(caught.exception.code, 409)

    # ---- the rest ----

    def test_tags(self):
        zone = self.zone("tags.test").split("/")[-1]
        self.client.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone,
                                             AddTags=[{"Key": "team", "Value": "dns & more"}, {"Key": "x", "Value": ""}])
        self.client.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone, RemoveTagKeys=["x"])
        tags = self.client.list_tags_for_resource(ResourceType="hostedzone", ResourceId=zone)["ResourceTagSet"]
        self.assertEqual(tags["Tags"], [{"Key": "team", "Value": "dns & more"}])
        many = self.client.list_tags_for_resources(ResourceType="hostedzone", ResourceIds=[zone])["ResourceTagSets"]
        self.assertEqual(many, [tags])
        self.refused("NoSuchHealthCheck", self.client.list_tags_for_resource, ResourceType="healthcheck", ResourceId="none")
        check = self.client.create_health_check(CallerReference="tagged", HealthCheckConfig={
            "Type": "TCP", "IPAddress": "127.0.0.1", "Port": 1})["HealthCheck"]["Id"]
        self.refused("InvalidInput", self.client.change_tags_for_resource, ResourceType="healthcheck", ResourceId=check,
                     AddTags=[{"Key": "leeward:interval", "Value": "1ns"}])
        self.client.delete_health_check(HealthCheckId=check)

    def test_delegation_sets(self):
        made = self.client.create_reusable_delegation_set(CallerReference="d1")["DelegationSet"]
        self.assertEqual(len(made["NameServers"]), 4)
        self.refused("DelegationSetAlreadyCreated", self.client.create_reusable_delegation_set, CallerReference="d1")
        zone = self.client.create_hosted_zone(Name="set.test", CallerReference="d-zone", DelegationSetId=made["Id"])
        self.assertEqual(zone["DelegationSet"]["Id"], made["Id"])
        listed = self.client.list_hosted_zones(DelegationSetId=made["Id"])["HostedZones"]
        self.assertEqual([z["Name"] for z in listed], ["set.test."])
        self.assertEqual(self.client.get_reusable_delegation_set(Id=made["Id"])["DelegationSet"], made)
        self.assertEqual(len(self.client.list_reusable_delegation_sets()["DelegationSets"]), 1)
        limit = self.client.get_reusable_delegation_set_limit(Type="MAX_ZONES_BY_REUSABLE_DELEGATION_SET", DelegationSetId=made["Id"])
        self.assertEqual(limit["Count"], 1)
        self.refused("DelegationSetInUse", self.client.delete_reusable_delegation_set, Id=made["Id"])
        self.client.delete_hosted_zone(Id=zone["HostedZone"]["Id"])
        self.client.delete_reusable_delegation_set(Id=made["Id"])
        self.refused("NoSuchDelegationSet", self.client.get_reusable_delegation_set, Id=made["Id"])

    def test_query_logging(self):
        zone = self.zone("logging.test").split("/")[-1]
        arn = "arn:aws:logs:us-east-1:111122223333:log-group:/aws/route53/x"
        made = self.client.create_query_logging_config(HostedZoneId=zone, CloudWatchLogsLogGroupArn=arn)["QueryLoggingConfig"]
        self.refused("QueryLoggingConfigAlreadyExists", self.client.create_query_logging_config, HostedZoneId=zone,
                     CloudWatchLogsLogGroupArn=arn)
        self.assertEqual(self.client.get_query_logging_config(Id=made["Id"])["QueryLoggingConfig"], made)
        self.assertEqual(self.client.list_query_logging_configs(HostedZoneId=zone)["QueryLoggingConfigs"], [made])
        self.client.delete_query_logging_config(Id=made["Id"])
        self.refused("NoSuchQueryLoggingConfig", self.client.get_query_logging_config, Id=made["Id"])

    def test_cidr_collections(self):
        zone = self.zone("cidr.test")
        made = self.client.create_cidr_collection(Name="offices", CallerReference="c1")["Collection"]
        self.refused("CidrCollectionAlreadyExistsException", self.client.create_cidr_collection, Name="offices", CallerReference="c2")
        changed = self.client.change_cidr_collection(Id=made["Id"], CollectionVersion=1, Changes=[
            {"LocationName": "paris", "Action": "PUT", "CidrList": ["192.0.2.0/24", "2001:db8::/48"]},
            {"LocationName": "berlin", "Action": "PUT", "CidrList": ["198.51.100.0/24"]}])
        wait_for(lambda: self.client.get_change(Id=changed["Id"])["ChangeInfo"]["Status"] == "INSYNC", "INSYNC")
        self.refused("CidrCollectionVersionMismatchException", self.client.change_cidr_collection, Id=made["Id"], CollectionVersion=1,
                     Changes=[{"LocationName": "x", "Action": "PUT", "CidrList": ["203.0.113.0/24"]}])
        self.assertEqual(self.client.list_cidr_collections()["CidrCollections"][0]["Version"], 2)
        self.assertEqual([l["LocationName"] for l in self.client.list_cidr_locations(CollectionId=made["Id"])["CidrLocations"]],
                         ["berlin", "paris"])
        blocks = self.client.list_cidr_blocks(CollectionId=made["Id"], LocationName="paris")["CidrBlocks"]
        self.assertEqual([b["CidrBlock"] for b in blocks], ["192.0.2.0/24", "2001:db8::/48"])
        def of(location, address):
            return ("CREATE", record("c.cidr.test", "A", address, SetIdentifier=location,
                                     CidrRoutingConfig={"CollectionId": made["Id"], "LocationName": location}))
        self.world.change(zone, of("paris", "10.0.0.1"), of("berlin", "10.0.0.2"), of("*", "10.0.0.3"))
        for client, address in (("192.0.2.7/32", "10.0.0.1"), ("198.51.100.0/24", "10.0.0.2"), ("203.0.113.9", "10.0.0.3"),
                                ("2001:db8::7", "10.0.0.1")):
            self.assertEqual(self.world.dig("c.cidr.test", "A", f"+subnet={client}"), [address], client)
        tested = self.client.test_dns_answer(HostedZoneId=zone, RecordName="c.cidr.test", RecordType="A",
                                             EDNS0ClientSubnetIP="198.51.100.9", EDNS0ClientSubnetMask="24")
        self.assertEqual(tested["RecordData"], ["10.0.0.2"])
        self.refused("CidrCollectionInUseException", self.client.delete_cidr_collection, Id=made["Id"])
        empty = self.client.create_cidr_collection(Name="empty", CallerReference="c3")["Collection"]
        self.client.delete_cidr_collection(Id=empty["Id"])

    def test_dnssec_keys(self):
        zone = self.zone("signed.test").split("/")[-1]
        self.refused("KeySigningKeyWithActiveStatusNotFound", self.client.enable_hosted_zone_dnssec, HostedZoneId=zone)
        made = self.client.create_key_signing_key(CallerReference="k", HostedZoneId=zone, KeyManagementServiceArn=ARN,
                                                  Name="first", Status="INACTIVE")["KeySigningKey"]
        self.assertEqual((made["SigningAlgorithmType"], made["DigestAlgorithmType"]), (13, 2))
        self.refused("KeySigningKeyAlreadyExists", self.client.create_key_signing_key, CallerReference="k2", HostedZoneId=zone,
                     KeyManagementServiceArn=ARN, Name="first", Status="ACTIVE")
        self.client.activate_key_signing_key(HostedZoneId=zone, Name="first")
        self.world.in_sync(self.client.enable_hosted_zone_dnssec(HostedZoneId=zone))
        got = self.client.get_dnssec(HostedZoneId=zone)
        self.assertEqual((got["Status"]["ServeSignature"], got["KeySigningKeys"][0]["Status"]), ("SIGNING", "ACTIVE"))
        self.refused("KeySigningKeyInUse", self.client.deactivate_key_signing_key, HostedZoneId=zone, Name="first")
        self.refused("InvalidKeySigningKeyStatus", self.client.delete_key_signing_key, HostedZoneId=zone, Name="first")
        self.world.in_sync(self.client.disable_hosted_zone_dnssec(HostedZoneId=zone))
        self.client.deactivate_key_signing_key(HostedZoneId=zone, Name="first")
        self.client.delete_key_signing_key(HostedZoneId=zone, Name="first")
        self.refused("NoSuchKeySigningKey", self.client.activate_key_signing_key, HostedZoneId=zone, Name="first")

    def test_limits_and_places(self):
        zone = self.zone("limits.test")
        self.assertGreaterEqual(self.client.get_account_limit(Type="MAX_HOSTED_ZONES_BY_OWNER")["Count"], 1)
        self.assertEqual(self.client.get_hosted_zone_limit(Type="MAX_RRSETS_BY_ZONE", HostedZoneId=zone)["Count"], 2)
        self.assertEqual(self.client.get_geo_location(CountryCode="FR")["GeoLocationDetails"]["CountryName"], "France")
        self.assertEqual(self.client.get_geo_location(CountryCode="US", SubdivisionCode="CA")["GeoLocationDetails"]["SubdivisionName"],
                         "California")
        self.refused("NoSuchGeoLocation", self.client.get_geo_location, CountryCode="XX")
        places, start = [], {}
        while True:
            page = self.client.list_geo_locations(**start)
            places += page["GeoLocationDetailsList"]
            if not page["IsTruncated"]:
                break
            start = {f"Start{key[4:]}": page[key] for key in ("NextContinentCode", "NextCountryCode", "NextSubdivisionCode") if key in page}
        self.assertGreater(len(places), 300)
        self.assertEqual(len({json.dumps(p, sort_keys=True) for p in places}), len(places))

    def test_private_zones_are_not_here(self):
        zone = self.zone("vpc.test")
        vpc = {"VPCRegion": "eu-west-3", "VPCId": "vpc-1"}
        self.refused("InvalidVPCId", self.client.create_hosted_zone, Name="private.test", CallerReference="private", VPC=vpc)
        self.refused("PublicZoneVPCAssociation", self.client.associate_vpc_with_hosted_zone, HostedZoneId=zone, VPC=vpc)
        self.refused("VPCAssociationNotFound", self.client.disassociate_vpc_from_hosted_zone, HostedZoneId=zone, VPC=vpc)
        self.refused("PublicZoneVPCAssociation", self.client.create_vpc_association_authorization, HostedZoneId=zone, VPC=vpc)
        self.refused("VPCAssociationAuthorizationNotFound", self.client.delete_vpc_association_authorization, HostedZoneId=zone, VPC=vpc)
        self.assertEqual(self.client.list_vpc_association_authorizations(HostedZoneId=zone)["VPCs"], [])
        self.assertEqual(self.client.list_hosted_zones_by_vpc(VPCId="vpc-1", VPCRegion="eu-west-3")["HostedZoneSummaries"], [])

    def test_traffic_policies(self):
        zone = self.zone("traffic.test").split("/")[-1]
        document = {"AWSPolicyFormatVersion": "2015-10-01", "RecordType": "A", "StartRule": "top",
                    "Endpoints": {"a": {"Type": "value", "Value": "192.0.2.1"}, "b": {"Type": "value", "Value": "192.0.2.2"},
                                  "c": {"Type": "value", "Value": "192.0.2.3"}},
                    "Rules": {"top": {"RuleType": "geo", "Locations": [
                                  {"RuleReference": "weights", "IsDefault": True, "EvaluateTargetHealth": True},
                                  {"EndpointReference": "c", "Country": "FR"}]},
                              "weights": {"RuleType": "weighted", "Items": [
                                  {"EndpointReference": "a", "Weight": "0"}, {"EndpointReference": "b", "Weight": "5"}]}}}
        made = self.client.create_traffic_policy(Name="shop", Document=json.dumps(document))["TrafficPolicy"]
        self.refused("TrafficPolicyAlreadyExists", self.client.create_traffic_policy, Name="shop", Document=json.dumps(document))
        for bad in ("{}", "[", json.dumps({**document, "StartRule": "none"}),
                    json.dumps({**document, "Rules": {"top": {"RuleType": "failover", "Primary": {"RuleReference": "top"}}}})):
            self.refused("InvalidTrafficPolicyDocument", self.client.create_traffic_policy, Name="bad", Document=bad)
        instance = self.client.create_traffic_policy_instance(
            HostedZoneId=zone, Name="t.traffic.test", TTL=30, TrafficPolicyId=made["Id"], TrafficPolicyVersion=1)["TrafficPolicyInstance"]
        wait_for(lambda: self.world.dig("t.traffic.test") == ["192.0.2.2"], "the instance's answer")
        sets = self.client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        self.assertEqual({r.get("TrafficPolicyInstanceId") for r in sets if "traffic" in r["Name"] and r["Type"] == "A"}, {instance["Id"]})
        self.refused("InvalidChangeBatch", self.client.change_resource_record_sets, HostedZoneId=zone, ChangeBatch={"Changes": [
            {"Action": "DELETE", "ResourceRecordSet": next(r for r in sets if r["Type"] == "A" and "ResourceRecords" in r)}]})
        document["Rules"]["weights"]["Items"][0]["Weight"], document["Rules"]["weights"]["Items"][1]["Weight"] = "5", "0"
        second = self.client.create_traffic_policy_version(Id=made["Id"], Document=json.dumps(document), Comment="swapped")["TrafficPolicy"]
        self.assertEqual(second["Version"], 2)
        self.client.update_traffic_policy_instance(Id=instance["Id"], TTL=30, TrafficPolicyId=made["Id"], TrafficPolicyVersion=2)
        wait_for(lambda: self.world.dig("t.traffic.test") == ["192.0.2.1"], "the second version's answer")
        self.refused("TrafficPolicyInUse", self.client.delete_traffic_policy, Id=made["Id"], Version=2)
        self.assertEqual(self.client.get_traffic_policy(Id=made["Id"], Version=2)["TrafficPolicy"]["Comment"], "swapped")
        self.client.update_traffic_policy_comment(Id=made["Id"], Version=1, Comment="first")
        self.assertEqual(len(self.client.list_traffic_policy_versions(Id=made["Id"])["TrafficPolicies"]), 2)
        summary = self.client.list_traffic_policies()["TrafficPolicySummaries"]
        self.assertEqual((summary[0]["LatestVersion"], summary[0]["TrafficPolicyCount"]), (2, 2))
        self.assertEqual(self.client.get_traffic_policy_instance(Id=instance["Id"])["TrafficPolicyInstance"]["State"], "Applied")
        for listed in (self.client.list_traffic_policy_instances(),
                       self.client.list_traffic_policy_instances_by_hosted_zone(HostedZoneId=zone),
                       self.client.list_traffic_policy_instances_by_policy(TrafficPolicyId=made["Id"], TrafficPolicyVersion=2)):
            self.assertEqual([i["Id"] for i in listed["TrafficPolicyInstances"]], [instance["Id"]])
        self.assertEqual(self.client.get_traffic_policy_instance_count()["TrafficPolicyInstanceCount"], 1)
        self.client.delete_traffic_policy_instance(Id=instance["Id"])
        wait_for(lambda: self.world.rcode("t.traffic.test") == "NXDOMAIN", "the instance's end")
        for version in (1, 2):
            self.client.delete_traffic_policy(Id=made["Id"], Version=version)
        self.refused("NoSuchTrafficPolicy", self.client.get_traffic_policy, Id=made["Id"], Version=1)

    # ---- who may call ----

    def test_signatures(self):
        reader = self.world.client(READER, READER_SECRET)
        reader.list_hosted_zones()
        self.refused("AccessDenied", reader.create_hosted_zone, Name="r.test", CallerReference="r")
        self.refused("SignatureDoesNotMatch", self.world.client(secret="wrong" * 8).list_hosted_zones)
        self.refused("InvalidClientTokenId", self.world.client(key="AKIDNOBODY").list_hosted_zones)
        late = self.world.client()
        def old(request, **_):
            request.context["timestamp"] = "20200101T000000Z"
        late.meta.events.register("before-sign.route-53", old)
        import botocore.auth
        real = botocore.auth.datetime.datetime
        class Old(real):
            @classmethod
            def utcnow(cls):
                return real.utcnow() - datetime.timedelta(minutes=6)
        botocore.auth.datetime.datetime = Old
        try:
            self.refused("SignatureDoesNotMatch", late.list_hosted_zones)
        finally:
            botocore.auth.datetime.datetime = real

    def test_hostile_requests(self):
        def status(method, path, body=b""):
            request = urllib.request.Request(self.world.url + path, method=method, data=body or None)
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                self.assertIn(b"<ErrorResponse", error.read())
                return error.code
        self.assertEqual(status("GET", "/2013-04-01/hostedzone"), 403)
        self.assertEqual(status("POST", "/2013-04-01/hostedzone", b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"), 403)
        for body in (b"<!DOCTYPE x [<!ENTITY a 'b'>]><CreateHostedZoneRequest>&a;</CreateHostedZoneRequest>", b"<a>" * 5000, b"<a",
                     b"\xff\xfe", b"<Other/>"):
            def replace(params, body=body, **_):
                params["body"] = body
            client = self.world.client()
            client.meta.events.register("before-call.route-53", replace)
            self.refused("MalformedInput", client.create_hosted_zone, Name="x.test", CallerReference="x")

    @classmethod
    def tearDownClass(cls):
        model = cls.world.client().meta.service_model.operation_names
        missing = set(model) - cls.called
        assert not missing, f"not called: {missing}"


class Restart(unittest.TestCase):
    def test_everything_is_there_after_kill_9(self):
        with Route53World() as world:
            zone = world.zone("kept.test")
            world.change(zone, *[("CREATE", record(f"n{i}.kept.test", "A", f"10.0.{i // 250}.{i % 250}")) for i in range(900)])
            client = world.client()
            check = client.create_health_check(CallerReference="k", HealthCheckConfig={"Type": "TCP", "IPAddress": "127.0.0.1", "Port": 1})
            client.change_tags_for_resource(ResourceType="healthcheck", ResourceId=check["HealthCheck"]["Id"],
                                            AddTags=[{"Key": "team", "Value": "a"}])
            before = [client.list_hosted_zones()["HostedZones"], client.list_health_checks()["HealthChecks"],
                      client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]]
            world.restart()
            client = world.client()
            after = [client.list_hosted_zones()["HostedZones"], client.list_health_checks()["HealthChecks"],
                     client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]]
            self.assertEqual(before, after)
            self.assertEqual(world.dig("n899.kept.test"), ["10.0.3.149"])


if __name__ == "__main__":
    unittest.main(warnings="ignore")  # boto3 leaves its sockets to the collector
