# SPDX-License-Identifier: Apache-2.0
"""Zones that are read again, and files that are measured again, while DNS is asked: nothing is lost on the way."""
import pathlib
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from leeward_world import BIN, free_port, wait_for  # noqa: E402
from route53_world import Route53World, record  # noqa: E402

RECORD_SETS = 1_000_000


def zone(turn, record_sets=RECORD_SETS):
    return ("$ORIGIN big.test.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.53\nkept A 192.0.2.1\n" + "".join(
        f"n{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n" for i in range(record_sets)) + f"turn A 192.0.2.{turn}\n")


class Asking:
    """Asks for kept.big.test, one query after the other; counts what is not answered with 192.0.2.1."""

    def __init__(self, port):
        self.port, self.asked, self.lost, self.stopping = port, 0, [], threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        query = b"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04kept\x03big\x04test\x00\x00\x01\x00\x01"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(30)  # slow is not lost: this machine may be busy
            while not self.stopping.is_set():
                client.sendto(query, ("127.0.0.1", self.port))
                self.asked += 1
                try:
                    answer = client.recv(512)
                    if answer[-4:] != bytes((192, 0, 2, 1)):
                        self.lost.append(answer)
                except TimeoutError:
                    self.lost.append(None)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()


class ReloadTest(unittest.TestCase):
    def test_no_query_is_lost_while_a_large_zone_is_read_again(self):
        with Route53World(dns="  zones: [big.zone]", files={"big.zone": zone(0)}) as world:
            hosted = world.zone("small.test")
            with Asking(world.dns_port) as asking:
                for turn in range(1, 4):
                    (world.path / "big.zone").write_text(zone(turn))
                    subprocess.run([BIN / "leeward", "--api", world.url, "reload"], check=True, stdout=subprocess.DEVNULL)
                    wait_for(lambda want=f"192.0.2.{turn}": world.dig("turn.big.test") == [want], "the reload", 120)
                    world.change(hosted, ("UPSERT", record("w.small.test", "A", f"192.0.2.{turn}")))
                    self.assertEqual(world.dig("w.small.test"), [f"192.0.2.{turn}"])
            self.assertEqual(asking.lost, [])
            self.assertGreater(asking.asked, 3)

    def test_a_zone_that_cannot_be_read_changes_nothing(self):
        with Route53World(dns="  zones: [big.zone]", files={"big.zone": zone(0, 1000)}) as world, Asking(world.dns_port) as asking:
            (world.path / "big.zone").write_text(zone(7, 1000) + "broken A 192.0.2\n")
            result = subprocess.run([BIN / "leeward", "--api", world.url, "reload"], stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True, check=False)
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(f"big.zone:1008", result.stdout)
            self.assertEqual(world.dig("turn.big.test"), ["192.0.2.0"])
            asking.stopping.set()
            asking.thread.join()
            self.assertEqual(asking.lost, [])


class LatenciesTest(unittest.TestCase):
    def measure(self, world, region, *options, code=0):
        result = subprocess.run([BIN / "leeward", "latencies", "measure", "--region", region, "--targets", "targets.csv", *options],
                                cwd=world.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout if code == 0 else result.stderr

    def test_what_a_node_measures_decides_after_a_reload(self):
        listening, refusing = socket.create_server(("127.0.0.1", 0)), free_port()
        self.addCleanup(listening.close)
        # us-east-1 is far away on the map, and said to be at hand by the file: so it is the file that decides.
        with Route53World(dns="  latencies: latencies.csv", files={
                "latencies.csv": "network, eu-west-3, us-east-1\n203.0.113.0/24, 500, 400\n"}) as world:
            hosted = world.zone("near.test")
            world.change(hosted, *(("CREATE", record("w.near.test", "A", address, SetIdentifier=region, Region=region))
                                   for region, address in (("eu-west-3", "192.0.2.1"), ("us-east-1", "192.0.2.2"))))

            def answer():
                return world.dig("w.near.test", "A", "+subnet=203.0.113.0/24")
            self.assertEqual(answer(), ["192.0.2.2"])
            (world.path / "targets.csv").write_text(
                f"203.0.113.0/24, 127.0.0.1:{refusing}  # refuses\n198.51.100.0/24, 127.0.0.1:{listening.getsockname()[1]}\n")
            merged = self.measure(world, "eu-west-3", "--merge", "latencies.csv")
            rows = [line.split(", ") for line in merged.splitlines()]
            self.assertEqual(rows[0], ["network", "eu-west-3", "us-east-1"])
            self.assertEqual([row[0] for row in rows[1:]], ["198.51.100.0/24", "203.0.113.0/24"])
            self.assertLess(float(rows[2][1]), 400)
            self.assertEqual(rows[2][2], "400.0")
            (world.path / "latencies.csv").write_text(merged)
            subprocess.run([BIN / "leeward", "--api", world.url, "reload"], check=True, stdout=subprocess.DEVNULL)
            wait_for(lambda: answer() == ["192.0.2.1"], "what was measured to decide")

    def test_what_is_wrong_is_said(self):
        with Route53World() as world:
            (world.path / "targets.csv").write_text("203.0.113.0/24\nx, 127.0.0.1:1\n10.0.0.0/8, 127.0.0.1\n")
            text = self.measure(world, "eu-west-3", code=2)
            for line in ("targets.csv:1", "targets.csv:2", "targets.csv:3"):
                self.assertIn(line, text)
            self.assertIn("--timeout", self.measure(world, "eu-west-3", "--timeout", "soon", code=2))
            (world.path / "targets.csv").unlink()
            self.assertIn("cannot read targets.csv", self.measure(world, "eu-west-3", code=1))


if __name__ == "__main__":
    unittest.main()
