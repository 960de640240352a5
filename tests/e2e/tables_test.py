#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`leeward tables` against two real stores: what is missing is made, once, and nothing else is touched."""
import json
import pathlib
import subprocess
import tempfile
import unittest

import dynamodb_local
from dynamodb_local import DynamoDbLocal
from leeward_world import BIN, PATIENCE_S

REGIONS = {"GRA11": ("eu-west-3", 8101), "RBX-A": ("eu-central-1", 8102)}
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
NO_KEYS = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent", "PATH": "/usr/bin:/bin"}

SPEC = """
regions:
  GRA11: { dynamodb: { region: eu-west-3, endpoint: "http://127.0.0.1:8101" } }
  RBX-A: { dynamodb: { region: eu-central-1, endpoint: "http://127.0.0.1:8102" } }
tables:
  orders:
    key: { hash: "pk:S", range: "sk:N" }
    indexes:
      - { name: by-day, hash: "day:S", projection: include, include: [total, customer] }
      - { name: own-order, scope: local, range: "placed:S", projection: keys-only }
    ttl: expires
    replicas: [GRA11, RBX-A]
    global_tables: none
  carts: { key: { hash: "id:B" }, replicas: [RBX-A, GRA11], global_tables: none }
"""


def leeward(*arguments, environment=None):
    return subprocess.run([BIN / "leeward", "tables", *arguments], env=KEYS if environment is None else environment,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=4 * PATIENCE_S,
                          check=False)


