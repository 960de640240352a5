#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A region that answers, but badly: it is said, and users stay, unless the config says that they move."""
import http.server
import random
import subprocess
import threading
import unittest

from leeward_world import BIN, World, wait_for

CHECK = "failure_threshold: 50, success_threshold: 3, confirm: { spacing: 5ms }"
WORLD_CHECK = "interval: 100ms, timeout: 200ms, failure_threshold: 3, success_threshold: 3, confirm: { spacing: 20ms }"


class Flaky(http.server.ThreadingHTTPServer):
    """Fails this share of the requests, at random."""
    allow_reuse_address = True
    daemon_threads = True
    bad_share = 0.0
    chance = random.Random(5)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            bad = self.server.chance.random() < self.server.bad_share
            self.send_response(503 if bad else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"no" if bad else b"ok")

        def log_message(self, *_):
            pass

    def __init__(self, address):
        super().__init__(address, self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class GrayTest(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(World())
        home = self.world.regions[0]
        home.kill()
        self.server = Flaky((home.address, home.port))
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.write("report")
        self.world.start()
        self.world.wait_answer(home)
        wait_for(lambda: self.world.health("GRA11") == "healthy", "the region to be healthy")

    def write(self, action):
        """Fifty probes a second, so that seconds are enough to compare."""
        self.world.write_config()
        text = self.world.config.read_text()
        assert WORLD_CHECK in text, "the test world's config has changed"
        self.world.config.write_text(text.replace(
            WORLD_CHECK, f"interval: 20ms, timeout: 200ms, {CHECK}, gray: {{ action: {action}, window: 4s, hold: 1s }}"))

    def region(self, name="GRA11"):
        return next(each for each in self.world.application()["regions"] if each["region"] == name)

    def metric(self):
        return next(line.split()[-1] for line in self.world.get("/metrics").splitlines()
                    if line.startswith("leeward_region_gray{") and 'region="GRA11"' in line)

    def status_text(self):
        return subprocess.run([BIN / "leeward", "--api", f"http://127.0.0.1:{self.world.api_port}", "status"],
                              check=True, capture_output=True, text=True).stdout

    def reload(self):
        status, text = self.world.request("POST", "/v1/reload")
        self.assertEqual(status, 200, text)

    def wait_gray(self, gray):
        wait_for(lambda: self.region()["gray"]["suspect"] == gray, f"gray: {gray}")

    def test_it_is_said_and_nobody_moves_unless_the_config_says_so(self):
        home, away = self.world.regions
        self.assertFalse(self.region()["gray"]["suspect"])
        self.assertEqual(self.metric(), "0")

        self.server.bad_share = 0.4
        self.wait_gray(True)
        region = self.region()
        self.assertEqual(region["health"], "healthy")
        self.assertTrue(region["active"])
        self.assertLess(region["gray"]["good_share"], 0.9)
        self.assertIn("were good", region["gray"]["reason"])
        self.assertFalse(self.region("RBX-A")["gray"]["suspect"])
        self.assertEqual(self.metric(), "1")
        self.assertIn("gray", self.status_text())
        self.assertEqual(self.world.answer(), [home.address])

        self.server.bad_share = 0.0
        self.wait_gray(False)
        self.assertEqual(self.world.answer(), [home.address])

        self.write("unhealthy")
        self.reload()
        self.server.bad_share = 0.4
        self.world.wait_answer(away)
        self.assertEqual(self.region()["health"], "unhealthy")
        self.assertIn("gray: ", self.region()["votes"][0]["evidence"]["reason"])

        self.server.bad_share = 0.0
        wait_for(lambda: self.region()["health"] == "healthy", "the region to be healthy again")
        self.assertFalse(self.region()["gray"]["suspect"])
        self.assertEqual(self.world.replay()[0], 0)

    def test_a_reload_that_takes_the_permission_away_frees_the_region(self):
        home, away = self.world.regions
        self.write("unhealthy")
        self.reload()
        self.server.bad_share = 0.4
        self.world.wait_answer(away)
        self.write("none")
        self.reload()
        wait_for(lambda: self.region()["health"] == "healthy", "the region to be healthy again")
        self.assertIsNone(self.region()["gray"])


if __name__ == "__main__":
    unittest.main()
