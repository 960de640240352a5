#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Starting, reloading, stopping; and everything that can be wrong at a start."""
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import unittest

from leeward_world import BIN, PATIENCE_S, World, free_port, wait_for


class Reload(unittest.TestCase):
    def test_a_good_config_is_applied_without_a_restart(self):
        with World() as world:
            world.start()
            region = world.regions[0]
            world.write_config(ttl="7s", extra=f"""  blog:
    hostname: blog.example.test
    regions:
      - {{ region: GRA11, address: {region.address}, check: {{ type: TCP, port: {region.port} }} }}
""")
            world.daemon.send_signal(signal.SIGHUP)
            wait_for(lambda: world.answer("blog.example.test") == [region.address], "the new application")
            self.assertEqual(world.resolver.query(world.hostname)[1], 7)
            self.assertEqual(world.epoch(), 1, "the old one keeps its assignment")
            self.assertEqual(world.get("/v1/status")["config"]["generation"], 2)

    def test_a_bad_config_changes_nothing(self):
        with World() as world:
            world.start()
            world.config.write_text(world.config.read_text().replace("ttl: 5s", "ttl: soon"))
            world.daemon.send_signal(signal.SIGHUP)
            wait_for(lambda: "the config in force stays" in world.log.read_text(), "the refusal in the log")
            self.assertIn("leeward.yaml:", world.log.read_text())
            self.assertEqual(world.resolver.query(world.hostname)[1], 5)
            status, answer = world.request("POST", "/v1/reload")
            self.assertEqual(status, 409, answer)

    def test_what_needs_a_restart_is_refused(self):
        with World() as world:
            world.start()
            world.config.write_text(world.config.read_text().replace("workers: 1", "workers: 2"))
            status, answer = world.request("POST", "/v1/reload")
            self.assertEqual(status, 409)
            self.assertIn("restart", answer)


class Stop(unittest.TestCase):
    def test_sigterm_ends_it_with_connections_open(self):
        with World() as world:
            world.start()
            with socket.create_connection(("127.0.0.1", world.api_port)) as events, \
                    socket.create_connection(("127.0.0.1", world.dns_port)):
                events.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertIn(b"200", events.recv(4096))
                world.daemon.send_signal(signal.SIGTERM)
                self.assertEqual(world.daemon.wait(timeout=PATIENCE_S), 0)
            self.assertIn("event=stopped", world.log.read_text())

    def test_the_service_manager_is_told(self):
        with World() as world:
            path = str(world.directory / "notify")
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.bind(path)
                manager.settimeout(PATIENCE_S)
                world.start(environment={"NOTIFY_SOCKET": path})
                self.assertEqual(manager.recv(1000), b"READY=1")
                world.daemon.send_signal(signal.SIGTERM)
                self.assertEqual(manager.recv(1000), b"STOPPING=1")
                world.daemon.wait(timeout=PATIENCE_S)


