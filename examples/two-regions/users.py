# SPDX-License-Identifier: Apache-2.0
"""Users: each resolves the application's name honouring the TTL, writes an item, reads it back, and
remembers every acknowledged write and every error. And a watcher that asks DNS all the time, to
see the first answer with another region."""
import http.client
import json
import threading
import time

from dns_client import DnsError, Resolver


class User(threading.Thread):
    def __init__(self, number, hostname, port, dns_server, pause_s, timeout_s=1.0):
        super().__init__(daemon=True, name=f"user-{number}")
        self.number = number
        self.hostname = hostname
        self.port = port
        self.resolver = Resolver(dns_server)
        self.pause_s = pause_s
        self.timeout_s = timeout_s
        self.stopping = threading.Event()
        self.connection = None
        self.connected_to = None
        self.samples = []  # (started, finished, operation, succeeded, region or error)
        self.acknowledged = {}  # item id -> value
        self.acknowledged_at = {}  # item id -> when, by the monotonic clock

    def run(self):
        sequence = 0
        while not self.stopping.is_set():
            sequence += 1
            item = f"user{self.number}-{sequence:06d}"
            value = f"{item}-{time.time_ns()}"
            if self.request("write", "PUT", f"/items/{item}", {"value": value}):
                self.acknowledged[item] = value
                self.acknowledged_at[item] = time.monotonic()
                self.request("read", "GET", f"/items/{item}", None)
            self.stopping.wait(self.pause_s)
        self.disconnect()
        self.resolver.close()

    def disconnect(self):
        if self.connection:
            self.connection.close()
        self.connection = self.connected_to = None

    def request(self, operation, method, path, body):
        started = time.monotonic()
        try:
            address = self.resolver.resolve(self.hostname)
            if address != self.connected_to:
                self.disconnect()
                self.connection = http.client.HTTPConnection(address, self.port, timeout=self.timeout_s)
                self.connected_to = address
            self.connection.request(method, path, json.dumps(body) if body else None,
                                    {"Content-Type": "application/json", "Host": self.hostname})
            response = self.connection.getresponse()
            response.read()
            succeeded = 200 <= response.status < 300
            note = response.getheader("X-Region", "?") if succeeded else f"HTTP {response.status}"
            if response.will_close:
                self.disconnect()
        except (OSError, DnsError, http.client.HTTPException) as error:
            self.disconnect()
            succeeded, note = False, f"{type(error).__name__}: {error}"[:120]
        self.samples.append((started, time.monotonic(), operation, succeeded, note))
        return succeeded

    def stop(self):
        self.stopping.set()


class Users:
    """All users together, and what they lived through in a span of time."""

    def __init__(self, count, hostname, port, dns_server, pause_s):
        self.members = [User(n, hostname, port, dns_server, pause_s) for n in range(1, count + 1)]

    def start(self):
        for user in self.members:
            user.start()

    def stop(self):
        for user in self.members:
            user.stop()
        for user in self.members:
            user.join(timeout=5)

    def samples_between(self, begin, end):
        return [s for user in self.members for s in list(user.samples) if begin <= s[1] < end]

    def downtime_s(self, begin, end):
        """The longest time that any one user went without a success, within [begin, end)."""
        longest = 0.0
        for user in self.members:
            last_success = begin
            for _, finished, _, succeeded, _ in list(user.samples):
                if succeeded and finished >= begin:
                    if finished >= end:
                        break
                    longest = max(longest, finished - last_success)
                    last_success = finished
            longest = max(longest, end - last_success)
        return longest

    def all_succeed_since(self, moment):
        """True once every user finished a success that began after `moment`, and no error since."""
        for user in self.members:
            recent = [s for s in user.samples[-20:] if s[0] >= moment]
            if not recent or not all(s[3] for s in recent):
                return False
        return True

    def acknowledged(self):
        return {item: value for user in self.members for item, value in list(user.acknowledged.items())}

    def acknowledged_between(self, begin, end):
        """item id -> when, of the writes that users were told of in that span."""
        return {item: at for user in self.members for item, at in list(user.acknowledged_at.items())
                if begin <= at < end}

    def acknowledged_count(self):
        return sum(len(user.acknowledged) for user in self.members)


class DnsWatcher(threading.Thread):
    """Asks DNS every 2 ms, uncached, and remembers when the answer changed."""

    def __init__(self, hostname, dns_server):
        super().__init__(daemon=True, name="dns-watcher")
        self.hostname = hostname
        self.resolver = Resolver(dns_server, timeout_s=0.25)
        self.stopping = threading.Event()
        self.changes = []  # (when, address)
        self.queries = 0
        self.unanswered = 0

    def run(self):
        last = None
        while not self.stopping.is_set():
            try:
                self.queries += 1
                addresses, _ = self.resolver.query(self.hostname)
                if addresses[0] != last:
                    last = addresses[0]
                    self.changes.append((time.monotonic(), last))
            except DnsError:
                self.unanswered += 1
            time.sleep(0.002)
        self.resolver.close()

    def first_change_to(self, address, since):
        for when, answer in list(self.changes):
            if when >= since and answer == address:
                return when
        return None

    def stop(self):
        self.stopping.set()
        self.join(timeout=5)
