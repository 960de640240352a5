#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Predicted and measured detection time: `leeward-sim plan` beside a real leewardd.

Two regions, each a real web server; the active one is frozen (SIGSTOP) or killed (SIGKILL) at moments
spread over the interval between probes, and DNS is asked every millisecond until its answer changes. Prints a Markdown table; exit
status 1 when a mean is more than 15 % away from its prediction.

usage: bench/detection_measured.py [--trials N] [--only TEXT]      (LEEWARD_BIN: where leewardd and leeward-sim are)
"""
import argparse
import json
import pathlib
import random
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "support")]
from leeward_world import BIN, World, wait_for  # noqa: E402

TOLERANCE = 0.15
WORLD_CHECK = "interval: 100ms, timeout: 200ms, failure_threshold: 3, success_threshold: 3, confirm: { spacing: 20ms }"
CHECKS = {
    "500 ms × 3, timeout 200 ms":
        "interval: 500ms, timeout: 200ms, failure_threshold: 3, success_threshold: 3, confirm: { spacing: 50ms }",
    "1 s × 3, timeout 500 ms (the defaults)":
        "interval: 1s, timeout: 500ms, failure_threshold: 3, success_threshold: 2, confirm: { spacing: 50ms }",
    # A region that dies every few seconds must not look like one behind a lossy path.
    "500 ms × auto, timeout 200 ms":
        "interval: 500ms, timeout: 200ms, failure_threshold: auto, success_threshold: 3, confirm: { spacing: 50ms }",
    "1 s × auto, timeout 500 ms":
        "interval: 1s, timeout: 500ms, failure_threshold: auto, success_threshold: 2, confirm: { spacing: 50ms }",
}


def say(text):
    print(text, file=sys.stderr, flush=True)


def predicted(config, fault):
    report = subprocess.run([BIN / "leeward-sim", "plan", "--config", config, "--format", "json", "--rtt", "1ms",
                             "--life", "1m"], check=True, capture_output=True, text=True).stdout
    calm = json.loads(report)["applications"][0]["losses"][0]
    assert calm["loss"] == 0, calm
    return calm[fault]


def one_trial(world, fault, phase_s, interval_s):
    """`phase_s`: when within the interval, whose probes have a phase of their own that does not drift."""
    home, away = world.regions
    wait_for(lambda: world.health("GRA11") == "healthy", "the preferred region to be healthy")
    if world.answer() != [home.address]:
        world.move("failback")
    world.wait_answer(home)
    time.sleep(2.2)  # a few probes
    time.sleep((phase_s - time.monotonic()) % interval_s)
    started = time.monotonic()
    home.freeze() if fault == "silent" else home.kill()
    while world.answer() != [away.address]:
        time.sleep(0.001)
        assert time.monotonic() < started + 60, "the region was never left"
    took = (time.monotonic() - started) * 1000
    home.thaw() if fault == "silent" else home.start()
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--only", default="", help="checks whose name contains this")
    options = parser.parse_args()
    trials = options.trials
    failed = False
    print("| check | failure | trials | mean predicted | mean measured | off by | p90 predicted | p90 measured |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for name, check in CHECKS.items():
        if options.only not in name:
            continue
        for fault in ("silent", "killed"):
            with World() as world:
                text = world.config.read_text()
                assert WORLD_CHECK in text, "the test world's config has changed"
                world.config.write_text(text.replace(WORLD_CHECK, check))
                expected = predicted(world.config, fault)
                world.start()
                interval_s = float(re.search(r"interval: (\d+)ms", check.replace("1s", "1000ms")).group(1)) / 1000
                # One random moment in each of so many equal parts of the interval: the mean of few trials is
                # then that of the interval, and not of the luck with phases.
                phases = [(i + random.random()) / trials * interval_s for i in range(trials)]
                random.shuffle(phases)
                trial_times = [one_trial(world, fault, phase, interval_s) for phase in phases]
            times = sorted(trial_times)
            mean = statistics.mean(times)
            off = mean / expected["mean_ms"] - 1
            failed |= abs(off) > TOLERANCE
            p90 = times[min(len(times) - 1, round(0.9 * len(times)))]
            print(f"| {name} | {fault} | {trials} | {expected['mean_ms']:.0f} ms | {mean:.0f} ms | {off:+.1%} "
                  f"| {expected['p90_ms']:.0f} ms | {p90:.0f} ms |", flush=True)
            pairs = ", ".join(f"{1000 * phase:.0f}: {each:.0f}" for phase, each in sorted(zip(phases, trial_times)))
            say(f"{name}, {fault}; moment in the interval: time to the decision, ms: {pairs}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
