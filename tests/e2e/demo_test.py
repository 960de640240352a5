#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The demo itself: it succeeds, its report says so, and Ctrl-C leaves nothing behind."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from leeward_world import SOURCE
import dynamodb_local

DEMO = SOURCE / "examples" / "two-regions" / "demo"
FIELDS = {"name", "detection_ms", "dns_flip_ms", "client_downtime_ms", "requests", "errors", "acknowledged_writes",
          "lost_writes", "epoch_before", "epoch_after", "writes_allowed_ms", "rpo_ms"}


def leftovers(directory):
    """Processes that were started for a world in this directory."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes()
        except OSError:
            continue
        if str(directory).encode() in line and b"demo_test" not in line:
            found.append(line.replace(b"\0", b" ").decode())
    return found


class Demo(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="leeward-demo-")) / "out"

    def test_it_succeeds_and_reports(self):
        outcome = subprocess.run([DEMO, "--users", "2", "--out", self.directory], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
        self.assertEqual(outcome.returncode, 0, outcome.stdout)
        report = json.loads((self.directory / "report.json").read_text())
        self.assertEqual([fault["name"] for fault in report["faults"]], ["kill", "freeze"])
        for fault in report["faults"]:
            self.assertEqual(set(fault), FIELDS)
            self.assertEqual(fault["lost_writes"], 0)
            self.assertGreater(fault["epoch_after"], fault["epoch_before"])
        self.assertGreater(report["conflicts"], 0)
        self.assertEqual(report["ledger_entries"], report["conflicts"])
        self.assertTrue(report["ledger_is_exact"])
        self.assertGreater(report["replication_lag_ms"]["p99"], 0)
        self.assertEqual(leftovers(self.directory), [])

    def test_ctrl_c_cleans_up(self):
        with subprocess.Popen([DEMO, "--users", "2", "--out", self.directory], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, start_new_session=True) as demo:
            for line in demo.stdout:
                if "users write and read" in line:
                    break
            os.killpg(demo.pid, signal.SIGINT)
            rest = demo.stdout.read()
            self.assertEqual(demo.wait(timeout=60), 130, rest)
        deadline = time.monotonic() + 10
        while leftovers(self.directory) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(leftovers(self.directory), [])


if __name__ == "__main__":
    if not shutil.which("java"):
        dynamodb_local.skip("java is missing; run scripts/setup")
    unittest.main(verbosity=2, argv=sys.argv)
