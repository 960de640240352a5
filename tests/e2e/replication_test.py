#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A replicator process per region between two and three real stores: the conflict ledger against an
oracle that knows every write, every kind of item, tables that come and go, destinations and streams
that are lost, and versions from the future. The test writes as a gateway would."""
import base64
import http.server
import json
import pathlib
import random
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import dynamodb_local
from leeward_world import BIN, PATIENCE_S, wait_for
from replication_mesh import ENVIRONMENT, MeshTest

REGISTRY = "leeward-global-tables"


class Ledger(MeshTest):
    def test_a_partition_against_an_oracle(self):
        """Every lost branch tip is in the ledger, in both regions, and nothing else is."""
        rng = random.Random(5)
        mesh = self.mesh("GRA11", "RBX-A")
        mesh.create()
        mesh.start_all("--table", "items", "--tombstone-retention", "0")
        mesh.wait_following()
        lost = set()
        for partition in range(3):
            mesh.signal(signal.SIGSTOP)
            tips = {}
            for number in range(90):
                region = rng.choice(mesh.regions)
                key = f"key-{rng.randrange(25)}"
                tips.setdefault(key, {})[region] = mesh.put(region, key, f"{number}" if rng.random() < 0.9 else None)
            for region in mesh.regions:  # heartbeats never are entries
                mesh.write(region, {"id": {"S": "beat"}, "_hb": {"BOOL": True}})
            for by_region in tips.values():
                if len(by_region) == 2:
                    loser, winner = sorted(by_region.values())
                    self.assertFalse(mesh.is_ancestor(loser, winner))
                    lost.add(loser)
            mesh.signal(signal.SIGCONT)
            mesh.wait_equal(f"partition {partition}")
            mesh.wait_carried()
            for number in range(20):  # one region at a time, each on top of the other's: no conflict
                for region in mesh.regions:
                    mesh.put(region, f"turn-{number % 5}", region)
                    if number % 5 == 4:
                        mesh.wait_equal("turns")
            if partition == 1:
                mesh.kill("GRA11")  # what it carries again is no conflict
                mesh.restart("GRA11")
                mesh.wait_following()
        mesh.wait_equal("everything")
        mesh.wait_carried()
        self.assertGreater(len(lost), 15)
        found = {region: {entry["loser_stamp"]["S"]: entry for entry in mesh.ledger(region)} for region in mesh.regions}
        union = {**found["GRA11"], **found["RBX-A"]}
        turns = {s for s in union if union[s]["key"]["M"]["id"]["S"].startswith("turn-")}
        for stamp in turns:  # both regions took their turn at once: then one of them did lose
            self.assertFalse(mesh.is_ancestor(stamp, union[stamp]["winner_stamp"]["S"]), union[stamp])
        self.assertEqual(set(union) - turns, lost)
        for stamp, entry in union.items():
            self.assertTrue(entry["certain"]["BOOL"], entry)
            self.assertEqual(entry["loser"]["M"]["_r"]["S"], stamp)
            self.assertEqual(entry["loser_region"]["S"], stamp[22:])
            self.assertGreater(entry["winner_stamp"]["S"], stamp)
            self.assertEqual(entry["winner"]["M"]["_r"]["S"], entry["winner_stamp"]["S"])
            self.assertEqual(len(entry["id"]["S"]), 32)
            self.assertIn(entry["evidence"]["S"], ("overwritten", "rejected"))
        both = set(found["GRA11"]) & set(found["RBX-A"])
        self.assertTrue(both, "both regions find a loss, on their own")
        for stamp in both:
            self.assertEqual(found["GRA11"][stamp]["id"], found["RBX-A"][stamp]["id"])

    def test_live_conflicts_while_a_replicator_is_killed(self):
        """The oracle: what each store's own stream says was displaced there, and what stood on what."""
        rng = random.Random(6)
        mesh = self.mesh("GRA11", "RBX-A")
        mesh.create()
        mesh.start_all("--table", "items")
        mesh.wait_following()
        for region in mesh.regions:
            mesh.put(region, f"warm-{region}", "up")
        mesh.wait_equal("warming up", count=2)
        time.sleep(0.5)  # the ends of the streams were seen
        for number in range(500):
            mesh.put(rng.choice(mesh.regions), f"key-{rng.randrange(4)}", str(number))
            if number in (200, 350):
                mesh.kill("GRA11")
                mesh.restart("GRA11")
        mesh.wait_equal("live conflicts")
        mesh.wait_carried()
        lost = set()
        for region in mesh.regions:
            for record in mesh.stream(region):
                old, new = (record["dynamodb"].get(image, {}).get("_r", {}).get("S", "") for image in ("OldImage", "NewImage"))
                if old[22:] == region and new[22:] != region and not mesh.is_ancestor(old, new):
                    lost.add(old)
        self.assertGreater(len(lost), 5)
        self.assertEqual({e["loser_stamp"]["S"] for region in mesh.regions for e in mesh.ledger(region)}, lost)

    def test_a_dead_home_cannot_hide_its_loss(self):
        mesh = self.mesh("GRA11", "RBX-A")
        mesh.create()
        mesh.start("GRA11", "--table", "items")  # RBX-A's own replicator never runs
        wait_for(lambda: mesh.status("GRA11", "RBX-A").get("following"), "GRA11 to follow")
        mesh.put("GRA11", "warm", "up")
        mesh.put("RBX-A", "warm-2", "up")
        wait_for(lambda: len(mesh.items("GRA11")) == 2, "the first item")
        time.sleep(0.5)  # the end of the stream was seen: what comes now is new for sure
        loser = mesh.put("RBX-A", "key", "lost")
        mesh.replicators["GRA11"].send_signal(signal.SIGSTOP)
        loser = mesh.put("RBX-A", "key-2", "lost too")
        winner = mesh.put("GRA11", "key-2", "stands")
        mesh.replicators["GRA11"].send_signal(signal.SIGCONT)
        wait_for(lambda: mesh.ledger("GRA11"), "the loss to be recorded")
        (entry,) = mesh.ledger("GRA11")
        self.assertEqual(entry["loser_stamp"]["S"], loser)
        self.assertEqual(entry["winner_stamp"]["S"], winner)
        self.assertEqual(entry["evidence"]["S"], "rejected")
        # Its home lives after all and has written over it before it heard of the winner.
        mesh.put("RBX-A", "key-2", "on top")
        wait_for(lambda: loser not in {e["loser_stamp"]["S"] for e in mesh.ledger("GRA11")}, "the entry to be taken back")
        wait_for(lambda: {e["loser_stamp"]["S"] for e in mesh.ledger("GRA11")} == {winner}, "the winner's own loss")


