#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/reference/openapi.yaml is true: it has exactly the router's routes and roles, and what the
API answers is what it says, good answers and errors alike."""
import http.client
import json
import subprocess
import unittest

import jsonschema
import yaml

from admin_server import BIN, SOURCE, AdminServer

DOCUMENT = yaml.safe_load((SOURCE / "docs/reference/openapi.yaml").read_text(encoding="utf-8"))
METHODS = ("get", "post", "put", "delete", "patch")


def operations():
    return {(method.upper(), path): operation for path, item in DOCUMENT["paths"].items()
            for method, operation in item.items() if method in METHODS}


def validate(schema, value):
    root = {"$ref": "#/s", "s": schema, "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(root).validate(value)


class OpenApi(unittest.TestCase):
    def ask(self, server, method, target, body=None, headers=None, text=None):
        """The answer, checked against the document by the template that `target` fills."""
        template, path = target if isinstance(target, tuple) else (target.split("?")[0], target)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        headers = dict(headers or {})
        if body is not None:
            headers["Content-Type"] = "application/json"
        if text is not None:
            headers["Content-Type"] = "text/dns"
        connection.request(method, path, text if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        answers = operations()[(method, template)]["responses"]
        documented = answers.get(str(response.status)) or answers["default"]
        if response.status == 204:
            self.assertNotIn("content", documented)
            self.assertEqual(text, "")
            return response.status, None
        kind = response.headers["Content-Type"].split(";")[0]
        self.assertIn(kind, documented["content"], f"{method} {path}: {response.status}")
        value = json.loads(text) if "json" in kind and "ndjson" not in kind else text
        validate(documented["content"][kind]["schema"], value)
        return response.status, value

    def test_the_document_has_exactly_the_routes_and_roles(self):
        listed = subprocess.run([BIN / "admin_test_server", "--routes"], stdout=subprocess.PIPE, text=True, check=True)
        routes = {tuple(line.split(" ")) for line in listed.stdout.splitlines()}
        self.assertEqual(routes, {(m, p, o["x-role"]) for (m, p), o in operations().items()})

    def test_schemas_are_schemas(self):
        for schema in DOCUMENT["components"]["schemas"].values():
            jsonschema.Draft202012Validator.check_schema(schema)

    def test_good_answers(self):
        with AdminServer() as server:
            for target in ("/healthz", "/readyz", "/metrics", "/v1/status", "/v1/applications", "/v1/checks",
                           "/v1/checks?health=healthy", "/v1/decisions", "/v1/journal", "/v1/replication",
                           ("/v1/applications/{id}", "/v1/applications/shop"),
                           ("/v1/checks/{id}", "/v1/checks/shop%2FGRA11"),
                           ("/v1/checks/{id}/history", "/v1/checks/shop%2FGRA11/history"),
                           ("/v1/decisions/{id}", "/v1/decisions/1"), ("/v1/decisions/{id}", "/v1/decisions/2")):
                self.assertEqual(self.ask(server, "GET", target)[0], 200, target)
            status, text = self.ask(server, "GET", ("/v1/decisions/{id}", "/v1/decisions/1"),
                                    headers={"Accept": "text/plain"})
            self.assertIn("Decision 1", text)
            move = "/v1/applications/{id}/"
            for kind in ("failover", "switchover"):
                body = {"to": "RBX-A", "dry_run": True, "accept_data_loss": "12s", "reason": "test"}
                validate({"$ref": "#/components/schemas/Move"}, body)
                status, _ = self.ask(server, "POST", (move + kind, f"/v1/applications/shop/{kind}"), body)
                self.assertEqual(status, 200)
            self.assertEqual(self.ask(server, "POST", "/v1/reload")[0], 200)

    def test_control_panels(self):
        panel, control, rule = "/v1/control-panels/{panel}", "/v1/control-panels/{panel}/controls/{control}", "/v1/control-panels/{panel}/rules/{rule}"
        with AdminServer() as server:
            self.assertEqual(self.ask(server, "PUT", (panel, "/v1/control-panels/shop"))[0], 200)
            for name in ("gra", "rbx"):
                self.assertEqual(self.ask(server, "PUT", (control, f"/v1/control-panels/shop/controls/{name}"))[0], 200)
            change = {"changes": [{"control": "shop/gra", "state": "On"}]}
            validate({"$ref": "#/components/schemas/ControlStates"}, change)
            self.assertEqual(self.ask(server, "POST", "/v1/control-states", change)[0], 200)
            body = {"kind": "assertion", "asserted_controls": ["gra", "rbx"],
                    "rule_config": {"type": "ATLEAST", "threshold": 1, "inverted": False}, "wait_period": "0s"}
            validate({"$ref": "#/components/schemas/SafetyRule"}, body)
            self.assertEqual(self.ask(server, "PUT", (rule, "/v1/control-panels/shop/rules/one"), body)[0], 200)
            status, problem = self.ask(server, "POST", "/v1/control-states", {"changes": [{"control": "shop/gra", "state": "Off"}]})
            self.assertEqual(status, 409)
            self.assertIn("shop/one", problem["detail"])
            status, listed = self.ask(server, "GET", "/v1/control-panels")
            self.assertEqual([p["name"] for p in listed["control_panels"]], ["shop", "application.shop"])
            self.assertEqual(self.ask(server, "GET", (panel, "/v1/control-panels/application.shop"))[0], 200)
            self.assertEqual(self.ask(server, "DELETE", (rule, "/v1/control-panels/shop/rules/one"))[0], 200)
            for name in ("gra", "rbx"):
                self.assertEqual(self.ask(server, "DELETE", (control, f"/v1/control-panels/shop/controls/{name}"))[0], 200)
            self.assertEqual(self.ask(server, "DELETE", (panel, "/v1/control-panels/shop"))[0], 204)
            self.assertEqual(self.ask(server, "GET", (panel, "/v1/control-panels/shop"))[0], 404)

    def test_zones(self):
        zone = ("/v1/zones/{zone}", "/v1/zones/shop.test")
        with AdminServer() as server:
            self.assertEqual(self.ask(server, "GET", zone)[0], 404)
            self.assertEqual(self.ask(server, "PUT", zone, text="@ SOA ns. h. 1 2 3 4 5\n")[0], 204)
            self.assertEqual(self.ask(server, "GET", zone), (200, "@ SOA ns. h. 1 2 3 4 5\n"))
            self.assertEqual(self.ask(server, "PUT", zone, text="")[0], 400)
            self.assertEqual(self.ask(server, "PUT", zone, {"json": "is no zone"})[0], 415)
            self.assertEqual(len(self.ask(server, "GET", "/v1/zones")[1]["zones"]), 2)

    def test_errors(self):
        with AdminServer() as server:
            failback = ("/v1/applications/{id}/failback", "/v1/applications/shop/failback")
            status, problem = self.ask(server, "POST", failback)
            self.assertEqual((status, problem["decision"]["outcome"]), (409, "refused"))
            self.assertEqual(self.ask(server, "POST", failback, {"region": "x"})[0], 400)
            self.assertEqual(self.ask(server, "GET", ("/v1/applications/{id}", "/v1/applications/ghost"))[0], 404)
            self.assertEqual(self.ask(server, "GET", "/v1/decisions?limit=0")[0], 400)
            self.assertEqual(self.ask(server, "GET", "/v1/status", headers={"Host": "rebound.example"})[0], 403)
        with AdminServer("--tokens") as server:
            self.assertEqual(self.ask(server, "GET", "/v1/status")[0], 401)
            viewer = {"Authorization": "Bearer viewer-token"}
            self.assertEqual(self.ask(server, "GET", "/v1/status", headers=viewer)[0], 200)
            self.assertEqual(self.ask(server, "POST", "/v1/reload", headers=viewer)[0], 403)

    def test_events(self):
        with AdminServer() as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
            connection.request("GET", "/v1/events")
            stream = connection.getresponse()
            self.assertEqual(stream.headers["Content-Type"], "text/event-stream")
            self.ask(server, "POST", ("/v1/applications/{id}/failover", "/v1/applications/shop/failover"), {"to": "RBX-A"})
            line = b""
            while not line.startswith(b"data:"):
                line = stream.readline()
                self.assertTrue(line, "the stream ended")
            validate({"$ref": "#/components/schemas/Event"}, json.loads(line[5:]))
            connection.close()


if __name__ == "__main__":
    unittest.main()
