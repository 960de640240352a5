#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Response-rate limiting, cookies and NSID on a real daemon, asked by dig."""
import socket
import unittest

from route53_world import Route53World, record


class Limits(unittest.TestCase):
    def test_a_flood_is_limited_and_real_clients_get_through(self):
        limit = "  rate_limit: { responses_per_second: 5, slip: 2, window: 5s, exempt: [127.0.0.128/25] }\n  nsid: gra-1"
        with Route53World(dns=limit) as world:
            zone = world.zone("limited.test")
            world.change(zone, ("CREATE", record("www.limited.test", "A", "192.0.2.1")))
            query = bytes.fromhex("000100000001000000000000") + b"\x03www\x07limited\x04test\x00\x00\x01\x00\x01"

            def flood(source, count=200):
                """Answers and truncated answers to so many queries from this address."""
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                    client.bind((source, 0))
                    client.settimeout(0.3)
                    full = truncated = 0
                    for _ in range(count):
                        client.sendto(query, ("127.0.0.1", world.dns_port))
                        try:
                            answer = client.recv(4096)
                        except TimeoutError:
                            if full + truncated > 5:
                                return full, truncated
                            continue
                        truncated += bool(answer[2] & 2)
                        full += not answer[2] & 2
                    return full, truncated
            self.assertEqual(flood("127.0.0.200"), (200, 0), "exempt")
            full, truncated = flood("127.0.0.2")
            self.assertLess(full, 100)
            self.assertGreater(full + truncated, 0)
            # dig shows a cookie, learns ours, and is not limited any more; without, TCP helps.
            self.assertEqual(world.dig("www.limited.test", "A", "+tcp"), ["192.0.2.1"])
            seen = world.dig_all("www.limited.test", "A", "+nsid", "-b", "127.0.0.130")
            self.assertIn("gra-1", seen)
            self.assertRegex(seen, r"COOKIE: [0-9a-f]{48} \(good\)")


if __name__ == "__main__":
    unittest.main(warnings="ignore")
