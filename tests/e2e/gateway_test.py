#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Gateways whose stores are killed, frozen and cut off, and which are restarted themselves."""
import concurrent.futures
import json
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import dynamodb_local
from leeward_world import BIN, PATIENCE_S, wait_for

dynamodb_local.in_namespace()
from gateway_world import KEYS, PATH, REGIONS, Region  # noqa: E402

from botocore.exceptions import BotoCoreError, ClientError  # noqa: E402

TABLE = {"TableName": "items", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
         "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"}


def put(client, key, value="x"):
    client.put_item(TableName="items", Item={"id": {"S": key}, "v": {"S": value}})


def get(client, key):
    return client.get_item(TableName="items", Key={"id": {"S": key}}, ConsistentRead=True).get("Item")


class OneRegion(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="leeward-gateway-")
        region, port, *_ = REGIONS["GRA11"]
        store = dynamodb_local.DynamoDbLocal(port, region, pathlib.Path(self.directory.name))
        self.region = Region("GRA11", options=["--table=items"], store=store)
        self.client = self.region.client()
        self.client.create_table(**TABLE)

    def tearDown(self):
        self.region.close()
        self.directory.cleanup()

    def test_the_store_is_killed_and_comes_back(self):
        put(self.client, "before")
        self.region.store.kill()
        with self.assertRaises(ClientError) as raised:
            put(self.client, "while down")
        self.assertEqual(raised.exception.response["ResponseMetadata"]["HTTPStatusCode"], 500)
        wait_for(lambda: not self.region.control("GET", "/healthz")["store_up"], "the store to be missed")
        self.region.store.start()
        # Kept connections to the dead store are stale now; no client notices.
        put(self.client, "after")
        self.assertIsNotNone(get(self.client, "before"))
        self.assertIsNotNone(get(self.client, "after"))
        wait_for(self.region.healthy, "the store to be seen again")

    def test_a_gateway_that_is_killed_serves_again(self):
        put(self.client, "before")
        self.region.gateway.send_signal(signal.SIGKILL)
        self.region.gateway.wait()
        self.region.start()
        put(self.client, "after")
        stored = self.region.as_peer("GetItem", {"TableName": "items", "Key": {"id": {"S": "after"}}})["Item"]
        self.assertIn("_r", stored)

    def test_sigterm_lets_a_request_be_answered(self):
        self.region.faults({"direction": "clients", "action": "slow", "latency_ms": 1500})
        with concurrent.futures.ThreadPoolExecutor() as pool:
            under_way = pool.submit(put, self.client, "late")
            wait_for(lambda: 'faulted_total{region="GRA11"} 1' in self.region.control("GET", "/metrics"),
                     "the request to be under way")
            self.assertEqual(self.region.stop(), 0)
            under_way.result(timeout=PATIENCE_S)
        self.region.start()
        self.assertIsNotNone(get(self.client, "late"))

    def test_faults_meet_clients_and_not_peers(self):
        put(self.client, "a")
        as_peer = {"TableName": "items", "Key": {"id": {"S": "a"}}}
        self.region.faults({"direction": "clients", "action": "cut"})
        with self.assertRaises(BotoCoreError):
            get(self.client, "a")
        self.assertIn("Item", self.region.as_peer("GetItem", as_peer))
        self.region.faults({"direction": "clients", "action": "drop", "probability": 1})
        with self.assertRaises(BotoCoreError):
            get(self.client, "a")
        self.region.faults({"direction": "clients", "action": "freeze"})
        with concurrent.futures.ThreadPoolExecutor() as pool:
            frozen = pool.submit(get, self.client, "a")
            with self.assertRaises(BotoCoreError):
                get(self.region.client(timeout_s=1), "a")
            self.assertFalse(frozen.done())
            self.region.faults()
            self.assertIsNotNone(frozen.result(timeout=PATIENCE_S))
        self.region.faults({"direction": "peer:TEST", "action": "cut"})
        with self.assertRaises(OSError):
            self.region.as_peer("GetItem", as_peer)
        self.assertIsNotNone(get(self.client, "a"))

    def test_many_writers_of_one_item_lose_nothing(self):
        client = self.region.client(retries=5)

        def add(_):
            client.update_item(TableName="items", Key={"id": {"S": "sum"}}, UpdateExpression="ADD n :one",
                               ExpressionAttributeValues={":one": {"N": "1"}})

        with concurrent.futures.ThreadPoolExecutor(max_workers=6) as pool:
            list(pool.map(add, range(120)))
        self.assertEqual(get(self.client, "sum")["n"]["N"], "120")


