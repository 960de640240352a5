#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`leeward-sim plan` and the real daemon agree: nothing is found sooner than predicted, and the
program's other habits. How close they are is measured by bench/detection_measured.py, on a quiet machine."""
import json
import subprocess
import time
import unittest

from leeward_world import BIN, World


def plan(config, *options):
    return subprocess.run([BIN / "leeward-sim", "plan", "--config", config, "--life", "10m", "--trials", "400",
                           "--rtt", "1ms", *options], capture_output=True, text=True, timeout=120, check=False)


def years(*options):
    return subprocess.run([BIN / "leeward-sim", "years", *options], capture_output=True, text=True, timeout=120, check=False)


class Years(unittest.TestCase):
    def test_a_life_is_replayed_by_its_seed(self):
        outcome = years("--years", "0", "--seed", "5", "--interval", "1s")
        self.assertEqual(outcome.returncode, 0, outcome.stdout)
        self.assertIn("0 broken promises", outcome.stdout)

        def lines(text):  # the first one has the real time in it
            return text.splitlines()[1:]
        self.assertEqual(lines(years("--years", "0", "--seed", "5", "--interval", "1s").stdout), lines(outcome.stdout))
        self.assertNotEqual(lines(years("--years", "0", "--seed", "6", "--interval", "1s").stdout), lines(outcome.stdout))

    def test_wrong_options_are_said(self):
        for options, complaint in ((("--interval", "1ms"), "from 20ms to 1h"), (("--budget", "long"), "such as 60s"),
                                   (("--years", "-1"), "--years")):
            outcome = years(*options)
            self.assertEqual((outcome.returncode, outcome.stdout), (2, ""), options)
            self.assertIn(complaint, outcome.stderr)


class Plan(unittest.TestCase):
    def test_a_frozen_region_is_left_no_sooner_than_predicted(self):
        with World() as world:
            outcome = plan(world.config, "--format", "json")
            self.assertEqual(outcome.returncode, 0, outcome.stderr)
            application = json.loads(outcome.stdout)["applications"][0]
            self.assertEqual(application["application"], "shop")
            silent = application["losses"][0]["silent"]
            # A burst and a timeout: 200 ms and more. The phase adds up to an interval.
            self.assertGreater(silent["min_ms"], 200)
            self.assertLess(silent["max_ms"], 200 + 100 + 3 * 100)
            home, away = world.regions
            world.start()
            world.wait_answer(home)
            started = time.monotonic()
            home.freeze()
            world.wait_answer(away)
            self.assertGreater((time.monotonic() - started) * 1000, 0.9 * silent["min_ms"])

    def test_the_same_seed_predicts_the_same_and_files_are_written(self):
        with World() as world:
            first, again = (plan(world.config, "--seed", "7", "--jobs", jobs).stdout for jobs in ("1", "2"))
            self.assertEqual(first, again)
            self.assertNotEqual(first, plan(world.config, "--seed", "8").stdout)
            page = world.directory / "plan.html"
            self.assertEqual(plan(world.config, "--format", "html", "--output", page).stdout, "")
            self.assertIn("<svg", page.read_text())

    def test_what_cannot_be_predicted_is_said(self):
        with World() as world:
            outcome = plan(world.config, "--quorum", "2")
            self.assertEqual(outcome.returncode, 2)
            self.assertIn("2 votes can never agree with 1 vantage points", outcome.stderr)
            self.assertEqual(plan(world.config, "--vantage-points", "3", "--quorum", "2").returncode, 0)
            outcome = plan(world.config, "--rtt", "0ms")
            self.assertEqual((outcome.returncode, outcome.stdout), (2, ""))
            world.config.write_text("applications: 3\n")
            outcome = plan(world.config)
            self.assertEqual(outcome.returncode, 1)
            self.assertIn("leeward.yaml:1", outcome.stderr)
            self.assertEqual(plan(world.directory / "none.yaml").returncode, 1)
            self.assertEqual(plan(world.config, "--format", "pdf").returncode, 2)


if __name__ == "__main__":
    unittest.main()
