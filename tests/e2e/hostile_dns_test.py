#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Packets that nobody should send, while good questions go on being answered."""
import random
import socket
import struct
import subprocess
import shutil
import unittest

from leeward_world import World
from dns_client import encode_query


class Hostile(unittest.TestCase):
    def test_a_flood_of_broken_packets(self):
        random.seed(1)
        with World() as world:
            world.start()
            good = encode_query(world.hostname, 4711)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
                attacker.settimeout(0)
                for number in range(3000):
                    packet = bytearray(good)
                    for _ in range(random.randrange(1, 8)):
                        packet[random.randrange(len(packet))] = random.randrange(256)
                    packet = packet[:random.randrange(len(packet) + 1)] + bytes(random.randrange(40))
                    attacker.sendto(bytes(packet), ("127.0.0.1", world.dns_port))
                    try:
                        while True:
                            answer = attacker.recv(65535)
                            self.assertLessEqual(len(answer), 1232)
                    except BlockingIOError:
                        pass
                    if number % 100 == 0:
                        self.assertEqual(world.answer(), [world.regions[0].address])
            self.assertIsNone(world.daemon.poll())

    def test_broken_tcp_framing(self):
        with World() as world:
            world.start()
            for data in (b"\0", b"\xff\xff" + b"x" * 100, struct.pack("!H", 5) + b"short", b"GET / HTTP/1.1\r\n\r\n"):
                with socket.create_connection(("127.0.0.1", world.dns_port), timeout=5) as connection:
                    connection.sendall(data)
            with socket.create_connection(("127.0.0.1", world.dns_port), timeout=5) as connection:
                query = encode_query(world.hostname, 1)
                for _ in range(50):
                    connection.sendall(struct.pack("!H", len(query)) + query)
                received = b""
                while received.count(socket.inet_aton(world.regions[0].address)) < 50:
                    part = connection.recv(65535)
                    self.assertTrue(part, "the connection was closed early")
                    received += part

    def test_dig(self):
        if not shutil.which("dig"):
            self.skipTest("dig is missing (Debian package bind9-dnsutils)")
        with World() as world:
            world.start()

            def dig(*arguments):
                return subprocess.run(["dig", f"@127.0.0.1", "-p", str(world.dns_port), *arguments], check=True,
                                      stdout=subprocess.PIPE, text=True, timeout=30).stdout

            address = world.regions[0].address
            for extra in ([], ["+tcp"], ["+noedns"], ["+bufsize=512"], ["+dnssec"]):
                answer = dig(world.hostname, *extra)
                self.assertIn("status: NOERROR", answer)
                self.assertIn("aa", answer.split(";; flags:")[1].split(";")[0])
                self.assertIn(address, answer)
            self.assertIn("status: NXDOMAIN", dig("nothing." + world.hostname))
            self.assertIn("status: REFUSED", dig("example.org"))
            self.assertIn("SOA", dig(world.hostname, "AAAA"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
