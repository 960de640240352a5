# SPDX-License-Identifier: Apache-2.0
"""A real leewardd whose Route 53 API and DNS are asked by real clients."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

import boto3
import botocore.config

from leeward_world import BIN, PATIENCE_S, free_port, wait_for

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"
READER, READER_SECRET = "AKIDREADER", "readers-secret-0123456789"


class Route53World:
    def __init__(self, dns="", files=None, api=""):
        self.dns, self.files, self.api = dns, files or {}, api
        self.dns_port, self.api_port = free_port(), free_port()

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name)
        for name, text in self.files.items():
            (self.path / name).write_text(text, encoding="utf-8")
        (self.path / "key").write_text(SECRET + "\n", encoding="utf-8")
        (self.path / "reader").write_text(READER_SECRET + "\n", encoding="utf-8")
        (self.path / "leeward.yaml").write_text(f"""
node: {{ id: gra-1 }}
state: {{ sqlite: state.db }}
dns:
  listen: ["127.0.0.1:{self.dns_port}"]
  workers: 1
  name_servers: [ns1.dns.example.net, ns2.dns.example.net, ns3.dns.example.net, ns4.dns.example.net]
{self.dns}
api:
  listen: "127.0.0.1:{self.api_port}"
  aws_credentials:
    {KEY}: {{ secret: {{ file: key }} }}
    {READER}: {{ secret: {{ file: reader }}, access: read-only }}
{self.api}
""", encoding="utf-8")
        self.start()
        return self

    def start(self):
        self.log = open(self.path / "log", "ab")
        self.process = subprocess.Popen([BIN / "leewardd", "--config", self.path / "leeward.yaml"],
                                        stdout=self.log, stderr=subprocess.STDOUT)
        wait_for(lambda: b"event=ready" in (self.path / "log").read_bytes() or self.process.poll() is not None, "ready")
        assert self.process.poll() is None, (self.path / "log").read_text()
        wait_for(self.listening, "the API")

    def listening(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.api_port)) == 0

    def restart(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait(PATIENCE_S)
        self.log.close()
        os.unlink(self.path / "log")
        self.start()

    def __exit__(self, *_):
        self.process.terminate()
        try:
            code = self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
            self.log.close()
        text = (self.path / "log").read_text()
        self.directory.cleanup()
        assert code == 0, text

    @property
    def url(self):
        return f"http://127.0.0.1:{self.api_port}"

    def client(self, key=KEY, secret=SECRET):
        return boto3.client("route53", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=key,
                            aws_secret_access_key=secret,
                            config=botocore.config.Config(retries={"max_attempts": 0}, parameter_validation=True))

    def aws(self, *arguments):
        """The AWS CLI's answer, as parsed JSON text; raises with what it printed."""
        environment = {**os.environ, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
                       "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": "", "AWS_CONFIG_FILE": "/dev/null",
                       "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true"}
        result = subprocess.run(["/usr/bin/aws", "--endpoint-url", self.url, "route53", *arguments], env=environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        assert result.returncode == 0, f"{arguments}: {result.stderr}"
        return result.stdout

    def dig(self, name, kind="A", *options):
        """The answer's values, one a line, as dig prints them."""
        result = subprocess.run(["dig", "@127.0.0.1", "-p", str(self.dns_port), name, kind, "+short", "+tries=1",
                                 "+timeout=5", *options], stdout=subprocess.PIPE, text=True, timeout=30, check=True)
        return sorted(line for line in result.stdout.splitlines() if not line.startswith(";"))

    def dig_all(self, name, kind="A", *options):
        result = subprocess.run(["dig", "@127.0.0.1", "-p", str(self.dns_port), name, kind, "+tries=1", "+timeout=5",
                                 *options], stdout=subprocess.PIPE, text=True, timeout=30, check=True)
        return result.stdout

    def rcode(self, name, kind="A", *options):
        return re.search(r"status: (\w+)", self.dig_all(name, kind, *options)).group(1)

    def in_sync(self, change):
        """Waits until the change is answered by every worker."""
        client, identity = self.client(), change["ChangeInfo"]["Id"]
        wait_for(lambda: client.get_change(Id=identity)["ChangeInfo"]["Status"] == "INSYNC", "INSYNC")

    def zone(self, name="example.test"):
        made = self.client().create_hosted_zone(Name=name, CallerReference=f"{name}-{time.monotonic_ns()}")
        self.in_sync(made)
        return made["HostedZone"]["Id"]

    def change(self, zone, *changes):
        """changes: (action, record set). Returns when they are answered."""
        made = self.client().change_resource_record_sets(HostedZoneId=zone, ChangeBatch={
            "Changes": [{"Action": action, "ResourceRecordSet": record} for action, record in changes]})
        self.in_sync(made)
        return made


def record(name, kind, *values, ttl=60, **more):
    return {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": [{"Value": v} for v in values], **more}


def alias(name, kind, zone, target, evaluate=True, **more):
    return {"Name": name, "Type": kind, "AliasTarget": {"HostedZoneId": zone.split("/")[-1], "DNSName": target,
                                                        "EvaluateTargetHealth": evaluate}, **more}
