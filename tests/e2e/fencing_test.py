#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fences and fresh data, with everything real: a paused writer cannot write after its region was
left, and no automatic move goes to stale data."""
import http.client
import json
import pathlib
import shutil
import signal
import sys
import tempfile
import threading
import time
import unittest

import dynamodb_local
from leeward_world import BIN, SOURCE

sys.path.insert(0, str(SOURCE / "examples" / "two-regions"))
from sandbox import LOOPBACK_ADDRESSES  # noqa: E402
from verify import call  # noqa: E402
from world import GATEWAY_PORTS, REGIONS, SERVICE_PORT, TABLE, World, wait_until  # noqa: E402

HOME, AWAY = "GRA11", "RBX-A"
PATIENCE_S = 60


class Writer(threading.Thread):
    """Writes to one region's service without pause, whatever DNS says."""

    def __init__(self, number, address):
        super().__init__(daemon=True)
        self.number, self.address = number, address
        self.stopping = threading.Event()
        self.acknowledged, self.refused = [], []

    def run(self):
        sequence = 0
        while not self.stopping.is_set():
            sequence += 1
            item = f"writer{self.number}-{sequence}"
            connection = http.client.HTTPConnection(self.address, SERVICE_PORT, timeout=PATIENCE_S)
            try:
                connection.request("PUT", f"/items/{item}", json.dumps({"value": item}))
                answer = connection.getresponse()
                text = answer.read()
                if answer.status == 200:
                    self.acknowledged.append((time.time(), item))
                else:
                    self.refused.append((time.time(), text.decode()))
                    time.sleep(0.01)
            except OSError:
                time.sleep(0.01)
            finally:
                connection.close()


def stored(name):
    """The raw items of a region's store."""
    items, start = [], {}
    while True:
        page = call(REGIONS[name][1], "Scan", {"TableName": TABLE, "ConsistentRead": True, **start})
        items += page["Items"]
        if "LastEvaluatedKey" not in page:
            return items
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


class Fencing(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="leeward-fencing-"))
        self.addCleanup(shutil.rmtree, self.directory, True)
        (self.directory / "logs").mkdir()
        self.world = World(self.directory, LOOPBACK_ADDRESSES, BIN)
        self.addCleanup(self.world.stop)
        self.world.start(lambda text: None)

    def active(self):
        return self.world.application()["assignment"]

    def writes(self):
        return self.world.application()["writes"]

    def test_a_writer_that_was_frozen_in_the_middle_of_a_write_is_refused(self):
        service = self.world.regions[HOME].processes[2]
        writers = [Writer(number, self.world.addresses[HOME]) for number in range(8)]
        for writer in writers:
            writer.start()
        wait_until(lambda: all(len(w.acknowledged) > 5 for w in writers), "every writer to write")
        service.send(signal.SIGSTOP)  # store, gateway and replicator of the region work on
        wait_until(lambda: self.active()["region"] == AWAY and self.writes()["allowed"], f"writes in {AWAY}")
        self.assertEqual(self.writes()["unfenced"], [], "the fence was raised, not waited for")
        fenced_at = time.time()
        service.send(signal.SIGCONT)
        wait_until(lambda: all(any(at > fenced_at for at, _ in w.refused) for w in writers), "every writer to be refused")
        # At first because its lease is over, then because the service has read its fence.
        wait_until(lambda: any("epoch 2 is closed here" in text for w in writers for _, text in list(w.refused)),
                   "the service to read its fence")
        for writer in writers:
            writer.stopping.set()
        for writer in writers:
            writer.join()
        # An answer may come late, of a write that was taken before. The gateway stamps a write when it
        # gets it: nothing of this region is younger than the fence.
        late = [item["id"]["S"] for item in stored(HOME)
                if item["id"]["S"].startswith("writer") and int(item["_r"]["S"][:16]) > fenced_at * 1e6]
        self.assertEqual(late, [])
        explained = self.world.cli("explain").stdout
        self.assertIn(f"the fence in {HOME} stands at epoch 2", explained)
        self.assertIn(f"writes are allowed in {AWAY} under epoch 2", explained)
        # What was acknowledged before has all arrived.
        expected = {item for writer in writers for _, item in writer.acknowledged}
        wait_until(lambda: expected <= {item["id"]["S"] for item in stored(AWAY)}, "all acknowledged writes to arrive")

    def test_no_move_onto_stale_data_without_a_humans_word(self):
        for name in GATEWAY_PORTS:
            self.world.set_faults(name, [{"direction": "peers", "action": "cut"}])
        wait_until(lambda: self.world.replication(HOME)["newest_visible_age_ms"] > 5500, "the data to become stale")
        self.world.regions[HOME].processes[2].kill()
        wait_until(lambda: self.world.health(HOME) == "unhealthy", f"{HOME} to be unhealthy")
        wait_until(lambda: self.world.application()["last_decision"]["outcome"] == "refused", "a refusal")
        self.assertEqual(self.active()["region"], HOME)
        guard = next(g for g in self.world.application()["last_decision"]["guards"] if g["name"] == "replication-lag")
        self.assertEqual(guard["outcome"], "failed")
        refused = self.world.cli("failover", "shop", "--to", AWAY, "--accept-data-loss", "1s")
        self.assertEqual(refused.returncode, 1, refused.stdout)
        moved = self.world.cli("failover", "shop", "--to", AWAY, "--accept-data-loss", "10m", "--reason", "it burns")
        self.assertEqual(moved.returncode, 0, moved.stdout)
        self.assertEqual(self.active()["region"], AWAY)
        self.assertIn("the operator accepts the loss of 10m", self.world.cli("explain").stdout)
        lag = self.world.cli("tables", "lag")
        self.assertIn(TABLE, lag.stdout)

    def test_an_automatic_move_waits_for_fresh_data(self):
        for name in GATEWAY_PORTS:
            self.world.set_faults(name, [{"direction": "peers", "action": "cut"}])
        wait_until(lambda: self.world.replication(HOME)["newest_visible_age_ms"] > 5500, "the data to become stale")
        self.world.regions[HOME].processes[2].kill()
        wait_until(lambda: self.world.application()["last_decision"]["outcome"] == "refused", "a refusal")
        for name in GATEWAY_PORTS:
            self.world.set_faults(name, [])
        wait_until(lambda: self.active()["region"] == AWAY, "the move, once the data is there")


if __name__ == "__main__":
    dynamodb_local.in_namespace()
    unittest.main(verbosity=2)
