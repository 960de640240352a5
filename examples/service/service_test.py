#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The reference service on a real DynamoDB Local."""
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import dynamodb_local
from dynamodb_local import DynamoDbLocal
from leeward_world import BIN, PATIENCE_S, wait_for

ENVIRONMENT = {"APP_REGION": "GRA11", "AWS_REGION": "eu-west-3", "AWS_ACCESS_KEY_ID": "test",
               "AWS_SECRET_ACCESS_KEY": "test", "CREATE_TABLE": "1", "DYNAMODB_ENDPOINT": "http://127.0.0.1:8101",
               "PATH": "/usr/bin:/bin"}


def signature(secret, request):
    """What SigV4 says that the signature of this request is, from what arrived: AWS General
    Reference, "Create a signed AWS API request"."""
    authorization = request.headers["Authorization"]
    algorithm, fields = authorization.split(" ", 1)
    fields = dict(field.split("=", 1) for field in fields.split(", "))
    _, day, region, service, last = fields["Credential"].split("/")
    names = fields["SignedHeaders"]
    canonical = "\n".join([
        request.command, request.path, "", *(f"{name}:{request.headers[name].strip()}" for name in names.split(";")),
        "", names, hashlib.sha256(request.content).hexdigest()])
    text = "\n".join([algorithm, request.headers["X-Amz-Date"], f"{day}/{region}/{service}/{last}",
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + secret.encode()
    for part in (day, region, service, last):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), fields


class Signatures(unittest.TestCase):
    """DynamoDB Local takes any signature, Amazon does not: a store that only looks at them."""

    def test_requests_are_signed(self):
        for token in (None, "t" * 4000):
            with self.subTest(token=bool(token)):
                self.signed(token)

    def signed(self, token):
        seen = []

        class Store(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.content = self.rfile.read(int(self.headers["Content-Length"]))
                seen.append((signature("s3cr/et+", self), self.headers))
                self.send_response(500)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        store = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
        threading.Thread(target=store.serve_forever, daemon=True).start()
        environment = {**ENVIRONMENT, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s3cr/et+",
                       "DYNAMODB_ENDPOINT": f"http://127.0.0.1:{store.server_port}"}
        if token:
            environment["AWS_SESSION_TOKEN"] = token
        process = subprocess.Popen([BIN / "items-service"], env=environment, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: len(seen) > 1, "calls to the store")
        finally:
            process.kill()
            process.wait()
            store.shutdown()
            store.server_close()
        for (expected, fields), headers in seen:
            self.assertEqual(fields["Signature"], expected)
            self.assertRegex(fields["Credential"], r"^AKID/\d{8}/eu-west-3/dynamodb/aws4_request$")
            self.assertEqual(headers["X-Amz-Security-Token"], token)
            self.assertEqual("x-amz-security-token" in fields["SignedHeaders"], token is not None)


class Service(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = pathlib.Path(tempfile.mkdtemp(prefix="leeward-service-"))
        cls.store = DynamoDbLocal(8101, "eu-west-3", cls.data)

    @classmethod
    def tearDownClass(cls):
        cls.store.kill()

    def setUp(self):
        self.process = subprocess.Popen([BIN / "items-service"], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
        # The table, too: the endpoint listens for a moment before it knows what it depends on.
        wait_for(lambda: self.health() == 200 and self.put("ready", "yes")[0] == 200, "the service to be ready")

    def tearDown(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def ask(self, method, path, body=None, port=8080):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            text = response.read()
            if method != "HEAD" and response.status != 204:
                self.assertEqual(int(response.getheader("Content-Length")), len(text))
            if port == 8080:
                self.assertEqual(response.getheader("X-Region"), "GRA11")
            return response.status, json.loads(text) if text else None
        finally:
            connection.close()

    def health(self):
        try:
            return self.ask("GET", "/healthz", port=8081)[0]
        except OSError:
            return None

    def put(self, item, value):
        return self.ask("PUT", f"/items/{item}", json.dumps({"value": value}))

    def test_write_read_list_delete(self):
        self.assertEqual(self.ask("GET", "/items/absent")[0], 404)
        self.assertEqual(self.put("one", "eins"), (200, {"id": "one", "value": "eins", "region": "GRA11"}))
        self.assertEqual(self.ask("GET", "/items/one")[1]["value"], "eins")
        self.put("one", "ein \"Zitat\" \u00e4")
        self.assertEqual(self.ask("GET", "/items/one")[1]["value"], "ein \"Zitat\" \u00e4")
        for number in range(7):
            self.put(f"list-{number}", "x")
        seen, after = set(), ""
        while True:
            page = self.ask("GET", f"/items?limit=3{after}")[1]
            self.assertLessEqual(len(page["items"]), 3)
            seen |= {item["id"] for item in page["items"]}
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        self.assertLessEqual({"one"} | {f"list-{n}" for n in range(7)}, seen)
        self.assertEqual(self.ask("DELETE", "/items/one")[0], 204)
        self.assertEqual(self.ask("GET", "/items/one")[0], 404)
        self.assertEqual(self.ask("DELETE", "/items/one")[0], 204)
        self.assertNotIn("one", {item["id"] for item in self.ask("GET", "/items")[1]["items"]})

    def test_no_client_takes_the_region_out_of_service(self):
        self.put("text", "before")
        for body in (b'{"value":"\xff"}', b'{"value":"\xc0\x80"}', b'{"value":"\xed\xa0\x80"}', b'{"value":"\xf4\x90\x80\x80"}',
                     b'{"value":"\xe2\x82"}', b'{"value":"a\\u0000b"}', b'{"value":"a"}\0', b'{"value":"\\ud800"}',
                     b'{"value":"\\\\\\u0000"}'):
            self.assertEqual(self.ask("PUT", "/items/text", body)[0], 400, body)
        self.assertEqual(self.ask("GET", "/items/text")[1]["value"], "before")
        for value in ("\\u0000", "\u20ac \U0001f600 \ufffd \U0010ffff", "", "\\", "\"\\\""):
            self.assertEqual(self.put("text", value)[0], 200)
            self.assertEqual(self.ask("GET", "/items/text")[1]["value"], value)
        self.assertEqual(self.ask("GET", "/items?limit=1&after=_canary-GRA11")[0], 200, "a page may end there")

    def test_bad_input(self):
        for method, path, body, status in (
                ("GET", "/", None, 404), ("GET", "/items/", None, 400), ("GET", "/items/a%2Fb", None, 400),
                ("GET", "/items/" + "x" * 129, None, 400), ("GET", "/items/_canary-GRA11", None, 400),
                ("POST", "/items", "{}", 405), ("PATCH", "/items/a", "{}", 405), ("PUT", "/items/a", "{", 400),
                ("PUT", "/items/a", "{}", 400), ("PUT", "/items/a", '{"value": 1}', 400),
                ("PUT", "/items/a", '{"value": "x", "more": 1}', 400), ("PUT", "/items/a", "x" * 70000, 413),
                ("GET", "/items?limit=0", None, 400), ("GET", "/items?nonsense=1", None, 400)):
            try:
                self.assertEqual(self.ask(method, path, body)[0], status, (method, path))
            except (BrokenPipeError, ConnectionResetError):
                self.assertEqual(status, 413)
        for garbage in (b"\r\n\r\n", b"GET\r\n\r\n", b"\0" * 100 + b"\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 2000):
            with socket.create_connection(("127.0.0.1", 8080), timeout=PATIENCE_S) as connection:
                connection.sendall(garbage)
                connection.settimeout(PATIENCE_S)
                self.assertRegex(connection.recv(100), rb"^HTTP/1.1 (4|5)")
        self.assertEqual(self.put("alive", "yes")[0], 200)

    def test_silent_clients_delay_nobody(self):
        silent = [socket.create_connection(("127.0.0.1", 8080)) for _ in range(100)]
        for connection in silent[:50]:
            connection.sendall(b"GET /items/a HTTP/1.1\r\nHo")
        self.assertEqual(self.put("busy", "yes")[0], 200)
        # More than there is room for: those that wait longest leave.
        silent += [socket.create_connection(("127.0.0.1", 8080)) for _ in range(300)]
        for number in range(20):
            self.assertEqual(self.put("busy", str(number))[0], 200)
        silent[0].settimeout(PATIENCE_S)
        self.assertEqual(silent[0].recv(1), b"")
        for connection in silent:
            connection.close()

    def test_health_follows_the_store(self):
        self.store.freeze()
        try:
            wait_for(lambda: self.health() == 503, "readiness to end with a frozen store")
            self.assertEqual(self.put("x", "y")[0], 503)
        finally:
            self.store.thaw()
        wait_for(lambda: self.health() == 200, "readiness to return")
        self.store.kill()
        wait_for(lambda: self.health() == 503, "readiness to end with a dead store")
        self.assertEqual(self.ask("GET", "/items/one")[0], 503)
        self.store.start()
        wait_for(lambda: self.health() == 200, "readiness to return")

    def test_sigterm_ends_it(self):
        with socket.create_connection(("127.0.0.1", 8080)):
            self.process.send_signal(signal.SIGTERM)
            self.assertEqual(self.process.wait(timeout=PATIENCE_S), 0)

    def test_sigterm_ends_it_while_it_waits_for_the_store(self):
        environment = {**ENVIRONMENT, "APP_PORT": "8082", "HEALTH_PORT": "8083",
                       "DYNAMODB_ENDPOINT": "http://127.0.0.1:1"}
        process = subprocess.Popen([BIN / "items-service"], env=environment, stderr=subprocess.DEVNULL)

        def answer():
            try:
                return self.ask("GET", "/items/a", port=8082)[0]
            except OSError:
                return None

        try:
            self.assertEqual(wait_for(answer, "an answer"), 503)
            self.assertEqual(self.ask("GET", "/healthz", port=8083)[0], 503)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(timeout=PATIENCE_S), 0, "not 1, which is giving up")
        finally:
            process.kill()
            process.wait()

    def test_settings_are_checked(self):
        for changes, part in (({"APP_REGION": ""}, "APP_REGION"), ({"APP_PORT": "http"}, "APP_PORT"),
                              ({"APP_ADDRESS": "nowhere"}, "APP_ADDRESS=nowhere is not"),
                              ({"APP_REGION": "a b"}, "APP_REGION"), ({"HEALTH_ADDRESS": "host"}, "HEALTH_ADDRESS"),
                              ({"HEALTH_PORT": " 1"}, "HEALTH_PORT"), ({"TABLE": "a/b"}, "TABLE"),
                              ({"CREATE_TABLE": "yes"}, "CREATE_TABLE"), ({"FENCING": "maybe"}, "FENCING=maybe"),
                              ({"APPLICATION": "a/b"}, "APPLICATION"), ({"LEASE_MS": "1"}, "LEASE_MS=1"), ({"AWS_REGION": "x\r\ny: z"}, "AWS_REGION"),
                              ({"AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID"),
                              ({"AWS_SESSION_TOKEN": "t" * 9000}, "AWS_SESSION_TOKEN"),
                              ({"DYNAMODB_ENDPOINT": "ftp://a"}, "DYNAMODB_ENDPOINT"),
                              ({"DYNAMODB_ENDPOINT": "http://user@a/"}, "DYNAMODB_ENDPOINT"), ({}, "8080")):
            outcome = subprocess.run([BIN / "items-service"], env={**ENVIRONMENT, **changes}, text=True,
                                     stderr=subprocess.PIPE, timeout=PATIENCE_S, check=False)
            self.assertEqual(outcome.returncode, 1)
            self.assertIn(part, outcome.stderr)
        self.assertEqual(subprocess.run([BIN / "items-service", "--help"], stdout=subprocess.DEVNULL,
                                        check=False).returncode, 0)


class Wire:
    """Between the service and its store: hands on whole requests, and can hold the next write."""

    def __init__(self, store_port, holds):
        self.arrived, self.go_on = threading.Event(), threading.Event()
        self.held = self.answer = None
        wire = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                held = holds in body and not wire.arrived.is_set()
                if held:
                    wire.held = body
                    wire.arrived.set()
                    wire.go_on.wait(PATIENCE_S)
                store = http.client.HTTPConnection("127.0.0.1", store_port, timeout=PATIENCE_S)
                try:
                    store.request("POST", "/", body, {
                        name: self.headers[name] for name in ("Content-Type", "X-Amz-Target", "X-Amz-Date", "Authorization")})
                    response = store.getresponse()
                    text = response.read()
                finally:
                    store.close()
                if held:
                    wire.answer = response.status, text
                self.send_response(response.status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # the service gave up waiting

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()


class Fenced(unittest.TestCase):
    """The fence is raised and leases are renewed by the test, as leewardd does."""

    @classmethod
    def setUpClass(cls):
        cls.store = DynamoDbLocal(8101, "eu-west-3")
        cls.create_fence_table()

    @classmethod
    def create_fence_table(cls):
        cls.store.call("CreateTable", {
            "TableName": "leeward-fence", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]})

    @classmethod
    def tearDownClass(cls):
        cls.store.kill()

    def setUp(self):
        for shard in range(16):
            self.store.call("DeleteItem", {"TableName": "leeward-fence", "Key": {"id": {"S": f"shop#{shard}"}}})

    def serve(self, fencing, lease_ms, endpoint=ENVIRONMENT["DYNAMODB_ENDPOINT"]):
        environment = {**ENVIRONMENT, "FENCING": fencing, "LEASE_MS": str(lease_ms), "DYNAMODB_ENDPOINT": endpoint}
        self.process = subprocess.Popen([BIN / "items-service"], env=environment, stderr=subprocess.DEVNULL)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        wait_for(lambda: self.ask("GET", "/status")[0] == 200, "the service")

    def ask(self, method, path, body=None, port=8080):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or "null")
        except OSError:
            return None, None
        finally:
            connection.close()

    def put(self, item, value):
        return self.ask("PUT", f"/items/{item}", json.dumps({"value": value}))

    def raise_fence(self, epoch, is_open):
        for shard in range(16):
            self.store.call("UpdateItem", {
                "TableName": "leeward-fence", "Key": {"id": {"S": f"shop#{shard}"}},
                "UpdateExpression": "SET epoch = :e, #o = :o", "ExpressionAttributeNames": {"#o": "open"},
                "ExpressionAttributeValues": {":e": {"N": str(epoch)}, ":o": {"BOOL": is_open}}})

    def renew(self):
        """One renewal; True when the service may write."""
        self.store.call("UpdateItem", {
            "TableName": "leeward-fence", "Key": {"id": {"S": "shop#0"}},
            "UpdateExpression": "SET granted_at = :at ADD #g :one", "ExpressionAttributeNames": {"#g": "grant"},
            "ExpressionAttributeValues": {":at": {"N": str(time.time_ns() // 1_000_000)}, ":one": {"N": "1"}}})
        time.sleep(0.02)  # the service reads in between
        return self.ask("GET", "/status")[1]["may_write"]

    def refused(self, reason, value):
        """Until the service knows why; it never writes before."""
        def is_told():
            status, body = self.put("a", value)
            self.assertEqual((status, body["error"]), (503, "not the active region"))
            return reason in body["reason"]

        wait_for(is_told, f"a refusal because of {reason}")

    def test_without_the_fence_table_nothing_is_written(self):
        self.store.call("DeleteTable", {"TableName": "leeward-fence"})
        self.addCleanup(self.create_fence_table)
        self.serve("lease", 60_000)
        self.refused("no fence of shop", "no table")
        wait_for(lambda: self.ask("GET", "/healthz", port=8081)[0] == 200, "the table of the service itself")
        self.assertEqual(self.ask("GET", "/items/absent")[0], 404, "reads go on")
        self.assertEqual(self.store.call("ListTables", {})["TableNames"], ["items"])

    def test_a_write_needs_the_epoch_that_stands_in_the_store(self):
        self.serve("transaction", 60_000)
        self.refused("no fence of shop", "early")
        self.raise_fence(1, True)
        wait_for(self.renew, "the lease to begin")
        self.assertEqual(self.put("a", "one")[0], 200)
        self.assertEqual(self.ask("DELETE", "/items/a")[0], 204)
        self.assertEqual(self.put("a", "two")[0], 200)
        # Fenced within a moment that the service has not looked at yet: the store refuses all the same.
        self.process.send_signal(signal.SIGSTOP)
        connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=PATIENCE_S)
        connection.request("PUT", "/items/a", json.dumps({"value": "late"}))
        self.raise_fence(2, False)
        self.process.send_signal(signal.SIGCONT)
        response = connection.getresponse()
        self.assertEqual((response.status, response.getheader("Retry-After")), (503, "1"))
        connection.close()
        self.assertEqual(self.store.scan()["a"]["value"]["S"], "two")
        wait_for(lambda: "epoch 2 is closed here" in self.put("a", "later")[1]["reason"], "the service to see why")
        self.assertEqual(self.ask("GET", "/items/a")[1]["value"], "two", "reads go on")
        self.raise_fence(3, True)
        wait_for(self.renew, "the lease to begin again")
        self.assertEqual(self.put("a", "three")[0], 200)

    def test_a_writer_frozen_in_the_middle_of_a_write_is_refused_by_the_store(self):
        wire = Wire(8101, b"held back")
        self.addCleanup(wire.close)
        self.serve("transaction", 600_000, wire.endpoint)
        self.raise_fence(1, True)
        wait_for(self.renew, "the lease to begin")
        self.assertEqual(self.put("c", "one")[0], 200)
        connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=PATIENCE_S)
        self.addCleanup(connection.close)
        connection.request("PUT", "/items/c", json.dumps({"value": "held back"}))
        # The service has asked whether it may write, was told that it may, and has not got its answer.
        self.assertTrue(wire.arrived.wait(PATIENCE_S))
        self.process.send_signal(signal.SIGSTOP)
        check, write = json.loads(wire.held)["TransactItems"]
        self.assertEqual(check["ConditionCheck"]["ExpressionAttributeValues"][":e"], {"N": "1"})
        self.assertEqual(write["Put"]["Item"]["value"], {"S": "held back"})
        self.raise_fence(2, False)  # from now on another region writes
        wire.go_on.set()
        wait_for(lambda: wire.answer, "the store's answer to the late write")
        self.process.send_signal(signal.SIGCONT)
        self.assertEqual(wire.answer[0], 400)
        self.assertIn(b"TransactionCanceledException", wire.answer[1])
        # 503, whether the service still hears the refusal or has given up waiting for it.
        self.assertEqual(connection.getresponse().status, 503)
        self.assertEqual(self.store.scan()["c"]["value"]["S"], "one")

        def told():
            status, body = self.put("c", "later")
            return status == 503 and body["error"] == "not the active region" and body["epoch"] == 2

        wait_for(told, "the service to see the new epoch")
        self.assertEqual(self.store.scan()["c"]["value"]["S"], "one")

    def test_a_standby_is_healthy_and_writes_nothing(self):
        if "items" in self.store.call("ListTables", {})["TableNames"]:
            self.store.call("DeleteItem", {"TableName": "items", "Key": {"id": {"S": "_canary-GRA11"}}})
        self.serve("transaction", 600_000)
        for shut in (False, True):  # no fence at all, then one that is closed
            if shut:
                self.raise_fence(4, False)
                wait_for(lambda: self.ask("GET", "/status")[1]["epoch"] == 4, "the service to see the fence")
            wait_for(lambda: self.ask("GET", "/healthz", port=8081)[0] == 200, "a standby to be healthy")
            self.assertFalse(self.ask("GET", "/status")[1]["may_write"])
            self.assertNotIn("_canary-GRA11", self.store.scan())
        self.raise_fence(5, True)
        wait_for(self.renew, "the lease to begin")
        wait_for(lambda: "_canary-GRA11" in self.store.scan(), "the canary of the active region")
        self.assertEqual(self.ask("GET", "/healthz", port=8081)[0], 200)

    def test_a_lease_that_nobody_renews_runs_out(self):
        self.serve("lease", 1500)
        self.raise_fence(1, True)
        wait_for(self.renew, "the lease to begin")
        wait_for(lambda: self.renew() and self.put("b", "one")[0] == 200, "a write under the lease")
        wait_for(lambda: self.put("b", "more")[0] == 503, "the lease to run out")


if __name__ == "__main__":
    dynamodb_local.in_namespace()
    unittest.main(verbosity=2)
