#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random requests, signed by Leeward and by the AWS SDK for Python's own signer: the same headers."""
import datetime
import json
import os
import pathlib
import random
import subprocess
import sys

try:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    print("skipped: python3-botocore is missing; run scripts/setup")
    sys.exit(77)

SIGNER = pathlib.Path(os.environ["LEEWARD_BIN"]) / "sigv4_signer"
VISIBLE = "".join(chr(c) for c in range(0x21, 0x7F))
ROUNDS = 60


def text(rng, alphabet, shortest, longest):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(shortest, longest)))


def make(rng):
    region = rng.choice(["eu-west-3", "us-gov-east-1", "cn-north-1", "ddblocal", text(rng, "abc-1", 1, 20)])
    host = rng.choice([f"dynamodb.{region}.amazonaws.com", f"127.0.0.1:{rng.randint(1, 65535)}", "[::1]:8000"])
    at = datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=rng.randrange(2_000_000_000))
    headers = {"content-type": "application/x-amz-json-1.0",
               "x-amz-target": rng.choice(["DynamoDB_20120810.PutItem", "DynamoDBStreams_20120810.GetRecords"])}
    if rng.random() < 0.4:
        headers["x-leeward-peer"] = rng.choice(["GRA11", "  two   spaces  ", text(rng, VISIBLE, 1, 30)])
    body = rng.choice(["", "{}", json.dumps({"k": text(rng, VISIBLE + "éß漢🙂\n\u0000", 0, 300)}, ensure_ascii=False)])
    return {"host": host, "region": region, "service": rng.choice(["dynamodb", "sts"]), "body": body,
            "headers": headers, "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "id": text(rng, "ABCDEF0123456789", 4, 20),
            "secret": text(rng, VISIBLE, 1, 60), "token": rng.choice(["", text(rng, VISIBLE, 1, 400)])}


def by_botocore(case):
    signer = SigV4Auth(Credentials(case["id"], case["secret"], case["token"] or None), case["service"], case["region"])
    request = AWSRequest("POST", f"http://{case['host']}/", headers=dict(case["headers"]), data=case["body"].encode())
    at = datetime.datetime.strptime(case["at"], "%Y-%m-%dT%H:%M:%SZ")
    # add_auth() at a time of our choice.
    request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
    request.headers["Host"] = case["host"]  # botocore leaves the port out only where it is the scheme's own
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    signer._inject_signature_to_request(request, signature)
    names = ["x-amz-date", "authorization"] + (["x-amz-security-token"] if case["token"] else [])
    return {name: request.headers[name] for name in names}


def main():
    seed = int(os.environ.get("LEEWARD_SEED", random.randrange(2**32)))
    rng = random.Random(seed)
    cases = [make(rng) for _ in range(ROUNDS)]
    answers = subprocess.run([SIGNER], input="".join(json.dumps(case) + "\n" for case in cases), text=True,
                             stdout=subprocess.PIPE, check=True, timeout=60).stdout.splitlines()
    assert len(answers) == ROUNDS, f"{len(answers)} answers to {ROUNDS} requests"
    for case, answer in zip(cases, answers):
        expected = by_botocore(case)
        assert json.loads(answer) == expected, f"LEEWARD_SEED={seed}: {case}\nours:  {answer}\ntheirs: {expected}"
    print(f"{ROUNDS} requests, signed alike (LEEWARD_SEED={seed})")


main()
