# SPDX-License-Identifier: Apache-2.0
"""Regions of real stores with a replicator process each, and writers that stamp as gateways do."""
import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.request

from dynamodb_local import DynamoDbLocal
from leeward_world import BIN, PATIENCE_S, wait_for

ALL = {"GRA11": ("eu-west-3", 8101), "RBX-A": ("eu-central-1", 8102), "SBG5": ("eu-central-2", 8103)}
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "PATH": "/usr/bin:/bin"}
LEDGER = "leeward-conflicts"
FAST = pathlib.Path("/dev/shm") if pathlib.Path("/dev/shm").is_dir() else None  # no disk to wait for


class Mesh:
    """Regions with a store and a replicator each, and writers that stamp like gateways."""

    def __init__(self, regions):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="leeward-replication-", dir=FAST))
        self.regions = regions
        self.stores, self.replicators, self.options = {}, {}, {}
        self.last_us = 0
        self.base = {}  # stamp -> stamp that it was written on
        self.log = open(self.directory / "replicator.log", "ab")
        for name in regions:
            region, port = ALL[name]
            (self.directory / name).mkdir()
            self.stores[name] = DynamoDbLocal(port, region, self.directory / name)

    def create(self, table="items", hash_key=("id", "S"), range_key=None, regions=None):
        keys = [hash_key] + ([range_key] if range_key else [])
        for name in regions or self.regions:
            self.stores[name].call("CreateTable", {
                "TableName": table, "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{"AttributeName": key, "KeyType": kind} for (key, _), kind in zip(keys, ("HASH", "RANGE"))],
                "AttributeDefinitions": [{"AttributeName": key, "AttributeType": kind} for key, kind in keys],
                "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}})

    def start(self, region, *options):
        self.options[region] = options
        self.replicators[region] = subprocess.Popen(
            [BIN / "leeward-replicator", "--into", region, "--state-dir", self.directory / region,
             "--status-file", self.directory / f"{region}.json",
             *[f"--region={name}=http://127.0.0.1:{ALL[name][1]},{ALL[name][0]}" for name in self.regions], *options],
            env=ENVIRONMENT, stdout=self.log, stderr=self.log)

    def start_all(self, *options):
        for region in self.regions:
            self.start(region, *options)

    def kill(self, region):
        self.replicators[region].kill()
        self.replicators[region].wait()

    def restart(self, region):
        self.start(region, *self.options[region])

    def signal(self, what):
        for replicator in self.replicators.values():
            replicator.send_signal(what)

    def said(self):
        return (self.directory / "replicator.log").read_text()

    def status(self, into, source, table="items"):
        try:
            directions = json.loads((self.directory / f"{into}.json").read_text())["directions"]
        except FileNotFoundError:
            return {}
        return next((d for d in directions if d["from"] == source and d["table"] == table), {})

    def wait_following(self, table="items"):
        for into in self.regions:
            for source in self.regions:
                if source != into:
                    wait_for(lambda: self.status(into, source, table).get("following"),
                             f"{source} to {into} to follow {table}")

    def stamp(self, region, above=""):
        self.last_us = max(self.last_us + 1, time.time_ns() // 1000, int(above[:16] or 0) + 1)
        return f"{self.last_us:016}.0000.{region}"

    def write(self, region, item, table="items", keys=("id",)):
        """As a gateway: conditional on what stands, stamped above it. Returns (stamp, base)."""
        store = self.stores[region]
        key = {name: item[name] for name in keys}
        while True:
            stands = store.call("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True}).get("Item", {})
            base = stands.get("_r", {}).get("S", "")
            stamp = self.stamp(region, base)
            try:
                store.call("PutItem", {
                    "TableName": table, "Item": {**item, "_r": {"S": stamp}},
                    "ConditionExpression": "#r = :r" if base else "attribute_not_exists(#r)",
                    "ExpressionAttributeNames": {"#r": "_r"},
                    **({"ExpressionAttributeValues": {":r": {"S": base}}} if base else {})})
            except ValueError as error:
                if "ConditionalCheckFailed" not in str(error):
                    raise
                continue
            self.base[stamp] = base
            return stamp, base

    def put(self, region, key, value):
        """None: a tombstone."""
        value = {"value": {"S": value}} if value is not None else {"_del": {"BOOL": True}}
        return self.write(region, {"id": {"S": key}, **value})[0]

    def is_ancestor(self, old, version):
        while version and version != old:
            version = self.base[version]
        return version == old

    def items(self, region, table="items"):
        found, start = [], None
        while True:
            body = {"TableName": table, "ConsistentRead": True, **({"ExclusiveStartKey": start} if start else {})}
            page = self.stores[region].call("Scan", body)
            found += page["Items"]
            start = page.get("LastEvaluatedKey")
            if not start:
                return sorted(found, key=lambda item: json.dumps(item, sort_keys=True))

    def wait_equal(self, what, table="items", count=None):
        def equal():
            scans = [self.items(region, table) for region in self.regions]
            return all(scan == scans[0] for scan in scans) and (count is None or len(scans[0]) == count)

        wait_for(equal, f"all regions to be equal after {what}", patience_s=2 * PATIENCE_S)
        return self.items(self.regions[0], table)

    def wait_carried(self, table="items"):
        """Nothing queued, nothing waiting for a decision, the ledger written."""
        def carried():
            return all(not self.status(into, source, table).get("pending", 1)
                       and not self.status(into, source, table).get("ledger_pending", 1)
                       for into in self.regions for source in self.regions if into != source)

        time.sleep(0.5)  # the status file is of now
        wait_for(carried, "everything to be carried and decided")

    def stream(self, region, table="items"):
        def call(operation, body):
            request = urllib.request.Request(
                self.stores[region].endpoint, json.dumps(body).encode(),
                {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"DynamoDBStreams_20120810.{operation}",
                 "Authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/{ALL[region][0]}/dynamodb/aws4_request, "
                                  "SignedHeaders=host, Signature=0"})
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.load(response)

        arn = self.stores[region].call("DescribeTable", {"TableName": table})["Table"]["LatestStreamArn"]
        for shard in call("DescribeStream", {"StreamArn": arn})["StreamDescription"]["Shards"]:
            iterator = call("GetShardIterator", {"StreamArn": arn, "ShardId": shard["ShardId"],
                                                 "ShardIteratorType": "TRIM_HORIZON"})["ShardIterator"]
            while True:
                page = call("GetRecords", {"ShardIterator": iterator, "Limit": 1000})
                yield from page["Records"]
                iterator = page.get("NextShardIterator")
                if not page["Records"] or not iterator:
                    break

    def ledger(self, region):
        try:
            return self.items(region, LEDGER)
        except ValueError:  # created on demand
            return []

    def close(self):
        for replicator in self.replicators.values():
            replicator.send_signal(signal.SIGCONT)
            replicator.kill()
            replicator.wait()
        self.log.close()
        for store in self.stores.values():
            store.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


class MeshTest(unittest.TestCase):
    def mesh(self, *regions):
        mesh = Mesh(list(regions))

        def close():
            if any(error for _, error in getattr(self._outcome, "errors", [])):
                print(mesh.said()[-6000:])
            mesh.close()

        self.addCleanup(close)
        return mesh