class Kinds(MeshTest):
    def test_tables_come_and_go_with_every_kind_of_item(self):
        mesh = self.mesh("GRA11", "RBX-A")
        for region in mesh.regions:
            mesh.stores[region].call("CreateTable", {
                "TableName": REGISTRY, "KeySchema": [{"AttributeName": "table_name", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "table_name", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST"})
        mesh.create("numbers", ("n", "N"), ("when", "S"))
        mesh.create("binary", ("b", "B"))
        mesh.create("mixed", ("id", "S"), regions=["GRA11"])
        mesh.create("mixed", ("id", "N"), regions=["RBX-A"])
        mesh.start_all()

        def register(table, present=True):
            for region in mesh.regions:
                if present:
                    mesh.stores[region].call("PutItem", {"TableName": REGISTRY, "Item": {
                        "table_name": {"S": table}, "version": {"S": "2019.11.21"},
                        "replicas": {"L": [{"S": name} for name in mesh.regions]}}})
                else:
                    mesh.stores[region].call("DeleteItem", {"TableName": REGISTRY, "Key": {"table_name": {"S": table}}})

        deep = {"S": "bottom"}
        for _ in range(25):
            deep = {"M": {"down": deep}}
        rich = {"ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "2.5", "-3E+10"]},
                "bs": {"BS": [base64.b64encode(b"\0\xff").decode(), "AAEC"]}, "deep": deep, "null": {"NULL": True},
                "list": {"L": [{"BOOL": False}, {"N": "1E-120"}, {"S": "\u00e9\u2028\U0001f409\\\"\n"}]}, "empty": {"S": ""}}
        for number in range(10):
            mesh.write("GRA11", {"n": {"N": f"{number}.5"}, "when": {"S": f"t{number}"}, **rich}, "numbers", ("n", "when"))
        for table in ("numbers", "binary", "mixed"):
            register(table)
        mesh.write("RBX-A", {"b": {"B": base64.b64encode(bytes(range(256))).decode()}, **rich}, "binary", ("b",))
        mesh.write("GRA11", {"b": {"B": "AA=="}, "blob": {"S": "x" * 409_000}}, "binary", ("b",))
        for number in range(12):
            mesh.write("RBX-A", {"b": {"B": base64.b64encode(bytes([number, 7])).decode()}, "blob": {"S": "y" * 400_000}},
                       "binary", ("b",))
        mesh.wait_equal("numbers", "numbers", count=10)
        mesh.wait_equal("binary", "binary", count=14)

        mesh.write("GRA11", {"id": {"S": "a"}}, "mixed")
        wait_for(lambda: "keys" in mesh.status("RBX-A", "GRA11", "mixed").get("problem", ""), "the keys to be named")
        self.assertIn("id:S", mesh.status("RBX-A", "GRA11", "mixed")["problem"])
        self.assertIn("event=refused table=mixed", mesh.said())
        self.assertEqual(mesh.items("RBX-A", "mixed"), [])

        register("binary", present=False)
        wait_for(lambda: not mesh.status("RBX-A", "GRA11", "binary") and not mesh.status("GRA11", "RBX-A", "binary"),
                 "the table to go")
        mesh.write("GRA11", {"b": {"B": "BBBB"}}, "binary", ("b",))
        register("binary")
        mesh.wait_equal("coming back", "binary", count=15)

    def test_future_stamps_unstamped_items_and_tombstones(self):
        mesh = self.mesh("GRA11", "RBX-A")
        mesh.create()
        gra, rbx = (mesh.stores[region] for region in mesh.regions)
        for number in range(3):
            gra.call("PutItem", {"TableName": "items", "Item": {"id": {"S": f"bare-{number}"}, "v": {"S": "0"}}})
        rbx.call("PutItem", {"TableName": "items", "Item": {"id": {"S": "bare-0"}, "v": {"S": "RBX-A's"}}})
        mesh.start_all("--table", "items", "--tombstone-retention", "4s")
        mesh.wait_following()

        def content(region):
            return {item["id"]["S"]: item.get("v", {}).get("S") for item in mesh.items(region) if "_del" not in item}

        expected = {"bare-0": "RBX-A's", "bare-1": "0", "bare-2": "0"}  # the greater region's name wins
        for region in mesh.regions:
            wait_for(lambda: content(region) == expected, f"unstamped items in {region}")
        for value in "123":  # later changes follow, and a program beside the gateway may take over
            gra.call("PutItem", {"TableName": "items", "Item": {"id": {"S": "bare-1"}, "v": {"S": value}}})
        wait_for(lambda: content("RBX-A")["bare-1"] == "3", "a later change")
        rbx.call("PutItem", {"TableName": "items", "Item": {"id": {"S": "bare-1"}, "v": {"S": "4"}}})
        wait_for(lambda: content("GRA11")["bare-1"] == "4", "a change of the copy")
        mesh.put("GRA11", "bare-2", None)
        wait_for(lambda: "bare-2" not in content("RBX-A"), "a stamped version to win over an unstamped one")

        future = f"{time.time_ns() // 1000 + 3_600_000_000:016}.0000.GRA11"
        gra.call("PutItem", {"TableName": "items", "Item": {"id": {"S": "late"}, "_r": {"S": future}}})
        wait_for(lambda: mesh.status("RBX-A", "GRA11").get("refused_future") == 1, "the future to be refused")
        self.assertTrue(mesh.status("RBX-A", "GRA11")["alarm"])
        self.assertEqual(mesh.status("RBX-A", "GRA11")["dead_letters"], 1)
        self.assertIn("event=ALARM", mesh.said())
        (letters,) = mesh.directory.glob("RBX-A/*.dead-letters.jsonl")
        self.assertEqual(json.loads(letters.read_text())["item"]["_r"]["S"], future)
        self.assertNotIn("late", content("RBX-A"))
        gra.call("DeleteItem", {"TableName": "items", "Key": {"id": {"S": "late"}}})

        mesh.write("GRA11", {"id": {"S": "beat"}, "_hb": {"BOOL": True}, "_del": {"BOOL": True}})
        for region in mesh.regions:
            wait_for(lambda: {item["id"]["S"] for item in mesh.items(region)} == {"bare-0", "bare-1", "beat"},
                     f"the tombstone to be reaped in {region}, the heartbeat not")


class Losses(MeshTest):
    def test_backfill_during_writes_and_kills(self):
        mesh = self.mesh("GRA11", "RBX-A")
        mesh.create()
        for number in range(800):
            mesh.last_us = max(mesh.last_us + 1, time.time_ns() // 1000)
            mesh.stores["GRA11"].call("PutItem", {"TableName": "items", "Item": {
                "id": {"S": f"old-{number}"}, "_r": {"S": f"{mesh.last_us:016}.0000.GRA11"}}})
        done = threading.Event()
        written = []

        def keep_writing():
            while not done.is_set():
                for key in (f"old-{len(written) % 800}", f"new-{len(written) % 300}"):
                    try:
                        mesh.put("GRA11", key, str(len(written)))
                    except OSError:  # the store is down
                        time.sleep(0.05)
                written.append(1)

        writer = threading.Thread(target=keep_writing)
        writer.start()
        try:
            mesh.start_all("--table", "items", "--lanes", "4")
            time.sleep(0.6)
            mesh.kill("RBX-A")
            mesh.restart("RBX-A")
            wait_for(lambda: mesh.status("RBX-A", "GRA11").get("following"), "the backfill to end")
            mesh.stores["RBX-A"].kill()
            mesh.stores["RBX-A"].start()
            mesh.kill("GRA11")
            mesh.stores["GRA11"].kill()
            mesh.stores["GRA11"].start()
            mesh.restart("GRA11")
            mesh.kill("RBX-A")
            mesh.restart("RBX-A")
        finally:
            done.set()
            writer.join()
        self.assertGreaterEqual(len(mesh.wait_equal("all that")), 800)
        self.assertIn("event=backfilled table=items from=GRA11 to=RBX-A", mesh.said())
        self.assertEqual(mesh.ledger("GRA11") + mesh.ledger("RBX-A"), [], "only one region wrote")

    def test_lost_tables_streams_and_checkpoints(self):
        mesh = self.mesh("GRA11", "RBX-A")
        mesh.create()
        # What an earlier process could not write to the ledger; the last line was cut by its death.
        spilled = mesh.directory / "RBX-A" / "RBX-A-conflicts.spill.jsonl"
        kept = [{"table_name": {"S": "items"}, "id": {"S": f"{number:032}"}, "detected_in": {"S": "RBX-A"}} for number in range(3)]
        spilled.write_text("".join(json.dumps({"put": entry}) + "\n" for entry in kept)
                           + json.dumps({"delete": {"table_name": kept[1]["table_name"], "id": kept[1]["id"]}}) + "\n{\"put\":")
        mesh.start_all("--table", "items")
        wait_for(lambda: [entry["id"] for entry in mesh.ledger("RBX-A")] == [kept[0]["id"], kept[2]["id"]],
                 "the kept entries to be sent")
        wait_for(lambda: not list(spilled.parent.glob("*.spill.jsonl*")), "the file to go")
        mesh.wait_following()
        for number in range(40):
            mesh.put(mesh.regions[number % 2], f"key-{number}", "x")
        mesh.wait_equal("the start", count=40)

        def resyncs():
            return mesh.status("RBX-A", "GRA11").get("resyncs", 0)

        # The destination is wiped: what it had comes back from the other region.
        mesh.stores["RBX-A"].call("DeleteTable", {"TableName": "items"})
        mesh.put("GRA11", "while-away", "x")
        mesh.create(regions=["RBX-A"])
        wait_for(lambda: {i["id"]["S"] for i in mesh.items("RBX-A")} >= {f"key-{n}" for n in range(0, 40, 2)} | {"while-away"},
                 "the wiped table to be filled again")
        mesh.put("RBX-A", "after", "x")
        wait_for(lambda: any(i["id"]["S"] == "after" for i in mesh.items("GRA11")), "the new table's stream to be followed")

        # The stream is another one.
        before = resyncs()
        for enabled in (False, True):
            mesh.stores["GRA11"].call("UpdateTable", {"TableName": "items", "StreamSpecification": {
                "StreamEnabled": enabled, **({"StreamViewType": "NEW_AND_OLD_IMAGES"} if enabled else {})}})
            mesh.put("GRA11", f"stream-{enabled}", "x")
        wait_for(lambda: {"stream-False", "stream-True"} <= {i["id"]["S"] for i in mesh.items("RBX-A")}, "a new stream")
        wait_for(lambda: resyncs() > before, "the resync to be counted")

        # A stop of a day: the checkpoint is too old, the table is scanned.
        mesh.kill("RBX-A")
        (path,) = mesh.directory.glob("RBX-A/items-GRA11-*.checkpoint")
        checkpoint = json.loads(path.read_text())
        path.write_text(json.dumps({**checkpoint, "saved_at": "2026-01-01T00:00:00Z"}))
        mesh.put("GRA11", "a-day-later", "x")
        mesh.restart("RBX-A")
        wait_for(lambda: any(i["id"]["S"] == "a-day-later" for i in mesh.items("RBX-A")), "the resync")
        wait_for(lambda: resyncs() == 1, "the resync to be counted again")

        # A position that the stream does not know.
        mesh.kill("RBX-A")
        checkpoint = json.loads(path.read_text())
        for shard in checkpoint["shards"].values():
            shard["after"] = "nonsense"
        path.write_text(json.dumps(checkpoint))
        mesh.put("GRA11", "confused", "x")
        mesh.restart("RBX-A")
        wait_for(lambda: any(i["id"]["S"] == "confused" for i in mesh.items("RBX-A")), "the resync of a bad position")


class Three(MeshTest):
    def test_three_regions_converge(self):
        rng = random.Random(8)
        mesh = self.mesh("GRA11", "RBX-A", "SBG5")
        mesh.create()
        mesh.start_all("--table", "items")
        mesh.wait_following()
        mesh.signal(signal.SIGSTOP)
        tips = {}
        for number in range(90):
            region = rng.choice(mesh.regions)
            key = f"key-{rng.randrange(15)}"
            tips.setdefault(key, {})[region] = mesh.put(region, key, str(number))
        mesh.signal(signal.SIGCONT)
        mesh.wait_equal("the partition")
        for number in range(60):
            mesh.put(rng.choice(mesh.regions), f"more-{rng.randrange(10)}", str(number))
        mesh.wait_equal("more")
        mesh.wait_carried()
        entries = {e["loser_stamp"]["S"]: e for region in mesh.regions for e in mesh.ledger(region)}
        lost = {stamp for by_region in tips.values() for stamp in sorted(by_region.values())[:-1]}
        self.assertGreater(len(lost), 5)
        self.assertLessEqual(lost, set(entries))
        for stamp, entry in entries.items():
            if entry["certain"]["BOOL"]:
                self.assertFalse(mesh.is_ancestor(stamp, entry["winner_stamp"]["S"]), entry)
        self.assertEqual({s for s in entries if entries[s]["key"]["M"]["id"]["S"].startswith("key-")}, lost)


class Usage(unittest.TestCase):
    def test_one_process_per_region(self):
        with tempfile.TemporaryDirectory() as directory:
            command = [BIN / "leeward-replicator", "--into", "A", "--state-dir", directory, "--region",
                       "A=http://127.0.0.1:1,x", "--region", "B=http://127.0.0.1:1,y"]
            with subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL) as first:
                wait_for(lambda: (pathlib.Path(directory) / "into-A.lock").exists(), "the first to start")
                second = subprocess.run(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S,
                                        check=False)
                self.assertEqual(second.returncode, 1)
                self.assertIn("another replicator", second.stderr)
                first.terminate()
                self.assertEqual(first.wait(timeout=PATIENCE_S), 0)
    def test_a_gateway_is_told_which_region_asks(self):
        asked = []

        class Gateway(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                asked.append(self.headers)
                self.send_error(400)

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server, \
                tempfile.TemporaryDirectory() as directory:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            with subprocess.Popen(
                    [BIN / "leeward-replicator", "--into", "A", "--table", "items", "--state-dir", directory, "--region",
                     "A=http://127.0.0.1:1,x", "--region", f"B=http://127.0.0.1:{server.server_address[1]},y"],
                    env=ENVIRONMENT, stderr=subprocess.DEVNULL) as replicator:
                wait_for(lambda: asked, "the gateway to be asked")
                replicator.terminate()
                self.assertEqual(replicator.wait(timeout=PATIENCE_S), 0)
            server.shutdown()
        self.assertEqual(asked[0]["x-leeward-peer"], "A")
        self.assertIn("x-leeward-peer", asked[0]["authorization"], "and it is signed")

    def test_wrong_usage(self):
        with tempfile.TemporaryDirectory() as directory:
            command = [BIN / "leeward-replicator", "--state-dir", directory, "--region", "A=http://127.0.0.1:1,x",
                       "--region", "B=http://127.0.0.1:1,y"]
            self.assertEqual(subprocess.run([*command, "--into", "C"], env=ENVIRONMENT, stderr=subprocess.DEVNULL,
                                            check=False).returncode, 2)


if __name__ == "__main__":
    dynamodb_local.in_namespace()
    unittest.main(verbosity=2)
