#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the daemon at any moment loses nothing that was acknowledged."""
import json
import random
import threading
import time
import unittest

from leeward_world import World, wait_for


class Restart(unittest.TestCase):
    def test_a_restart_answers_from_the_saved_assignment_before_any_probe(self):
        with World() as world:
            home, away = world.regions
            world.start()
            home.kill()
            world.wait_answer(away)
            world.kill()
            away.kill()  # nothing is healthy now: only what was saved can tell
            world.start(wait=False)
            first = wait_for(lambda: world.answer(), "the first answer")
            self.assertEqual(first, [away.address])
            wait_for(world.ready, "the API")
            self.assertEqual(world.epoch(), 2)
            reasons = [d["reason"] for d in world.get("/v1/decisions")["decisions"] if d["outcome"] == "published"]
            self.assertTrue(any("GRA11 is unhealthy" in reason for reason in reasons), "explained after a restart, too")

    def test_a_clean_stop_writes_everything(self):
        with World() as world:
            home, away = world.regions
            world.start()
            for round_number in range(5):
                active, other = world.regions if round_number % 2 == 0 else reversed(world.regions)
                active.kill()
                world.wait_answer(other)
                last = json.loads(world.journal()[-1])["sequence"]
                world.daemon.terminate()
                self.assertEqual(world.daemon.wait(timeout=30), 0)
                active.start()
                world.start()
                self.assertGreaterEqual(json.loads(world.journal()[-1])["sequence"], last)
            status, output = world.replay()
            self.assertEqual(status, 0, output)

    def test_twenty_kills_while_moving(self):
        random.seed(7)
        with World() as world:
            world.start()
            acknowledged = (1, "GRA11")
            for _ in range(20):
                results = []
                target = "RBX-A" if acknowledged[1] == "GRA11" else "GRA11"

                def move(to=target, into=results):
                    try:
                        into.append(world.move("switchover", to=to))
                    except (OSError, ValueError):
                        pass  # killed before it answered: anything may have happened

                mover = threading.Thread(target=move)
                mover.start()
                time.sleep(random.random() * 0.02)
                world.kill()
                mover.join()
                if results and results[0][0] == 200:
                    acknowledged = (results[0][1]["to"]["epoch"], results[0][1]["to"]["region"])
                world.start()
                assignment = world.application()["assignment"]
                self.assertGreaterEqual(assignment["epoch"], acknowledged[0], "an acknowledged epoch was lost")
                if assignment["epoch"] == acknowledged[0]:
                    self.assertEqual(assignment["region"], acknowledged[1])
                acknowledged = (assignment["epoch"], assignment["region"])
                active = next(r for r in world.regions if r.name == assignment["region"])
                self.assertEqual(world.answer(), [active.address])
            sequences = [json.loads(line)["sequence"] for line in world.journal()]
            self.assertEqual(sequences, list(range(1, len(sequences) + 1)), "the journal has gaps")
            status, output = world.replay()
            self.assertEqual(status, 0, output)


if __name__ == "__main__":
    unittest.main(verbosity=2)
