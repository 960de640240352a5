# SPDX-License-Identifier: Apache-2.0
"""The smallest stub resolver that can measure: one A question, one datagram, one answer."""
import random
import socket
import struct
import time


class DnsError(Exception):
    pass


def encode_query(name, query_id):
    header = struct.pack("!HHHHHH", query_id, 0x0100, 1, 0, 0, 0)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    return header + labels + b"\0" + struct.pack("!HH", 1, 1)


def skip_name(message, offset):
    while True:
        length = message[offset]
        if length & 0xC0:
            return offset + 2
        offset += 1 + length
        if length == 0:
            return offset


def decode_answer(message, query_id):
    """(addresses, smallest TTL) of an answer with A records."""
    answer_id, flags, questions, answers, _, _ = struct.unpack_from("!HHHHHH", message)
    if answer_id != query_id or not flags & 0x8000:
        raise DnsError("not the answer to this question")
    if flags & 0xF:
        raise DnsError(f"rcode {flags & 0xF}")
    offset = 12
    for _ in range(questions):
        offset = skip_name(message, offset) + 4
    addresses, ttls = [], []
    for _ in range(answers):
        offset = skip_name(message, offset)
        kind, _, ttl, length = struct.unpack_from("!HHIH", message, offset)
        offset += 10
        if kind == 1 and length == 4:
            addresses.append(socket.inet_ntoa(message[offset:offset + 4]))
            ttls.append(ttl)
        offset += length
    if not addresses:
        raise DnsError("no A record")
    return addresses, min(ttls)


class Resolver:
    """Asks one server; remembers an answer for its TTL, as a user's resolver does."""

    def __init__(self, server, timeout_s=0.5):
        self.server = server
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(timeout_s)
        self.cached = None  # (name, address, expires at)

    def query(self, name):
        query_id = random.randrange(65536)
        try:
            self.socket.sendto(encode_query(name, query_id), self.server)
            deadline = time.monotonic() + self.socket.gettimeout()
            while time.monotonic() < deadline:
                message, _ = self.socket.recvfrom(4096)
                if len(message) >= 12 and message[:2] == struct.pack("!H", query_id):
                    return decode_answer(message, query_id)
        except (OSError, struct.error, IndexError) as error:
            raise DnsError(str(error)) from error
        raise DnsError("no answer")

    def resolve(self, name):
        now = time.monotonic()
        if self.cached and self.cached[0] == name and now < self.cached[2]:
            return self.cached[1]
        addresses, ttl = self.query(name)
        self.cached = (name, addresses[0], time.monotonic() + ttl)
        return addresses[0]

    def close(self):
        self.socket.close()
