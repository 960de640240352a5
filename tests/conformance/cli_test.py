#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The `leeward` program against a real API server: exit codes, JSON, colour, tokens, TLS."""
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import unittest

from admin_server import BIN, AdminServer


def leeward(*arguments, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("LEEWARD_")}
    return subprocess.run([BIN / "leeward", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False, env={**clean, **environment})


class Cli(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name)
        self.addCleanup(self.directory.cleanup)

    def expect(self, code, *arguments, **environment):
        result = leeward(*arguments, **environment)
        self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result

    def test_reading(self):
        with AdminServer() as server:
            api = ("--api", f"http://127.0.0.1:{server.port}")
            status = self.expect(0, *api, "status").stdout
            self.assertIn("active RBX-A  epoch 2", status)
            self.assertNotIn("\x1b", status)
            self.assertIn("why: going home", self.expect(0, *api, "explain").stdout)
            self.assertIn("Decision 1", self.expect(0, *api, "explain", "1").stdout)
            self.expect(1, *api, "explain", "99")
            self.assertIn("shop/RBX-A", self.expect(0, *api, "check", "list").stdout)
            self.assertIn("refused", self.expect(0, *api, "check", "history", "shop/GRA11").stdout)
            self.expect(1, *api, "check", "history", "shop/../../status")
            self.assertEqual(len(self.expect(0, *api, "journal", "export").stdout.splitlines()), 7)
            for command in (["status"], ["explain"], ["check", "list"], ["check", "history", "shop/GRA11"], ["version"],
                            ["failover", "shop", "--to", "RBX-A", "--dry-run"], ["reload"]):
                self.assertTrue(json.loads(self.expect(0, *api, "--output", "json", *command).stdout), command)

    def test_routing_controls(self):
        with AdminServer() as server:
            control = ("--api", f"http://127.0.0.1:{server.port}", "control")
            for name in ("shop", "shop/gra", "shop/rbx"):
                self.expect(0, *control, "create", name)
            self.expect(0, *control, "set", "shop/gra=On")
            self.assertEqual(self.expect(0, *control, "get", "shop/gra").stdout, "On\n")
            self.expect(0, *control, "rule", "set", "shop/one", "--control", "gra", "--control", "rbx")
            refused = self.expect(1, *control, "set", "shop/gra=Off")
            self.assertIn("shop/one", refused.stderr)
            self.assertEqual(self.expect(0, *control, "get", "shop/gra").stdout, "On\n")
            listed = self.expect(0, *control, "set", "shop/gra=Off", "shop/rbx=On").stdout
            self.assertIn("rule one", listed)
            self.expect(0, *control, "set", "shop/rbx=Off", "--override", "shop/one")
            self.assertIn("does not hold", self.expect(0, *control, "list", "shop").stdout)
            self.expect(0, *control, "rule", "set", "shop/gate", "--control", "gra", "--target", "rbx", "--type", "OR")
            self.expect(1, *control, "set", "shop/rbx=On", "--override", "shop/one")
            self.expect(1, *control, "set", "application.shop/GRA11=On")
            self.expect(1, *control, "delete", "shop")
            for rule in ("one", "gate"):
                self.expect(0, *control, "rule", "delete", f"shop/{rule}")
            for name in ("shop/gra", "shop/rbx", "shop"):
                self.expect(0, *control, "delete", name)
            self.expect(1, *control, "get", "shop/gra")
            everything = json.loads(self.expect(0, "--output", "json", *control, "list").stdout)
            self.assertEqual([p["name"] for p in everything["control_panels"]], ["application.shop"])
            self.expect(2, *control, "set")
            self.expect(2, *control, "set", "shop/gra")

    def test_globals_may_follow_the_command(self):
        with AdminServer() as server:
            api = f"http://127.0.0.1:{server.port}"
            self.expect(0, "status", "--api", api, "--output", "json")
            self.expect(0, "check", "list", "--output", "json", "--api", api)

    def test_events_and_watch_reach_a_pipe(self):
        with AdminServer() as server:
            api = ("--api", f"http://127.0.0.1:{server.port}")
            followers = [subprocess.Popen([BIN / "leeward", *api, *words], stdout=subprocess.PIPE, text=True)
                         for words in (["--output", "json", "events"], ["--output", "json", "status", "--watch"])]
            try:
                first = json.loads(followers[1].stdout.readline())
                self.assertEqual(first["applications"]["applications"][0]["assignment"]["epoch"], 2)
                # The first event may come before the follower is there: move until it has seen one.
                seen = []
                reader = threading.Thread(target=lambda: seen.append(json.loads(followers[0].stdout.readline())))
                reader.start()
                for _ in range(100):
                    self.expect(0, *api, "switchover", "shop", "--to", "RBX-A")
                    reader.join(timeout=0.2)
                    if seen:
                        break
                self.assertEqual(seen[0]["event"], "decision")
                changed = json.loads(followers[1].stdout.readline())
                self.assertGreater(changed["applications"]["applications"][0]["assignment"]["epoch"], 2)
            finally:
                for follower in followers:
                    follower.kill()
                    follower.wait()
                    follower.stdout.close()

    def test_moves(self):
        with AdminServer() as server:
            api = {"LEEWARD_API": f"http://127.0.0.1:{server.port}/"}
            self.assertIn("planned", self.expect(0, "failover", "shop", "--to", "RBX-A", "--dry-run", **api).stdout)
            refused = self.expect(1, "failback", "shop", **api)
            self.assertIn("guard target-healthy  failed", refused.stdout)
            self.assertIn("refused: guard target-healthy", refused.stderr)
            self.expect(1, "failover", "ghost", "--to", "RBX-A", **api)
            self.expect(1, "failover", "shop", "--to", "NOWHERE", **api)
            self.expect(2, "failover", "shop", "--to", "RBX-A", "--accept-data-loss", "12", **api)
            self.assertIn("published", self.expect(0, "switchover", "shop", "--to", "RBX-A", "--reason", "x", **api).stdout)

    def test_usage(self):
        self.expect(2)
        self.expect(2, "no-such-command")
        self.expect(2, "failover", "shop")
        self.expect(2, "--output", "xml", "status")
        self.expect(2, "--api", "ftp://127.0.0.1/", "status")
        for words in ([], ["status"], ["check"], ["check", "list"], ["failover"], ["resolve"], ["config", "check"]):
            help_text = self.expect(0, *words, "--help").stdout
            self.assertIn("xample" if words and words != ["check"] else "leeward", help_text)
        for shell in ("bash", "zsh", "fish"):
            self.assertIn("switchover", self.expect(0, "completion", shell).stdout)
        self.assertEqual(subprocess.run(["bash", "-n"], input=leeward("completion", "bash").stdout, text=True).returncode, 0)

    def test_unreachable_and_not_our_api(self):
        with AdminServer() as server:
            port = server.port
        result = self.expect(3, "--api", f"http://127.0.0.1:{port}", "status")
        self.assertIn("is leewardd running", result.stderr)
        self.assertEqual(result.stdout, "")
        with AdminServer() as server:
            self.expect(1, "--api", f"http://127.0.0.1:{server.port}/elsewhere", "status")

    def test_tokens(self):
        token = self.path / "token"
        with AdminServer("--tokens") as server:
            api = ("--api", f"http://127.0.0.1:{server.port}")
            self.expect(4, *api, "status")
            self.expect(4, *api, "status", LEEWARD_TOKEN="wrong")
            self.expect(0, *api, "status", LEEWARD_TOKEN="viewer-token")
            self.expect(4, *api, "failover", "shop", "--to", "RBX-A", LEEWARD_TOKEN="viewer-token")
            token.write_text("admin-token\n")
            self.expect(0, *api, "--token-file", str(token), "reload")
            self.expect(2, *api, "--token-file", str(self.path / "none"), "reload")

    def test_tls(self):
        key, certificate = str(self.path / "key.pem"), str(self.path / "cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=leeward", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key,
                        "-out", certificate], check=True, stderr=subprocess.DEVNULL)
        with AdminServer("--tls", certificate, key) as server:
            api = ("--api", f"https://127.0.0.1:{server.port}")
            self.assertIn("gra-1", self.expect(0, *api, "--ca-file", certificate, "status").stdout)
            self.expect(3, *api, "status")  # not a certificate that anybody vouches for
            self.expect(3, "--api", f"http://127.0.0.1:{server.port}", "status")

    def test_config_check(self):
        config = self.path / "leeward.yaml"
        config.write_text("applications: 7\nnonsense: true\n")
        result = self.expect(1, "config", "check", str(config))
        self.assertIn("leeward.yaml:2:", result.stderr)
        self.assertFalse(json.loads(self.expect(1, "--output", "json", "config", "check", str(config)).stdout)["ok"])
        self.expect(1, "config", "check", str(self.path / "none.yaml"))

    def test_config_check_compiles_the_zones(self):
        config = self.path / "good.yaml"
        zone = self.path / "example.test.zone"
        config.write_text("""
dns: { zones: [example.test.zone] }
regions: { GRA11: {} }
applications:
  shop:
    hostname: app.example.test
    regions: [{ region: GRA11, address: 192.0.2.1, check: { type: TCP, port: 80 } }]
""")
        zone.write_text("$ORIGIN example.test.\n@ 60 IN SOA ns1 h 1 2 3 4 5\n@ 60 IN NS ns1\nns1 60 IN A 192.0.2.53\n")
        good = self.expect(0, "config", "check", str(config))
        self.assertIn("hostname", good.stdout)
        zone.write_text(zone.read_text() + "www 60 IN A nowhere\n")
        self.assertIn("example.test.zone:5", self.expect(1, "config", "check", str(config)).stderr)

    def test_replay_and_resolve(self):
        journal = self.path / "journal.jsonl"
        journal.write_text('{"sequence":1}\n')
        self.assertIn("journal.jsonl", self.expect(1, "replay", str(journal)).stderr)
        self.expect(2, "resolve", "app.example.test", "--server", "somewhere")
        self.expect(2, "resolve", "bad..name")
        with AdminServer() as server:
            port = server.port
        self.expect(3, "resolve", "app.example.test", "--server", f"127.0.0.1:{port}")
        self.expect(3, "resolve", "app.example.test", "--tcp", "--server", f"127.0.0.1:{port}")


if __name__ == "__main__":
    unittest.main()
