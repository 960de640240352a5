# SPDX-License-Identifier: Apache-2.0
"""Compares what users were told with what each region's store holds, read from the store itself."""
import json
import time
import urllib.request

from world import TABLE


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
    from world import REGIONS
    return next(region for region, store_port in REGIONS.values() if store_port == port)


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
