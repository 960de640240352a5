#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two real stores, and replicators between them that are killed: both end with the same items."""
import json
import pathlib
import random
import subprocess
import tempfile
import time
import unittest

import dynamodb_local
from dynamodb_local import DynamoDbLocal
from leeward_world import BIN, PATIENCE_S, wait_for

REGIONS = {"GRA11": ("eu-west-3", 8101), "RBX-A": ("eu-central-1", 8102)}
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "PATH": "/usr/bin:/bin"}


class Two:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="leeward-replicator-"))
        self.stores = {}
        for name, (region, port) in REGIONS.items():
            (self.directory / name).mkdir()
            self.stores[name] = DynamoDbLocal(port, region, self.directory / name)
            self.stores[name].create_table()
        self.replicator = None
        self.log = None
        self.last_us = 0

    def start_replicator(self):
        regions = [f"--region={name}=http://127.0.0.1:{port},{region}" for name, (region, port) in REGIONS.items()]
        if self.log is None:
            self.log = open(self.directory / "replicator.log", "ab")
        self.replicator = subprocess.Popen(
            [BIN / "leeward-replicator", "--table", "items", *regions, "--state-dir", self.directory,
             "--status-file", self.directory / "status.json"], env=ENVIRONMENT, stdout=self.log, stderr=self.log)

    def kill_replicator(self):
        self.replicator.kill()
        self.replicator.wait()

    def stamp(self, region):
        self.last_us = max(self.last_us + 1, time.time_ns() // 1000)
        return f"{self.last_us:016}.0000.{region}"

    def put(self, region, key, value):
        item = {"id": {"S": key}, "_r": {"S": self.stamp(region)}}
        item.update({"value": {"S": value}} if value is not None else {"_del": {"BOOL": True}})
        self.stores[region].call("PutItem", {"TableName": "items", "Item": item})

    def wait_equal(self, what):
        a, b = self.stores.values()
        wait_for(lambda: a.scan() == b.scan(), f"both regions to be equal after {what}", patience_s=2 * PATIENCE_S)
        return a.scan()

    def close(self):
        if self.replicator and self.replicator.poll() is None:
            self.kill_replicator()
        if self.log:
            self.log.close()
        for store in self.stores.values():
            store.kill()


class Replicator(unittest.TestCase):
    def setUp(self):
        self.two = Two()

    def tearDown(self):
        self.two.close()

    def test_both_directions_backfill_conflicts_and_kills(self):
        random.seed(3)
        two = self.two
        for number in range(30):  # there before the replicator is
            two.put("GRA11", f"old-{number}", "before")
        two.start_replicator()
        self.assertEqual(len(two.wait_equal("backfill")), 30)

        for number in range(60):  # the same keys on both sides
            two.put(random.choice(list(REGIONS)), f"key-{number % 12}", f"value-{number}")
        two.put("GRA11", "old-1", None)
        items = two.wait_equal("conflicts")
        self.assertEqual(items["key-11"]["value"]["S"], "value-59")
        self.assertIn("_del", items["old-1"])

        for round_number in range(3):  # nothing is skipped when the replicator dies in the middle
            for number in range(40):
                two.put(random.choice(list(REGIONS)), f"round-{round_number}-{number}", "x")
                if number == 20:
                    two.kill_replicator()
                    two.start_replicator()
        self.assertEqual(len([k for k in two.wait_equal("killing it") if k.startswith("round-")]), 120)

        away = two.stores["RBX-A"]
        away.kill()
        for number in range(40):
            two.put("GRA11", f"meanwhile-{number}", "x")
        away.start()
        self.assertEqual(len([k for k in two.wait_equal("a store's death") if k.startswith("meanwhile-")]), 40)

        away.freeze()
        for number in range(20):
            two.put("GRA11", f"frozen-{number}", "x")
        time.sleep(1.5)
        away.thaw()
        self.assertEqual(len([k for k in two.wait_equal("a store's freeze") if k.startswith("frozen-")]), 20)

        def status():
            return json.loads((two.directory / "status.json").read_text())["directions"]

        wait_for(lambda: all(d["source_up"] and d["destination_up"] for d in status()), "both stores to be seen up")
        self.assertTrue(any(d["skipped_foreign"] > 0 for d in status()), "what came by replication is not sent back")
        two.replicator.terminate()
        self.assertEqual(two.replicator.wait(timeout=PATIENCE_S), 0)


class Usage(unittest.TestCase):
    def test_clear_errors(self):
        def run(*arguments, environment=ENVIRONMENT):
            outcome = subprocess.run([BIN / "leeward-replicator", *arguments], env=environment, text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE_S, check=False)
            return outcome.returncode, outcome.stdout

        base = ["--table", "items", "--state-dir", "/tmp"]
        self.assertEqual(run("--help")[0], 0)
        self.assertEqual(run()[0], 2)
        self.assertEqual(run(*base, "--region", "nonsense")[0], 2)
        self.assertEqual(run(*base, "--region", "A=http://127.0.0.1:1,x")[0], 2)
        status, said = run(*base, "--region", "A=x", "--region", "B=y", environment={})
        self.assertEqual(status, 1)
        self.assertIn("AWS_ACCESS_KEY_ID", said)


if __name__ == "__main__":
    dynamodb_local.in_namespace()
    unittest.main(verbosity=2)