class BadStart(unittest.TestCase):
    def assert_refused(self, world, *parts):
        status, said = world.run_to_end()
        self.assertEqual(status, 1, said)
        for part in parts:
            self.assertIn(part, said)
        return said

    def test_usage(self):
        for arguments, status in ((["--help"], 0), (["--version"], 0), ([], 2), (["--nonsense"], 2)):
            outcome = subprocess.run([BIN / "leewardd", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     text=True, timeout=PATIENCE_S, check=False)
            self.assertEqual(outcome.returncode, status, outcome.stderr)

    def test_no_config(self):
        with World() as world:
            world.config.unlink()
            self.assert_refused(world, "leeward.yaml", "No such file")

    def test_every_problem_at_once(self):
        with World() as world:
            world.config.write_text(world.config.read_text().replace("ttl: 5s", "ttl: soon").replace(
                "mode: active-passive", "mode: sideways") + "nonsense: 1\n")
            said = self.assert_refused(world, "ttl", "mode", "nonsense")
            self.assertGreaterEqual(said.count("leeward.yaml:"), 3)

    def test_a_bad_zone(self):
        with World() as world:
            (world.directory / "example.test.zone").write_text("$ORIGIN example.test.\n@ IN SOA ns1 h 1 2 3 4 5\n@ IN A one\n")
            world.config.write_text(world.config.read_text().replace("workers: 1", "workers: 1, zones: [example.test.zone]"))
            self.assert_refused(world, "example.test.zone:3")

    def test_ports_in_use(self):
        with World() as world, socket.socket() as taken:
            taken.bind(("127.0.0.1", world.api_port))
            taken.listen()
            self.assert_refused(world, str(world.api_port), "already in use", "choose another")
        with World() as world, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", world.dns_port))
            self.assert_refused(world, str(world.dns_port), "another program")

    def test_the_state_directory_is_missing(self):
        with World() as world:
            world.config.write_text(world.config.read_text().replace("sqlite: state.db", "sqlite: no/such/state.db"))
            self.assert_refused(world, "no/such")

    def test_a_corrupt_state_file_is_named_and_kept(self):
        with World() as world:
            state = world.directory / "state.db"
            state.write_bytes(b"this is no database " * 500)
            before = state.read_bytes()
            self.assert_refused(world, "state.db")
            self.assertEqual(state.read_bytes(), before)

    def test_a_locked_state_file(self):
        with World() as world:
            world.start()
            dns, api = world.dns_port, world.api_port
            world.dns_port, world.api_port = free_port(), free_port()
            world.write_config()
            self.assert_refused(world, "state.db", "another process")
            world.dns_port, world.api_port = dns, api

    def test_a_privileged_port_without_the_right(self):
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("needs root and setpriv to become nobody")
        with World() as world:
            world.config.write_text(world.config.read_text().replace(f"127.0.0.1:{world.dns_port}", "127.0.0.1:53"))
            shutil.chown(world.directory, "nobody")
            shutil.chown(world.config, "nobody")
            outcome = subprocess.run(["setpriv", "--reuid=nobody", "--clear-groups", "--bounding-set=-all",
                                      BIN / "leewardd", "--config", world.config], stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S, check=False)
            if "leewardd:" not in outcome.stdout and "event=" not in outcome.stdout:
                self.skipTest(f"nobody cannot run the daemon here: {outcome.stdout}")
            self.assertEqual(outcome.returncode, 1)
            self.assertIn("53", outcome.stdout)


class FullDisk(unittest.TestCase):
    def test_dns_goes_on_and_moves_wait(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to mount a small file system")
        with World() as world:
            disk = world.directory / "disk"
            disk.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=True)
            try:
                world.config.write_text(world.config.read_text().replace("sqlite: state.db", f"sqlite: {disk}/state.db"))
                world.start()
                filler = disk / "filler"
                try:
                    with open(filler, "wb", buffering=0) as file:
                        while True:
                            file.write(b"x" * 4096)
                except OSError:
                    pass
                status, answer = 200, {}
                # What is left of allocated pages may take some moves first.
                for attempt in range(200):
                    to = "RBX-A" if world.application()["assignment"]["region"] == "GRA11" else "GRA11"
                    status, answer = world.move("switchover", to=to)
                    if status != 200:
                        break
                self.assertEqual(status, 503, answer)
                epoch = world.epoch()
                self.assertEqual(len(world.answer()), 1, "DNS goes on")
                self.assertEqual(world.request("GET", "/readyz")[0], 503)
                filler.unlink()
                wait_for(lambda: world.request("GET", "/readyz")[0] == 200, "the store to take writes again")
                to = "RBX-A" if world.application()["assignment"]["region"] == "GRA11" else "GRA11"
                self.assertEqual(world.move("switchover", to=to)[0], 200)
                self.assertGreater(world.epoch(), epoch)
                wait_for(lambda: world.replay()[0] == 0, "a journal without gaps")
            finally:
                world.kill()
                subprocess.run(["umount", str(disk)], check=True)


class Logs(unittest.TestCase):
    def test_json_lines_parse(self):
        with World(log="log: { format: json, level: debug }") as world:
            world.start()
            world.daemon.send_signal(signal.SIGTERM)
            world.daemon.wait(timeout=PATIENCE_S)
            lines = [json.loads(line) for line in world.log.read_text().splitlines()]
            self.assertTrue({"ready", "health", "decision", "stopped"} <= {line["event"] for line in lines})


if __name__ == "__main__":
    unittest.main(verbosity=2)
