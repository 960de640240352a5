#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The aws command against two regions' gateways: what a user types, tutorials' mistakes included."""
import json
import unittest

import dynamodb_local
from leeward_world import wait_for

dynamodb_local.in_namespace()
from gateway_world import Region, need_aws_cli  # noqa: E402

need_aws_cli()
HERE = THERE = None


def setUpModule():
    global HERE, THERE
    HERE, THERE = Region("GRA11", peers=["RBX-A"]), Region("RBX-A", peers=["GRA11"])


def tearDownModule():
    HERE.close()
    THERE.close()


def create(region, name, *more):
    return region.cli("dynamodb", "create-table", "--table-name", name, "--attribute-definitions",
                      "AttributeName=id,AttributeType=S", "--key-schema", "AttributeName=id,KeyType=HASH",
                      "--billing-mode", "PAY_PER_REQUEST", *more)


def replica_updates(action, region):
    return "--replica-updates", json.dumps([{action: {"RegionName": region}}])


class Cli(unittest.TestCase):
    def fails(self, region, expected, *arguments):
        status, _, errors = region.cli(*arguments, check=False)
        self.assertNotEqual(status, 0, arguments)
        self.assertIn(expected, errors)

    def test_a_global_table_from_its_creation_to_its_end(self):
        create(HERE, "music")
        HERE.cli("dynamodb", "put-item", "--table-name", "music", "--item", '{"id": {"S": "before"}}')
        made = HERE.cli("dynamodb", "update-table", "--table-name", "music", *replica_updates("Create", "eu-central-1"))
        self.assertEqual([r["RegionName"] for r in made["TableDescription"]["Replicas"]], ["eu-central-1"])

        def described(region):
            return region.cli("dynamodb", "describe-table", "--table-name", "music")["Table"]

        def active(region):
            table = described(region)
            return all(r["ReplicaStatus"] == "ACTIVE" for r in table.get("Replicas", [{"ReplicaStatus": "none"}])) and table

        for region, other in ((HERE, "eu-central-1"), (THERE, "eu-west-3")):
            table = wait_for(lambda region=region: active(region), "the replica to be ACTIVE")
            self.assertEqual(table["Replicas"], [{"RegionName": other, "ReplicaStatus": "ACTIVE"}])
            self.assertEqual(table["GlobalTableVersion"], "2019.11.21")
            self.assertEqual(table["StreamSpecification"]["StreamViewType"], "NEW_AND_OLD_IMAGES")
            self.assertIn(f":dynamodb:{region.aws_region}:", table["TableArn"])
            self.assertEqual(region.cli("dynamodb", "list-tables")["TableNames"], ["music"])
        # Both regions stamp from now on, and show none of it.
        for region in (HERE, THERE):
            region.cli("dynamodb", "put-item", "--table-name", "music", "--item", '{"id": {"S": "a"}}')
            got = region.cli("dynamodb", "get-item", "--table-name", "music", "--key", '{"id": {"S": "a"}}')
            self.assertEqual(got["Item"], {"id": {"S": "a"}})
            stored = region.as_peer("GetItem", {"TableName": "music", "Key": {"id": {"S": "a"}}})["Item"]
            self.assertTrue(stored["_r"]["S"].endswith(region.name))
        HERE.cli("dynamodb", "update-time-to-live", "--table-name", "music", "--time-to-live-specification",
                 "Enabled=true,AttributeName=expires")
        ttl = THERE.cli("dynamodb", "describe-time-to-live", "--table-name", "music")["TimeToLiveDescription"]
        self.assertEqual(ttl, {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"})
        self.refusals_on_a_global_table()
        HERE.cli("dynamodb", "update-table", "--table-name", "music", *replica_updates("Delete", "eu-central-1"))
        self.assertNotIn("Replicas", described(HERE))
        self.assertEqual(THERE.cli("dynamodb", "list-tables")["TableNames"], [])
        got = HERE.cli("dynamodb", "get-item", "--table-name", "music", "--key", '{"id": {"S": "a"}}')
        self.assertEqual(got["Item"], {"id": {"S": "a"}})  # still without its stamp
        HERE.cli("dynamodb", "delete-table", "--table-name", "music")
        self.assertEqual(HERE.cli("dynamodb", "list-tables")["TableNames"], [])

    def refusals_on_a_global_table(self):
        update = ("dynamodb", "update-table", "--table-name", "music")
        self.fails(HERE, "Cannot add or delete the local region through ReplicaUpdates", *update,
                   *replica_updates("Create", "eu-west-3"))
        self.fails(HERE, "Unsupported region: 'us-east-1'", *update, *replica_updates("Create", "us-east-1"))
        self.fails(HERE, "already existed", *update, *replica_updates("Create", "eu-central-1"))
        self.fails(HERE, "not allowed", *update, "--stream-specification", "StreamEnabled=false")
        self.fails(HERE, "already has an enabled stream", *update, "--stream-specification",
                   "StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES")
        # A global table of the newer version is none to the older calls.
        self.fails(HERE, "GlobalTableNotFoundException", "dynamodb", "describe-global-table", "--global-table-name",
                   "music")
        self.assertEqual(HERE.cli("dynamodb", "list-global-tables")["GlobalTables"], [])

    def test_strong_consistency_is_refused(self):  # by hand: Debian's aws does not know the option
        create(HERE, "strong")
        _, _, answer = HERE.raw("DynamoDB_20120810.UpdateTable", json.dumps({
            "TableName": "strong", "ReplicaUpdates": [{"Create": {"RegionName": "eu-central-1"}}],
            "MultiRegionConsistency": "STRONG"}).encode())
        self.assertIn("Multi-region strong consistency", json.loads(answer)["message"])
        HERE.cli("dynamodb", "delete-table", "--table-name", "strong")

    def test_another_key_schema_is_named_and_refused(self):
        create(HERE, "mixed")
        THERE.cli("dynamodb", "create-table", "--table-name", "mixed", "--attribute-definitions",
                  "AttributeName=user,AttributeType=N", "--key-schema", "AttributeName=user,KeyType=HASH",
                  "--billing-mode", "PAY_PER_REQUEST")
        self.fails(HERE, "its key is (user HASH N) there and (id HASH S) here", "dynamodb", "update-table",
                   "--table-name", "mixed", *replica_updates("Create", "eu-central-1"))
        for region in (HERE, THERE):
            self.assertNotIn("Replicas", region.cli("dynamodb", "describe-table", "--table-name", "mixed")["Table"])
            region.cli("dynamodb", "delete-table", "--table-name", "mixed")

    def test_an_unreachable_region_leaves_nothing_behind(self):
        create(HERE, "alone")
        THERE.faults({"direction": "peer:GRA11", "action": "cut"})
        try:
            self.fails(HERE, "InternalServerError", "dynamodb", "update-table", "--table-name", "alone",
                       *replica_updates("Create", "eu-central-1"))
        finally:
            THERE.faults()
        self.assertNotIn("Replicas", HERE.cli("dynamodb", "describe-table", "--table-name", "alone")["Table"])
        HERE.cli("dynamodb", "update-table", "--table-name", "alone", *replica_updates("Create", "eu-central-1"))
        # A region that deletes its table leaves the group.
        THERE.cli("dynamodb", "delete-table", "--table-name", "alone")
        self.assertNotIn("Replicas", HERE.cli("dynamodb", "describe-table", "--table-name", "alone")["Table"])
        HERE.cli("dynamodb", "delete-table", "--table-name", "alone")

    def test_tutorials_as_they_are_and_corrected(self):
        stream = ("--stream-specification", "StreamEnabled=true,StreamViewType={}")
        self.fails(HERE, "'NEW_AND_OLD' at 'streamSpecification.streamViewType'", "dynamodb", "create-table",
                   "--table-name", "tutorial", "--attribute-definitions", "AttributeName=id,AttributeType=S",
                   "--key-schema", "AttributeName=id,KeyType=HASH", "--billing-mode", "PAY_PER_REQUEST", stream[0],
                   stream[1].format("NEW_AND_OLD"))
        for region in (HERE, THERE):
            create(region, "tutorial", stream[0], stream[1].format("NEW_AND_OLD_IMAGES"))
        self.fails(HERE, "--global-table-name", "dynamodb", "create-global-table", "--global-table-id", "tutorial")
        made = HERE.cli("dynamodb", "create-global-table", "--global-table-name", "tutorial", "--replication-group",
                        "RegionName=eu-west-3", "RegionName=eu-central-1")["GlobalTableDescription"]
        self.assertEqual([replica["RegionName"] for replica in made["ReplicationGroup"]],
                         ["eu-west-3", "eu-central-1"])
        self.assertEqual(made["GlobalTableStatus"], "ACTIVE")
        for region in (HERE, THERE):
            shown = region.cli("dynamodb", "describe-global-table", "--global-table-name", "tutorial")
            self.assertEqual(len(shown["GlobalTableDescription"]["ReplicationGroup"]), 2)
            listed = region.cli("dynamodb", "list-global-tables")["GlobalTables"]
            self.assertEqual([table["GlobalTableName"] for table in listed], ["tutorial"])
        settings = HERE.cli("dynamodb", "describe-global-table-settings", "--global-table-name", "tutorial")
        self.assertEqual(len(settings["ReplicaSettings"]), 2)
        self.fails(HERE, "GlobalTableAlreadyExistsException", "dynamodb", "create-global-table", "--global-table-name",
                   "tutorial", "--replication-group", "RegionName=eu-west-3")
        self.fails(HERE, "ReplicaAlreadyExistsException", "dynamodb", "update-global-table", "--global-table-name",
                   "tutorial", "--replica-updates", "Create={RegionName=eu-central-1}")
        rest = HERE.cli("dynamodb", "update-global-table", "--global-table-name", "tutorial", "--replica-updates",
                        "Delete={RegionName=eu-central-1}")["GlobalTableDescription"]
        self.assertEqual([replica["RegionName"] for replica in rest["ReplicationGroup"]], ["eu-west-3"])
        self.fails(HERE, "GlobalTableNotFoundException", "dynamodb", "describe-global-table", "--global-table-name",
                   "nothing")
        for region in (HERE, THERE):
            region.cli("dynamodb", "delete-table", "--table-name", "tutorial")

    def test_items_as_a_user_types_them(self):
        create(HERE, "orders")
        for number in range(3):
            HERE.cli("dynamodb", "put-item", "--table-name", "orders", "--item",
                     json.dumps({"id": {"S": f"o{number}"}, "total": {"N": str(number)}}))
        HERE.cli("dynamodb", "update-item", "--table-name", "orders", "--key", '{"id": {"S": "o1"}}',
                 "--update-expression", "SET #t = :t", "--expression-attribute-values", '{":t": {"N": "10"}}',
                 "--expression-attribute-names", '{"#t": "total"}')
        HERE.cli("dynamodb", "delete-item", "--table-name", "orders", "--key", '{"id": {"S": "o0"}}')
        scan = HERE.cli("dynamodb", "scan", "--table-name", "orders", "--page-size", "1")
        self.assertEqual(sorted((item["id"]["S"], item["total"]["N"]) for item in scan["Items"]),
                         [("o1", "10"), ("o2", "2")])
        self.assertEqual(HERE.cli("dynamodb", "describe-endpoints", check=False)[0] != 0, True)
        arns = HERE.cli("dynamodbstreams", "list-streams")["Streams"]
        self.assertNotIn("leeward-", json.dumps(arns))
        HERE.cli("dynamodb", "delete-table", "--table-name", "orders")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