class TwoRegions(unittest.TestCase):
    def setUp(self):
        self.here = Region("GRA11", peers=["RBX-A"])
        self.there = Region("RBX-A", peers=["GRA11"])
        self.clients = [self.here.client(), self.there.client()]
        self.clients[0].create_table(**TABLE)
        self.clients[0].update_table(TableName="items",
                                     ReplicaUpdates=[{"Create": {"RegionName": "eu-central-1"}}])
        self.directory = tempfile.TemporaryDirectory(prefix="leeward-gateway-")
        # Each region's replicator learns from the registry what to carry, and pulls it through the
        # other region's gateway.
        self.replicators = [self.replicator(self.here, self.there), self.replicator(self.there, self.here)]

    def replicator(self, into, source):
        state = pathlib.Path(self.directory.name) / into.name
        state.mkdir()
        return subprocess.Popen(
            [BIN / "leeward-replicator", f"--region={into.name}={into.store.endpoint},{into.aws_region}",
             f"--region={source.name}={source.endpoint},{source.aws_region}", f"--into={into.name}",
             f"--state-dir={state}"], env={**KEYS, **PATH}, stderr=subprocess.DEVNULL)

    def tearDown(self):
        for replicator in self.replicators:
            replicator.terminate()
            replicator.wait()
        self.here.close()
        self.there.close()
        self.directory.cleanup()

    def test_writes_and_deletes_are_seen_in_the_other_region_and_stamps_nowhere(self):
        here, there = self.clients
        for number in range(20):
            put(here, f"here-{number}", "1")
            put(there, f"there-{number}", "1")
        for client, prefix in ((there, "here"), (here, "there")):
            wait_for(lambda client=client, prefix=prefix: all(get(client, f"{prefix}-{n}") for n in range(20)),
                     "the other region's writes")
        there.delete_item(TableName="items", Key={"id": {"S": "here-0"}})
        here.update_item(TableName="items", Key={"id": {"S": "there-0"}}, UpdateExpression="SET v = :v",
                         ExpressionAttributeValues={":v": {"S": "2"}})
        wait_for(lambda: get(here, "here-0") is None, "the delete")
        wait_for(lambda: get(there, "there-0")["v"]["S"] == "2", "the update")
        for client in self.clients:
            scan = client.scan(TableName="items", ConsistentRead=True)
            self.assertEqual((scan["Count"], scan["ScannedCount"]), (39, 39))
            self.assertNotIn('"_r"', json.dumps(scan["Items"]))
            self.assertNotIn('"_del"', json.dumps(scan["Items"]))

    def test_both_regions_write_one_item_and_agree(self):
        stop = threading.Event()

        def write(region):
            client, number = region.client(), 0
            while not stop.is_set():
                number += 1
                put(client, "contended", f"{region.name}-{number}")
                if number % 7 == 0:
                    client.delete_item(TableName="items", Key={"id": {"S": "contended"}})

        with concurrent.futures.ThreadPoolExecutor() as pool:
            writers = [pool.submit(write, region) for region in (self.here, self.there)]
            time.sleep(3)
            stop.set()
            for writer in writers:
                writer.result(timeout=PATIENCE_S)
        key = {"TableName": "items", "Key": {"id": {"S": "contended"}}, "ConsistentRead": True}
        wait_for(lambda: self.here.as_peer("GetItem", key) == self.there.as_peer("GetItem", key),
                 "both regions to hold the same item")


    def test_what_was_there_before_arrives_and_a_partition_heals(self):
        here, there = self.clients
        here.create_table(**{**TABLE, "TableName": "older"})
        for number in range(10):
            here.put_item(TableName="older", Item={"id": {"S": f"old-{number}"}})
        here.update_table(TableName="older", ReplicaUpdates=[{"Create": {"RegionName": "eu-central-1"}}])
        wait_for(lambda: there.scan(TableName="older")["Count"] == 10, "the items from before")
        for region, other in ((self.here, "RBX-A"), (self.there, "GRA11")):
            region.faults({"direction": f"peer:{other}", "action": "cut"})
        here.delete_item(TableName="older", Key={"id": {"S": "old-0"}})
        there.put_item(TableName="older", Item={"id": {"S": "new"}})
        self.assertEqual(here.scan(TableName="older")["Count"], 9)
        self.assertEqual(there.scan(TableName="older")["Count"], 11)
        for region in (self.here, self.there):
            region.faults()
        for client in self.clients:
            wait_for(lambda client=client: client.scan(TableName="older")["Count"] == 10
                     and "Item" in client.get_item(TableName="older", Key={"id": {"S": "new"}}), "both regions' writes")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
