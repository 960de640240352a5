#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The conflict ledger of tables that replicate by themselves, as Amazon's global tables do: two real
stores, carried between by this test, last writer wins, without a stamp in any item."""
import json
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import dynamodb_local
from dynamodb_local import DynamoDbLocal
from leeward_world import BIN, wait_for

REGIONS = {"GRA11": ("eu-west-3", 8101), "RBX-A": ("eu-central-1", 8102)}
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "PATH": "/usr/bin:/bin"}
DELAY_S = 1.2  # of replication; far above what reading two streams differs by, on a busy machine too
CONFIG = """
regions:
  GRA11: { dynamodb: { region: eu-west-3, endpoint: "http://127.0.0.1:8101" } }
  RBX-A: { dynamodb: { region: eu-central-1, endpoint: "http://127.0.0.1:8102" } }
tables:
  orders: { key: { hash: "id:S" }, replicas: [GRA11, RBX-A] }
"""


class GlobalTable:
    """What Amazon does, and what nobody there tells: which writes were lost."""

    def __init__(self, stores):
        self.stores = stores
        self.standing = {name: {} for name in stores}  # region -> key -> number of the write
        self.base, self.home, self.values = {}, {}, {}
        self.flying = []  # (due, region, key, number)
        self.last = 0
        self.lost = set()  # (key, value)

    def write(self, region, key):
        self.deliver()
        self.last += 1
        number = self.last
        self.base[number] = self.standing[region].get(key)
        self.home[number] = region
        self.values[number] = f"{key} number {number} of {region}"
        self.put(region, key, number)
        self.flying += [(time.monotonic() + DELAY_S, other, key, number) for other in self.stores if other != region]

    def put(self, region, key, number):
        self.stores[region].call("PutItem", {"TableName": "orders", "Item": {
            "id": {"S": key}, "value": {"S": self.values[number]}}})
        self.standing[region][key] = number

    def deliver(self, everything=False):
        now = time.monotonic()
        due = [f for f in self.flying if everything or f[0] <= now]
        self.flying = [f for f in self.flying if f not in due]
        for _, region, key, number in sorted(due):
            displaced = self.standing[region].get(key)
            if displaced is not None and displaced > number:
                continue  # the later writer stands already
            if displaced is not None and self.home[displaced] == region and not self.among_ancestors(displaced, number):
                self.lost.add((key, self.values[displaced]))
            self.put(region, key, number)

    def among_ancestors(self, version, number):
        while number is not None:
            number = self.base[number]
            if number == version:
                return True
        return False


class Observer(unittest.TestCase):
    def test_the_ledger_has_every_lost_write_and_no_other(self):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="leeward-observer-"))
        self.addCleanup(shutil.rmtree, directory, True)
        stores = {name: DynamoDbLocal(port, region) for name, (region, port) in REGIONS.items()}
        for store in stores.values():
            self.addCleanup(store.kill)
            store.call("CreateTable", {
                "TableName": "orders", "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}})
        table = GlobalTable(stores)
        for number in range(5):  # history, which nobody watched
            table.write("GRA11", f"order-{number}")
        time.sleep(DELAY_S)
        table.deliver(everything=True)
        status_file = directory / "status.json"
        observer = subprocess.Popen(
            [BIN / "leeward-replicator", "--observe", "--table", "orders", "--state-dir", directory, "--settle", "4s",
             "--status-file", status_file,
             *(f"--region={name}=http://127.0.0.1:{port},{region}" for name, (region, port) in REGIONS.items())], env=KEYS)
        self.addCleanup(observer.wait)
        self.addCleanup(observer.kill)

        def status():
            try:
                return json.loads(status_file.read_text())["tables"][0]
            except (OSError, ValueError, IndexError):
                return {"live": False}

        wait_for(lambda: status()["live"], "the observer to have read what the streams remember")
        random.seed(5)
        for _ in range(60):
            table.write(random.choice(list(stores)), f"order-{random.randrange(6)}")
            time.sleep(random.choice((0.02, 0.15, 0.3)))
        for region in stores:  # the last word on it is a conflict
            table.write(region, "order-last")
        time.sleep(DELAY_S)
        table.deliver(everything=True)
        self.assertGreater(len(table.lost), 5, "the test has something to find")

        def ledger():
            found = {}
            for name, store in stores.items():
                try:
                    page = store.call("Scan", {"TableName": "leeward-conflicts"})
                except OSError:
                    continue  # no loss in that region yet
                for item in page["Items"]:
                    self.assertEqual(item["loser_region"]["S"], name)
                    self.assertEqual(item["evidence"]["S"], "join")
                    loser = item["loser"]["M"]
                    found[loser["id"]["S"], loser["value"]["S"]] = item
            return found

        wait_for(lambda: set(ledger()) >= table.lost, "every lost write in the ledger")
        time.sleep(5)  # whatever else it may still say
        self.assertEqual(set(ledger()), table.lost)
        config = directory / "leeward.yaml"
        config.write_text(CONFIG)
        listed = subprocess.run([BIN / "leeward", "--output", "json", "tables", "conflicts", "--spec", config], env=KEYS,
                                stdout=subprocess.PIPE, text=True, check=True, timeout=60)
        conflicts = json.loads(listed.stdout)["conflicts"]
        self.assertEqual({(c["loser"]["id"]["S"], c["loser"]["value"]["S"]) for c in conflicts}, table.lost)

        # One that nobody has written over since is written again, and only once.
        stands = next(c for c in conflicts if c["key"]["id"]["S"] == "order-last")
        again = [BIN / "leeward", "tables", "conflicts", "--spec", config, "--reapply", stands["id"], "--region", "GRA11"]
        done = subprocess.run(again, env=KEYS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        item = stores["GRA11"].call("GetItem", {"TableName": "orders", "Key": stands["key"]})["Item"]
        self.assertEqual(item, stands["loser"])
        refused = subprocess.run(again, env=KEYS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertIn("written again since", refused.stdout)
        shown = subprocess.run([BIN / "leeward", "tables", "conflicts", "--spec", config, "--show", stands["id"]], env=KEYS,
                               stdout=subprocess.PIPE, text=True, check=True)
        self.assertIn("re-applied", shown.stdout)

        observer.send_signal(signal.SIGTERM)
        self.assertEqual(observer.wait(timeout=30), 0)


if __name__ == "__main__":
    dynamodb_local.in_namespace()
    unittest.main(verbosity=2)