class Tables(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stores = {name: DynamoDbLocal(port, region) for name, (region, port) in REGIONS.items()}
        cls.directory = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        for store in cls.stores.values():
            store.kill()
        cls.directory.cleanup()

    def setUp(self):
        for store in self.stores.values():
            for table in store.call("ListTables", {})["TableNames"]:
                store.call("DeleteTable", {"TableName": table})

    def spec(self, text=SPEC):
        path = pathlib.Path(self.directory.name) / "tables.yaml"
        path.write_text(text)
        return "--spec", path

    def expect(self, code, *arguments, environment=None):
        result = leeward(*arguments, environment=environment)
        self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result

    def snapshot(self):
        def described(store, table):
            facts = store.call("DescribeTable", {"TableName": table})["Table"]
            return facts, store.call("DescribeTimeToLive", {"TableName": table})
        return {name: {table: described(store, table) for table in store.call("ListTables", {})["TableNames"]}
                for name, store in self.stores.items()}

    def test_makes_tables_once(self):
        spec = self.spec()
        self.assertEqual(self.expect(1, "status", *spec).stdout.count("the table is missing"), 4)
        plan = json.loads(self.expect(0, "ensure", *spec, "--dry-run", "--output", "json").stdout)
        self.assertEqual([table["result"] for table in plan["tables"]], ["planned", "planned"])
        self.assertEqual([step["operation"] for step in plan["tables"][0]["steps"]],
                         ["CreateTable", "UpdateTimeToLive"] * 2)
        self.assertEqual(self.snapshot(), {"GRA11": {}, "RBX-A": {}}, "a dry run changes nothing")

        only = self.expect(0, "ensure", *spec, "--table", "carts").stdout
        self.assertIn("carts [1/2] create table 'carts' in RBX-A (eu-central-1)", only)
        self.assertIn("carts: as asked for", only)
        self.assertEqual([list(tables) for tables in self.snapshot().values()], [["carts"], ["carts"]])

        both = self.expect(0, "ensure", *spec).stdout
        self.assertIn("carts: nothing to do", both)
        self.assertIn("orders: as asked for", both)
        for tables in self.snapshot().values():
            facts, ttl = tables["orders"]
            self.assertEqual(facts["StreamSpecification"],
                             {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
            self.assertEqual(facts["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST")
            self.assertEqual(sorted(facts["GlobalSecondaryIndexes"][0]["Projection"]["NonKeyAttributes"]),
                             ["customer", "total"])
            self.assertEqual(facts["LocalSecondaryIndexes"][0]["IndexName"], "own-order")
            self.assertEqual(ttl["TimeToLiveDescription"], {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"})

        before = self.snapshot()
        again = json.loads(self.expect(0, "ensure", *spec, "--output", "json").stdout)
        self.assertEqual([table["result"] for table in again["tables"]], ["nothing-to-do"] * 2)
        self.assertEqual(self.snapshot(), before, "the second run changes nothing")
        status = json.loads(self.expect(0, "status", *spec, "--output", "json").stdout)["tables"]
        self.assertEqual([[row["stream"] for row in table["regions"]] for table in status],
                         [["NEW_AND_OLD_IMAGES"] * 2] * 2)

    def test_completes_what_is_there(self):
        self.stores["RBX-A"].call("CreateTable", {
            "TableName": "orders", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind}
                                     for name, kind in (("pk", "S"), ("sk", "N"))]})
        self.stores["RBX-A"].call("PutItem", {"TableName": "orders", "Item": {
            "pk": {"S": "kept"}, "sk": {"N": "1"}}})
        text = SPEC.replace('      - { name: own-order, scope: local, range: "placed:S", projection: keys-only }\n', "")
        status = self.expect(1, "status", *self.spec(text), "--table", "orders").stdout
        self.assertIn("drift in RBX-A: the stream is off", status)
        self.assertIn("drift in RBX-A: index 'by-day' is missing", status)
        said = self.expect(0, "ensure", *self.spec(text), "--table", "orders").stdout
        self.assertIn("enable the stream NEW_AND_OLD_IMAGES in RBX-A", said)
        self.assertIn("create index 'by-day' in RBX-A", said)
        self.expect(0, "status", *self.spec(text), "--table", "orders")
        self.assertEqual(self.stores["RBX-A"].call("Scan", {"TableName": "orders"})["Count"], 1)

    def test_another_key_in_one_region_stops_everything(self):
        self.stores["RBX-A"].create_table("orders")
        said = self.expect(1, "ensure", *self.spec(), "--table", "orders").stdout
        self.assertIn("RBX-A (eu-central-1): the table's key is id:S, not pk:S, sk:N", said)
        self.assertEqual(list(self.snapshot()["GRA11"]), [], "nothing is made beside a table that does not fit")

    def test_a_store_without_global_tables_is_explained(self):
        result = self.expect(1, "ensure", *self.spec(SPEC.replace(", global_tables: none", "")), "--table", "carts")
        for words in ("cannot add replica GRA11 (eu-west-3)", "leeward-gateway", "global_tables: none"):
            self.assertIn(words, result.stderr)
        result = self.expect(1, "ensure", *self.spec(SPEC.replace("global_tables: none", "global_tables: legacy")),
                             "--table", "carts")
        self.assertIn("2017.11.29", result.stderr)

    def test_streams_with_another_view_are_named(self):
        store = self.stores["GRA11"]
        store.call("CreateTable", {
            "TableName": "carts", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "B"}], "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}})
        said = self.expect(1, "ensure", *self.spec(), "--table", "carts").stdout
        self.assertIn("the stream's view is KEYS_ONLY", said)

    def test_a_region_that_is_down(self):
        spec = self.spec(SPEC.replace("8102", "8999"))
        self.assertIn("unreachable", self.expect(3, "status", *spec).stdout)
        self.assertIn("RBX-A (eu-central-1): http://127.0.0.1:8999", self.expect(3, "ensure", *spec).stdout)
        self.assertEqual(self.snapshot()["GRA11"], {}, "nothing is made while a region is out of sight")

    def test_usage(self):
        self.expect(2, "ensure")
        self.expect(2, "ensure", "--spec", "a", "--config", "b")
        self.expect(2, "ensure", *self.spec(), "--timeout", "soon")
        self.expect(1, "ensure", "--spec", "/nonexistent")
        self.expect(1, "ensure", *self.spec(), "--table", "unknown")
        bad = self.expect(1, "ensure", *self.spec(SPEC.replace('"pk:S"', "pk")))
        self.assertIn("tables.yaml:7:18: tables.orders.key.hash: expected NAME:TYPE", bad.stderr)
        self.assertIn("AWS_ACCESS_KEY_ID", self.expect(4, "status", *self.spec(), environment=NO_KEYS).stderr)

    def test_a_daemons_config_without_its_secrets(self):
        config = pathlib.Path(self.directory.name) / "leeward.yaml"
        config.write_text(SPEC.replace(", replicas: [RBX-A, GRA11]", "") + """
api:
  tokens:
    alice: { role: admin, token: { file: /nonexistent/a } }
    bob: { role: viewer, token: { env: NOT_SET } }
applications:
  shop:
    hostname: shop.example.test
    regions:
      - { region: RBX-A, address: 192.0.2.1, check: { type: TCP, port: 1 } }
      - { region: GRA11, address: 192.0.2.2, check: { type: TCP, port: 1 } }
    tables: [carts, no-spec]
""")
        said = self.expect(0, "ensure", "--config", config).stdout
        self.assertIn("create table 'carts' in RBX-A", said)
        self.assertIn("no-spec: skipped", said)
        status = self.expect(0, "status", "--config", config).stdout
        self.assertIn("no-spec  no global table", status)


if __name__ == "__main__":
    dynamodb_local.in_namespace()
    unittest.main(verbosity=2)
