#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The reference service on a real DynamoDB Local."""
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import dynamodb_local
from dynamodb_local import DynamoDbLocal
from leeward_world import BIN, PATIENCE_S, wait_for

ENVIRONMENT = {"APP_REGION": "GRA11", "AWS_REGION": "eu-west-3", "AWS_ACCESS_KEY_ID": "test",
               "AWS_SECRET_ACCESS_KEY": "test", "CREATE_TABLE": "1", "DYNAMODB_ENDPOINT": "http://127.0.0.1:8101",
               "PATH": "/usr/bin:/bin"}


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
        wait_for(lambda: self.health() == 200, "the service to be ready")

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
        self.assertIn("_del", self.store.scan()["one"], "a delete is a tombstone that replication can carry")
        self.assertNotIn("one", {item["id"] for item in self.ask("GET", "/items")[1]["items"]})

    def test_stamps_only_grow_even_past_another_regions_clock(self):
        self.put("stamped", "first")
        first = self.store.scan()["stamped"]["_r"]["S"]
        self.assertRegex(first, r"^\d{16}\.\d{4}\.GRA11$")
        ahead = f"{time.time_ns() // 1000 + 2_000_000:016}.0000.RBX-A"
        self.store.call("PutItem", {"TableName": "items", "Item": {
            "id": {"S": "stamped"}, "value": {"S": "theirs"}, "_r": {"S": ahead}}})
        self.assertEqual(self.put("stamped", "ours")[0], 200)
        stored = self.store.scan()["stamped"]
        self.assertEqual(stored["value"]["S"], "ours")
        self.assertGreater(stored["_r"]["S"], ahead)

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

    def test_settings_are_checked(self):
        for changes, part in (({"APP_REGION": ""}, "APP_REGION"), ({"APP_PORT": "http"}, "APP_PORT"),
                              ({"APP_ADDRESS": "nowhere"}, "nowhere"), ({}, "8080")):
            outcome = subprocess.run([BIN / "items-service"], env={**ENVIRONMENT, **changes}, text=True,
                                     stderr=subprocess.PIPE, timeout=PATIENCE_S, check=False)
            self.assertEqual(outcome.returncode, 1)
            self.assertIn(part, outcome.stderr)
        self.assertEqual(subprocess.run([BIN / "items-service", "--help"], stdout=subprocess.DEVNULL,
                                        check=False).returncode, 0)


if __name__ == "__main__":
    dynamodb_local.in_namespace()
    unittest.main(verbosity=2)
