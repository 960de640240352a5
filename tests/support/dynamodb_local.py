# SPDX-License-Identifier: Apache-2.0
"""Amazon's DynamoDB Local for tests, within a network namespace of the test's own."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

SOURCE = pathlib.Path(os.environ.get("LEEWARD_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
SCRIPT = SOURCE / "scripts" / "dynamodb-local"
SKIPPED = 77


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def in_namespace():
    """Runs the calling program again in a network namespace with loopback up, because DynamoDB
    Local listens on every interface. Returns only within it."""
    if not shutil.which("java"):
        skip("java is missing; run scripts/setup")
    if subprocess.run([SCRIPT, "path"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode:
        skip("DynamoDB Local is not fetched; run scripts/dynamodb-local fetch")
    if os.environ.get("LEEWARD_TEST_NAMESPACE"):
        return
    enter = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
    probe = subprocess.run([*enter, "ip", "link", "set", "lo", "up"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, check=False)
    if probe.returncode != 0:
        skip(f"no network namespace can be made here: {probe.stdout.strip()}")
    os.environ["LEEWARD_TEST_NAMESPACE"] = "1"
    os.execvp(enter[0], [*enter, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, *sys.argv])


class DynamoDbLocal:
    """One store. `path`: a directory, so that its data survive kill()."""

    def __init__(self, port, region, path=None):
        self.port, self.region, self.path = port, region, path
        self.process = None
        self.start()

    def start(self):
        command = [SCRIPT, "run", "--port", str(self.port)] + (["--db-path", str(self.path)] if self.path else [])
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    try:
                        self.call("ListTables", {})
                        return
                    except OSError:
                        pass
            time.sleep(0.05)
        raise AssertionError("DynamoDB Local did not start")

    def kill(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def call(self, operation, body, timeout_s=10):
        request = urllib.request.Request(
            self.endpoint, json.dumps(body).encode(),
            {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"DynamoDB_20120810.{operation}",
             "Authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/{self.region}/dynamodb/aws4_request, "
                              "SignedHeaders=host, Signature=0"})
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise ValueError(error.read().decode()) from error

    def create_table(self, name="items"):
        self.call("CreateTable", {
            "TableName": name, "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}})

    def scan(self, table="items"):
        """key -> item, all of them."""
        items, start = {}, None
        while True:
            body = {"TableName": table, "ConsistentRead": True}
            if start:
                body["ExclusiveStartKey"] = start
            page = self.call("Scan", body)
            items.update({item["id"]["S"]: item for item in page["Items"]})
            start = page.get("LastEvaluatedKey")
            if not start:
                return items
