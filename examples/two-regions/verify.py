# SPDX-License-Identifier: Apache-2.0
"""Compares what users were told with what each region's store holds, read from the store itself."""
import json
import time
import urllib.request

from world import GATEWAY_PORTS, REGIONS, TABLE


def call(port, operation, body):
    """One DynamoDB call to a local store, which checks that a signature is there but not its value."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/", json.dumps(body).encode(),
        {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"DynamoDB_20120810.{operation}",
         "Authorization": "AWS4-HMAC-SHA256 Credential=demo/20260101/{}/dynamodb/aws4_request, "
                          "SignedHeaders=host, Signature=0".format(region_of(port))})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def region_of(port):
    ports = {**{store: region for region, store in REGIONS.values()},
             **{GATEWAY_PORTS[name]: region for name, (region, _) in REGIONS.items()}}
    return ports[port]


def stored_values(port):
    """item id -> value of every live item."""
    values = {}
    start = None
    while True:
        body = {"TableName": TABLE, "ConsistentRead": True}
        if start:
            body["ExclusiveStartKey"] = start
        page = call(port, "Scan", body)
        for item in page["Items"]:
            if "_del" not in item and "value" in item:
                values[item["id"]["S"]] = item["value"].get("S")
        start = page.get("LastEvaluatedKey")
        if not start:
            return values


def lost_writes(expected, ports, patience_s):
    """Ids of expected writes that some region still lacks after `patience_s` of catching up."""
    deadline = time.monotonic() + patience_s
    while True:
        lost = set()
        for port in ports.values():
            stored = stored_values(port)
            lost |= {item for item, value in expected.items() if stored.get(item) != value}
        if not lost or time.monotonic() > deadline:
            return lost
        time.sleep(0.25)


class Partition:
    """Items written in both regions while these cannot hear each other, through the gateways."""

    def __init__(self, count):
        self.items = [f"contended-{number:02d}" for number in range(count)]
        self.written = {}  # (item, region) -> value

    def write(self):
        """The last writer differs from item to item."""
        for number, item in enumerate(self.items):
            for name in sorted(REGIONS, reverse=number % 3 == 0):
                value = f"{item} as {name} wrote it"
                call(GATEWAY_PORTS[name], "PutItem", {
                    "TableName": TABLE, "Item": {"id": {"S": item}, "value": {"S": value}}})
                self.written[item, name] = value

    def converged(self):
        first, second = (stored_values(port) for _, port in REGIONS.values())
        return all(first.get(item) == second.get(item) for item in self.items)

    def lost(self):
        """{(item, value)} of what stands nowhere any more."""
        stored = stored_values(next(iter(REGIONS.values()))[1])
        return {(item, value) for (item, _), value in self.written.items() if stored.get(item) != value}
