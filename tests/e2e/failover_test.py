#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A region dies, and users follow: a real leewardd between real servers that are killed and frozen."""
import threading
import signal
import time
import unittest

from leeward_world import Resolver, World, wait_for


class Failover(unittest.TestCase):
    def test_a_killed_region_is_left_and_not_returned_to_by_itself(self):
        with World() as world:
            home, away = world.regions
            world.start()
            world.wait_answer(home)
            self.assertEqual(world.epoch(), 1)
            home.kill()
            world.wait_answer(away)
            self.assertEqual(world.epoch(), 2)
            decision = world.application()["last_decision"]
            self.assertEqual((decision["kind"], decision["automatic"], decision["outcome"]),
                             ("failover", True, "published"))
            explanation = world.request("GET", f"/v1/decisions/{decision['id']}", headers={"Accept": "text/plain"})[1]
            for part in ("vote of e2e-1: unhealthy", "refused", "target-healthy", "Timeline", "published"):
                self.assertIn(part, explanation)
            home.start()
            wait_for(lambda: world.health("GRA11") == "healthy", "GRA11 to be healthy")
            time.sleep(0.5)
            self.assertEqual(world.answer(), [away.address], "failback is manual")
            status, answer = world.move("failback")
            self.assertEqual((status, answer["outcome"]), (200, "published"), answer)
            world.wait_answer(home)
            self.assertEqual(world.epoch(), 3)
            self.assertEqual(world.replay()[0], 0, world.replay()[1])

    def test_a_frozen_region_is_left(self):
        with World() as world:
            home, away = world.regions
            world.start()
            home.freeze()
            world.wait_answer(away)
            self.assertIn("timed out", world.application()["last_decision"]["reason"])

    def test_all_regions_down_changes_nothing(self):
        with World() as world:
            home, away = world.regions
            world.start()
            away.kill()
            wait_for(lambda: world.health("RBX-A") == "unhealthy", "RBX-A to be unhealthy")
            home.kill()
            wait_for(lambda: world.health("GRA11") == "unhealthy", "GRA11 to be unhealthy")
            time.sleep(0.5)
            self.assertEqual(world.answer(), [home.address])
            self.assertEqual(world.epoch(), 1)
            decision = world.application()["last_decision"]
            self.assertEqual(decision["outcome"], "refused")
            self.assertIn("target-healthy", decision["outcome_detail"])
            away.start()
            world.wait_answer(away)
            self.assertEqual(world.epoch(), 2)

    def test_the_hold_down_holds(self):
        with World(failover=", hold_down: 4s") as world:
            world.write_config(failover="")
            text = world.config.read_text().replace("hold_down: 0s", "hold_down: 4s")
            world.config.write_text(text)
            home, away = world.regions
            world.start()
            home.kill()
            world.wait_answer(away)
            first = time.monotonic()
            home.start()
            wait_for(lambda: world.health("GRA11") == "healthy", "GRA11 to be healthy")
            away.kill()
            world.wait_answer(home)
            self.assertGreater(time.monotonic() - first, 3.5, "the second automatic move came too early")
            refused = [d for d in world.get("/v1/decisions")["decisions"] if d["outcome"] == "refused"]
            self.assertTrue(any("hold-down" in d["outcome_detail"] for d in refused), refused)

    def test_automatic_failback_where_the_config_says_so(self):
        with World() as world:
            world.config.write_text(world.config.read_text().replace(
                "failback: manual", "failback: automatic, failback_after: 300ms"))
            home, away = world.regions
            world.start()
            home.kill()
            world.wait_answer(away)
            home.start()
            world.wait_answer(home)
            self.assertEqual(world.application()["last_decision"]["kind"], "failback")

    def test_operators_move_under_the_same_guards(self):
        with World() as world:
            home, away = world.regions
            world.start()
            status, plan = world.move("switchover", to="RBX-A", dry_run=True)
            self.assertEqual((status, plan["outcome"]), (200, "planned"), plan)
            self.assertEqual(world.epoch(), 1)
            status, decision = world.move("switchover", to="RBX-A", reason="maintenance")
            self.assertEqual((status, decision["outcome"]), (200, "published"), decision)
            world.wait_answer(away)
            self.assertEqual(decision["reason"], "maintenance")
            self.assertEqual(world.move("switchover", to="RBX-A")[0], 409)
            self.assertEqual(world.move("failover", to="NOWHERE")[0], 404)
            home.kill()
            wait_for(lambda: world.health("GRA11") == "unhealthy", "GRA11 to be unhealthy")
            status, refused = world.move("failover", to="GRA11")
            self.assertEqual(status, 409, refused)
            self.assertEqual(world.answer(), [away.address])

    def test_a_hold_stops_automatic_moves_until_it_is_released(self):
        with World() as world:
            home, away = world.regions
            world.start()
            held = world.cli("hold", "shop", "--reason", "the network is being repaired")
            self.assertEqual(held.returncode, 0, held.stderr)
            self.assertIn("HELD by", held.stdout)
            home.kill()
            wait_for(lambda: any("not-held" in d["outcome_detail"] for d in world.get("/v1/decisions")["decisions"]),
                     "a refusal because of the hold")
            world.kill()  # it is durable
            world.start()
            self.assertIn("the network is being repaired", world.cli("status").stdout)
            self.assertEqual(world.answer(), [home.address])
            self.assertIn('leeward_application_held{application="shop"} 1', world.metrics())
            released = world.cli("release", "shop")
            self.assertEqual(released.returncode, 0, released.stderr)
            world.wait_answer(away)
            self.assertIsNone(world.get("/v1/applications/shop")["hold"])

    def test_an_application_that_flaps_is_locked_out_until_somebody_acknowledges(self):
        with World() as world:
            text = world.config.read_text().replace("lockout: { moves: 0 }", "lockout: { moves: 2 }")
            self.assertIn("moves: 2", text)
            world.config.write_text(text)
            home, away = world.regions
            world.start()
            home.kill()
            world.wait_answer(away)
            home.start()
            wait_for(lambda: world.health("GRA11") == "healthy", "GRA11 to be healthy")
            away.kill()
            world.wait_answer(home)
            away.start()
            wait_for(lambda: world.health("RBX-A") == "healthy", "RBX-A to be healthy")
            home.kill()
            wait_for(lambda: any("not-locked-out" in d["outcome_detail"]
                                 for d in world.get("/v1/decisions")["decisions"]), "a refusal because of the lockout")
            world.kill()
            world.start()
            self.assertIn("LOCKED OUT", world.cli("status").stdout)
            self.assertEqual(world.cli("acknowledge", "shop").returncode, 0)
            world.wait_answer(away)

    def test_a_daemon_that_was_stopped_does_not_act_on_what_it_believed(self):
        with World() as world:
            text = world.config.read_text().replace("confirm_window: 0s", "confirm_window: 2s")
            world.config.write_text(text)
            home, away = world.regions
            world.start()
            home.kill()
            wait_for(lambda: world.health("GRA11") == "unhealthy", "GRA11 to be unhealthy")
            world.daemon.send_signal(signal.SIGSTOP)  # in the middle of the confirm window
            home.start()
            time.sleep(4)
            world.daemon.send_signal(signal.SIGCONT)
            wait_for(lambda: world.health("GRA11") == "healthy", "GRA11 to be healthy")
            self.assertEqual(world.answer(), [home.address])
            self.assertEqual(world.epoch(), 1, "nobody was moved")
            home.kill()  # and it still does its work
            world.wait_answer(away)

    def test_users_follow_a_failback_in_steps(self):
        with World() as world:
            text = world.config.read_text().replace(
                "failback: manual", "failback: manual, gradual_failback: { steps: [50], every: 3s }")
            world.config.write_text(text)
            home, away = world.regions
            world.start()
            home.kill()
            world.wait_answer(away)
            home.start()
            wait_for(lambda: world.health("GRA11") == "healthy", "GRA11 to be healthy")
            world.move("failback")
            self.assertEqual(world.get("/v1/applications/shop")["ramp"]["percent"], 50)
            answers = {tuple(world.answer()) for _ in range(60)}
            self.assertEqual(answers, {(home.address,), (away.address,)}, "both regions answer meanwhile")
            wait_for(lambda: world.get("/v1/applications/shop")["ramp"] is None, "all users to have followed")
            self.assertEqual({tuple(world.answer()) for _ in range(30)}, {(home.address,)})

    def test_active_active_drops_a_dead_region_and_never_goes_empty(self):
        with World(mode="active-active") as world:
            home, away = world.regions
            world.start()
            wait_for(lambda: sorted(world.answer() or []) == [home.address, away.address], "both to be answered")
            home.kill()
            world.wait_answer(away)
            away.kill()
            wait_for(lambda: len(world.answer() or []) == 2, "all to be answered when none is healthy")

    def test_ten_deaths_under_load(self):
        """No query unanswered, no answer empty or foreign, and every death is survived."""
        with World() as world:
            home, away = world.regions
            world.start()
            wanted = {home.address, away.address}
            stop, wrong, queries = threading.Event(), [], [0]

            def poll():
                resolver = Resolver(("127.0.0.1", world.dns_port), timeout_s=5)
                while not stop.is_set():
                    addresses, ttl = resolver.query(world.hostname)
                    queries[0] += 1
                    if len(addresses) != 1 or not set(addresses) <= wanted or not 1 <= ttl <= 5:
                        wrong.append((addresses, ttl))
                resolver.close()

            thread = threading.Thread(target=poll)
            thread.start()
            try:
                for round_number in range(10):
                    active, other = world.regions if round_number % 2 == 0 else reversed(world.regions)
                    active.kill()
                    world.wait_answer(other)
                    active.start()
                    wait_for(lambda: world.health(active.name) == "healthy", f"{active.name} to recover")
            finally:
                stop.set()
                thread.join()
            self.assertEqual(wrong, [])
            self.assertGreater(queries[0], 100)
            self.assertEqual(world.epoch(), 11)
            status, output = world.replay()
            self.assertEqual(status, 0, output)


if __name__ == "__main__":
    unittest.main(verbosity=2)
