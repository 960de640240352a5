# SPDX-License-Identifier: Apache-2.0
"""Gateways in front of DynamoDB Local stores, one pair per region, for tests in a namespace."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

from dynamodb_local import DynamoDbLocal, skip
from leeward_world import BIN, wait_for

try:
    import boto3
    from botocore.config import Config
except ImportError:
    skip("boto3 is missing; run scripts/setup (Debian package python3-boto3)")

# Leeward's name -> AWS region, store port, gateway port, control port
REGIONS = {"GRA11": ("eu-west-3", 8101, 8000, 8001), "RBX-A": ("eu-central-1", 8102, 8010, 8011)}
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret"}
PATH = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
AUTHORIZATION = ("AWS4-HMAC-SHA256 Credential=test/20260101/{}/dynamodb/aws4_request, "
                 "SignedHeaders=host, Signature=0")


class Region:
    """A store with its gateway."""

    def __init__(self, name, peers=(), options=(), store=None):
        self.name = name
        self.aws_region, self.store_port, self.port, self.control_port = REGIONS[name]
        self.options = [f"--peer={peer}=http://127.0.0.1:{REGIONS[peer][2]},{REGIONS[peer][0]}" for peer in peers]
        self.options += list(options)
        self.store = store or DynamoDbLocal(self.store_port, self.aws_region)
        self.log = tempfile.NamedTemporaryFile(mode="w+", prefix=f"leeward-gateway-{name}-", suffix=".log")
        self.gateway = None
        self.start()

    def start(self):
        self.gateway = subprocess.Popen(
            [BIN / "leeward-gateway", f"--region={self.name}={self.store.endpoint},{self.aws_region}",
             f"--listen=127.0.0.1:{self.port}", f"--control=127.0.0.1:{self.control_port}", *self.options],
            env={**KEYS, **PATH}, stdout=self.log, stderr=self.log)
        wait_for(self.healthy, f"the gateway of {self.name} to serve")

    def healthy(self):
        assert self.gateway.poll() is None, f"the gateway of {self.name} ended: {self.logged()}"
        try:
            return self.control("GET", "/healthz")["store_up"]
        except OSError:
            return False

    def logged(self):
        return pathlib.Path(self.log.name).read_text(encoding="utf-8")

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self, service="dynamodb", keys=None, retries=1, timeout_s=20):
        keys = keys or KEYS
        return boto3.client(service, endpoint_url=self.endpoint, region_name=self.aws_region,
                            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
                            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
                            config=Config(retries={"total_max_attempts": retries}, read_timeout=timeout_s))

    def raw(self, target, body, headers=None):
        """status, headers, body of one request as it is."""
        request = urllib.request.Request(self.endpoint, body, {
            "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target,
            "Authorization": AUTHORIZATION.format(self.aws_region), **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def as_peer(self, operation, body):
        """A call as another region makes it: what is stored, as it is."""
        return json.loads(self.raw(f"DynamoDB_20120810.{operation}", json.dumps(body).encode(),
                                   {"x-leeward-peer": "TEST"})[2])

    def control(self, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.control_port}{path}",
                                         None if body is None else json.dumps(body).encode(), method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                text = response.read().decode()
        except urllib.error.HTTPError as error:
            text = error.read().decode()
        return json.loads(text) if text.startswith("{") else text

    def faults(self, *faults):
        return self.control("PUT", "/faults", {"faults": list(faults)})

    def cli(self, *arguments, check=True):
        """The aws command, as a user types it; its JSON, or (check=False) status, output, errors."""
        environment = {**KEYS, **PATH, "HOME": tempfile.gettempdir(), "AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": "",
                       "AWS_EC2_METADATA_DISABLED": "true"}
        done = subprocess.run(["aws", *arguments, "--endpoint-url", self.endpoint, "--region", self.aws_region,
                               "--output", "json"], env=environment, capture_output=True, text=True, check=False,
                              timeout=60)
        if not check:
            return done.returncode, done.stdout, done.stderr
        if done.returncode != 0:
            raise AssertionError(f"aws {' '.join(arguments)}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def stop(self):
        if self.gateway.poll() is None:
            self.gateway.terminate()
        return self.gateway.wait(timeout=30)

    def close(self):
        try:
            if self.stop() != 0:
                print(f"the gateway of {self.name} ended badly: {self.logged()}", file=sys.stderr)
        finally:
            self.store.kill()
            self.log.close()


def need_aws_cli():
    if subprocess.run(["which", "aws"], env={**os.environ, **PATH}, stdout=subprocess.DEVNULL,
                      check=False).returncode:
        skip("the aws command is missing; run scripts/setup (Debian package awscli)")
