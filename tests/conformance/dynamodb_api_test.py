#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The gateway as boto3 and plain HTTP see it: data calls, pages, counts, errors, checksums, streams.
Every data test runs twice: on a table that is replicated and on one that is not; nothing may differ."""
import functools
import json
import subprocess
import unittest
import zlib

import dynamodb_local
from leeward_world import BIN, wait_for

dynamodb_local.in_namespace()
from gateway_world import KEYS, PATH, Region  # noqa: E402  (needs boto3, and the namespace)

import boto3  # noqa: E402
from boto3.dynamodb.conditions import Attr  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

TABLES = ("replicated", "plain")
GATEWAY = None


def setUpModule():
    global GATEWAY
    GATEWAY = Region("GRA11", options=["--table=replicated", "--table=composite"])
    client = GATEWAY.client()
    for name in TABLES:
        make_table(client, name)


def tearDownModule():
    GATEWAY.close()


def make_table(client, name, sort=False, stream=True, **more):
    keys = [{"AttributeName": "id", "KeyType": "HASH"}] + ([{"AttributeName": "n", "KeyType": "RANGE"}] if sort else [])
    attributes = ([{"AttributeName": "id", "AttributeType": "S"}]
                  + ([{"AttributeName": "n", "AttributeType": "N"}] if sort else []))
    if stream:
        more["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    more["AttributeDefinitions"] = attributes + more.pop("MoreAttributes", [])
    client.create_table(TableName=name, KeySchema=keys, BillingMode="PAY_PER_REQUEST", **more)


def on_each_table(test):
    """Runs the test with each table's name; leaves the tables empty."""
    @functools.wraps(test)
    def run(self):
        for table in TABLES:
            with self.subTest(table=table):
                try:
                    test(self, table)
                finally:
                    for item in self.client.scan(TableName=table)["Items"]:
                        self.client.delete_item(TableName=table, Key={"id": item["id"]})
    return run


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = GATEWAY.client()

    def error(self, code, call, **arguments):
        with self.assertRaises(ClientError) as raised:
            call(**arguments)
        self.assertEqual(raised.exception.response["Error"]["Code"], code)
        return raised.exception.response

    def pages(self, operation, **arguments):
        return list(self.client.get_paginator(operation).paginate(**arguments))

    def put(self, table, key, **attributes):
        self.client.put_item(TableName=table, Item={"id": {"S": key}, **attributes})

    def get(self, table, key):
        return self.client.get_item(TableName=table, Key={"id": {"S": key}}, ConsistentRead=True).get("Item")

    def assert_clean(self, answer):
        self.assertNotIn('"_r"', json.dumps(answer, default=str))
        self.assertNotIn('"_del"', json.dumps(answer, default=str))


class Items(Case):
    @on_each_table
    def test_put_get_update_delete(self, table):
        self.put(table, "a", v={"N": "1"})
        self.assertEqual(self.get(table, "a"), {"id": {"S": "a"}, "v": {"N": "1"}})
        old = self.client.put_item(TableName=table, Item={"id": {"S": "a"}, "v": {"N": "2"}},
                                   ReturnValues="ALL_OLD")
        self.assertEqual(old["Attributes"], {"id": {"S": "a"}, "v": {"N": "1"}})
        updated = self.client.update_item(
            TableName=table, Key={"id": {"S": "a"}}, UpdateExpression="SET v = v + :one, w = :w",
            ExpressionAttributeValues={":one": {"N": "1"}, ":w": {"S": "x"}}, ReturnValues="ALL_NEW")
        self.assertEqual(updated["Attributes"], {"id": {"S": "a"}, "v": {"N": "3"}, "w": {"S": "x"}})
        deleted = self.client.delete_item(TableName=table, Key={"id": {"S": "a"}}, ReturnValues="ALL_OLD")
        self.assertEqual(deleted["Attributes"], {"id": {"S": "a"}, "v": {"N": "3"}, "w": {"S": "x"}})
        self.assertIsNone(self.get(table, "a"))
        gone = self.client.delete_item(TableName=table, Key={"id": {"S": "a"}}, ReturnValues="ALL_OLD")
        self.assertNotIn("Attributes", gone)

    @on_each_table
    def test_what_was_deleted_is_absent_to_conditions(self, table):
        self.put(table, "a", v={"N": "7"})
        self.client.delete_item(TableName=table, Key={"id": {"S": "a"}})
        self.error("ConditionalCheckFailedException", self.client.update_item, TableName=table,
                   Key={"id": {"S": "a"}}, UpdateExpression="SET v = :v",
                   ConditionExpression="attribute_exists(id)", ExpressionAttributeValues={":v": {"N": "1"}})
        self.assertIsNone(self.get(table, "a"))
        self.client.put_item(TableName=table, Item={"id": {"S": "a"}, "v": {"N": "8"}},
                             ConditionExpression="attribute_not_exists(id)")
        # By hand: Debian's boto3 does not know the option yet.
        status, _, failed = GATEWAY.raw("DynamoDB_20120810.PutItem", json.dumps({
            "TableName": table, "Item": {"id": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(id)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}).encode())
        self.assertEqual((status, json.loads(failed)["Item"]), (400, {"id": {"S": "a"}, "v": {"N": "8"}}))
        self.assertIn("ConditionalCheckFailedException", json.loads(failed)["__type"])
        self.client.delete_item(TableName=table, Key={"id": {"S": "a"}}, ConditionExpression="v = :v",
                                ExpressionAttributeValues={":v": {"N": "8"}})
        # An update of what was deleted begins with nothing of it.
        self.client.update_item(TableName=table, Key={"id": {"S": "a"}}, UpdateExpression="ADD n :one",
                                ExpressionAttributeValues={":one": {"N": "1"}})
        self.assertEqual(self.get(table, "a"), {"id": {"S": "a"}, "n": {"N": "1"}})

    @on_each_table
    def test_conditions_as_boto3_builds_them(self, table):
        resource = boto3.resource("dynamodb", endpoint_url=GATEWAY.endpoint, region_name=GATEWAY.aws_region,
                                  aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
                                  aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"]).Table(table)
        both = Attr("a").eq(1) & Attr("b").eq(2)
        resource.put_item(Item={"id": "x", "a": 1, "b": 2}, ConditionExpression=~both | Attr("id").not_exists())
        resource.put_item(Item={"id": "x", "a": 1, "b": 2, "c": 3}, ConditionExpression=both)
        self.assertEqual(resource.scan(FilterExpression=both & Attr("c").between(1, 5))["Count"], 1)
        resource.delete_item(Key={"id": "x"}, ConditionExpression=both & ~Attr("d").exists())
        self.assertEqual(resource.scan(FilterExpression=~both)["Count"], 0)

    def test_conditions_mean_the_same_on_what_is_there_never_was_and_was_deleted(self):
        values = {":one": {"N": "1"}, ":two": {"N": "2"}, ":s": {"S": "x"}, ":type": {"S": "N"}}
        conditions = [
            "attribute_exists(id)", "attribute_not_exists(id)", "NOT attribute_exists(id)", "a = :one", "a <> :one", "a <> :two",
            "a < :two", "a <= :one", "a > :one", "a >= :two", "a BETWEEN :one AND :two", "NOT a BETWEEN :one AND :two",
            "a IN (:one, :two)", "NOT a IN (:two)", "begins_with(s, :s)", "NOT begins_with(s, :s)", "contains(s, :s)",
            "attribute_type(a, :type)", "size(s) > :one", "size(s) <> :one", "missing = :one", "missing <> :one", "a = missing",
            "a = :one AND s = :s", "(a = :one AND s = :s)", "(a = :one) OR attribute_not_exists(a)",
            "(a = :one OR (s = :s AND NOT a = :two)) AND attribute_exists(id)", "m.k = :one", "attribute_not_exists(m.k)",
            "l[0] = :one", "attribute_not_exists(l[1]) AND a = :one", "#a = :one"]
        for condition in conditions:
            used = {name: value for name, value in values.items() if name in condition}
            arguments = {"ConditionExpression": condition}
            if used:
                arguments["ExpressionAttributeValues"] = used
            if "#a" in condition:
                arguments["ExpressionAttributeNames"] = {"#a": "a"}
            outcomes = {}
            for table in TABLES:
                outcome = []
                for state in ("live", "never", "deleted"):
                    for call in ("put", "update", "delete"):
                        key = f"{state}-{call}"
                        if state != "never":
                            self.put(table, key, a={"N": "1"}, s={"S": "xy"}, m={"M": {"k": {"N": "1"}}}, l={"L": [{"N": "1"}]})
                        if state == "deleted":
                            self.client.delete_item(TableName=table, Key={"id": {"S": key}})
                        try:
                            if call == "put":
                                self.client.put_item(TableName=table, Item={"id": {"S": key}, "new": {"N": "1"}}, **arguments)
                            elif call == "update":
                                self.client.update_item(TableName=table, Key={"id": {"S": key}}, **arguments)
                            else:
                                self.client.delete_item(TableName=table, Key={"id": {"S": key}}, **arguments)
                            outcome.append((state, call, True))
                        except ClientError as error:
                            outcome.append((state, call, error.response["Error"]["Code"]))
                        self.client.delete_item(TableName=table, Key={"id": {"S": key}})
                outcomes[table] = outcome
            with self.subTest(condition=condition):
                self.assertEqual(outcomes["replicated"], outcomes["plain"])

    @on_each_table
    def test_projections_and_names_of_ones_own(self, table):
        self.put(table, "a", v={"N": "1"}, m={"M": {"x": {"L": [{"S": "y"}]}}})
        part = self.client.get_item(TableName=table, Key={"id": {"S": "a"}}, ProjectionExpression="#m.x[0], v",
                                    ExpressionAttributeNames={"#m": "m"})
        self.assertEqual(part["Item"], {"m": {"M": {"x": {"L": [{"S": "y"}]}}}, "v": {"N": "1"}})

    @on_each_table
    def test_scan_counts_and_pages_skip_the_deleted(self, table):
        for number in range(12):
            self.put(table, f"k{number:02}", v={"N": str(number)})
        for number in range(0, 12, 2):
            self.client.delete_item(TableName=table, Key={"id": {"S": f"k{number:02}"}})
        whole = self.client.scan(TableName=table)
        self.assertEqual((whole["Count"], whole["ScannedCount"]), (6, 6))
        counted = self.client.scan(TableName=table, Select="COUNT")
        self.assertEqual((counted["Count"], counted["ScannedCount"]), (6, 6))
        self.assertNotIn("Items", counted)
        pages = self.pages("scan", TableName=table, PaginationConfig={"PageSize": 2})
        found = sorted(item["id"]["S"] for page in pages for item in page["Items"])
        self.assertEqual(found, [f"k{number:02}" for number in range(1, 12, 2)])
        self.assertTrue(all(page["Count"] <= 2 for page in pages))
        filtered = self.client.scan(TableName=table, FilterExpression="v > :v",
                                    ExpressionAttributeValues={":v": {"N": "6"}})
        self.assertEqual((filtered["Count"], filtered["ScannedCount"]), (3, 6))
        self.assert_clean([whole, pages, filtered])

    @on_each_table
    def test_batches(self, table):
        answer = self.client.batch_write_item(RequestItems={table: [
            {"PutRequest": {"Item": {"id": {"S": f"b{number}"}, "v": {"N": str(number)}}}} for number in range(25)]})
        self.assertEqual(answer["UnprocessedItems"], {})
        self.client.batch_write_item(RequestItems={table: [
            {"DeleteRequest": {"Key": {"id": {"S": f"b{number}"}}}} for number in range(20)]})
        got = self.client.batch_get_item(RequestItems={table: {
            "Keys": [{"id": {"S": f"b{number}"}} for number in range(25)]}})
        self.assertEqual(sorted(item["id"]["S"] for item in got["Responses"][table]),
                         ["b20", "b21", "b22", "b23", "b24"])
        self.assertEqual(got["UnprocessedKeys"], {})
        self.assert_clean(got)
        self.error("ValidationException", self.client.batch_write_item, RequestItems={table: [
            {"PutRequest": {"Item": {"id": {"S": "same"}}}}, {"DeleteRequest": {"Key": {"id": {"S": "same"}}}}]})

    @on_each_table
    def test_transactions(self, table):
        self.put(table, "gone")
        self.client.delete_item(TableName=table, Key={"id": {"S": "gone"}})
        self.client.transact_write_items(TransactItems=[
            {"Put": {"TableName": table, "Item": {"id": {"S": "t1"}, "v": {"N": "1"}},
                     "ConditionExpression": "attribute_not_exists(id)"}},
            {"ConditionCheck": {"TableName": table, "Key": {"id": {"S": "gone"}},
                                "ConditionExpression": "attribute_not_exists(id)"}},
            {"Update": {"TableName": table, "Key": {"id": {"S": "t2"}}, "UpdateExpression": "SET v = :v",
                        "ExpressionAttributeValues": {":v": {"N": "2"}}}}])
        failed = self.error("TransactionCanceledException", self.client.transact_write_items, TransactItems=[
            {"Put": {"TableName": table, "Item": {"id": {"S": "t3"}}}},
            {"Put": {"TableName": table, "Item": {"id": {"S": "t1"}},
                     "ConditionExpression": "attribute_not_exists(id)",
                     "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}}])
        self.assertEqual([reason["Code"] for reason in failed["CancellationReasons"]],
                         ["None", "ConditionalCheckFailed"])
        self.assert_clean(failed)
        self.assertIsNone(self.get(table, "t3"))
        read = self.client.transact_get_items(TransactItems=[
            {"Get": {"TableName": table, "Key": {"id": {"S": key}}}} for key in ("t1", "gone", "t2")])
        self.assertEqual([answer.get("Item", {}).get("v", {}).get("N") for answer in read["Responses"]],
                         ["1", None, "2"])
        self.client.transact_write_items(TransactItems=[
            {"Delete": {"TableName": table, "Key": {"id": {"S": "t1"}}}}])
        self.assertIsNone(self.get(table, "t1"))

    def test_query_over_a_composite_key_and_an_index(self):
        make_table(self.client, "composite", sort=True, MoreAttributes=[{"AttributeName": "kind", "AttributeType": "S"}],
                   GlobalSecondaryIndexes=[
                       {"IndexName": "by-kind", "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "KEYS_ONLY"}},
                       {"IndexName": "inverted", "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"},
                                                               {"AttributeName": "id", "KeyType": "RANGE"}],
                        "Projection": {"ProjectionType": "KEYS_ONLY"}}])
        try:
            for number in range(10):
                self.client.put_item(TableName="composite", Item={
                    "id": {"S": "a"}, "n": {"N": str(number)}, "kind": {"S": "x"}})
            for number in (0, 3, 4, 9):
                self.client.delete_item(TableName="composite", Key={"id": {"S": "a"}, "n": {"N": str(number)}})
            query = {"TableName": "composite", "KeyConditionExpression": "id = :id",
                     "ExpressionAttributeValues": {":id": {"S": "a"}}}
            whole = self.client.query(**query)
            self.assertEqual((whole["Count"], whole["ScannedCount"]), (6, 6))
            for forward in (True, False):
                pages = self.pages("query", **query, ScanIndexForward=forward, PaginationConfig={"PageSize": 4})
                found = [int(item["n"]["N"]) for page in pages for item in page["Items"]]
                self.assertEqual(found, sorted([1, 2, 5, 6, 7, 8], reverse=not forward))
            first = self.client.query(**query, Limit=3)
            self.assertEqual((first["Count"], [item["n"]["N"] for item in first["Items"]]), (3, ["1", "2", "5"]))
            index = self.client.query(TableName="composite", IndexName="by-kind", KeyConditionExpression="kind = :k",
                                      ExpressionAttributeValues={":k": {"S": "x"}})
            self.assertEqual(index["Count"], 6)
            inverted = self.client.query(TableName="composite", IndexName="inverted", KeyConditionExpression="n = :n",
                                         ExpressionAttributeValues={":n": {"N": "3"}})
            self.assertEqual((inverted["Count"], inverted["Items"]), (0, []))
            inverted = self.client.query(TableName="composite", IndexName="inverted", KeyConditionExpression="n = :n",
                                         ExpressionAttributeValues={":n": {"N": "5"}})
            self.assertEqual(inverted["Items"], [{"id": {"S": "a"}, "n": {"N": "5"}}])
            described = self.client.describe_table(TableName="composite")["Table"]
            self.assertEqual([index["Projection"] for index in described["GlobalSecondaryIndexes"]],
                             [{"ProjectionType": "KEYS_ONLY"}] * 2)
            self.assert_clean([whole, index, inverted, described])
        finally:
            self.client.delete_table(TableName="composite")

    def test_names_of_leewards_own_are_refused(self):
        for attribute in ("_r", "_del"):
            self.error("ValidationException", self.client.put_item, TableName="replicated",
                       Item={"id": {"S": "a"}, attribute: {"S": "mine"}})

    def test_partiql_is_refused_where_tables_are_replicated(self):
        for statement in ('SELECT * FROM "replicated"', "INSERT INTO \"replicated\" VALUE {'id': 'a'}"):
            failed = self.error("ValidationException", self.client.execute_statement, Statement=statement)
            self.assertIn("PartiQL is not supported", failed["Error"]["Message"])

    def test_heartbeats_are_in_no_list(self):
        self.put("replicated", "beat", _hb={"N": "1"})
        self.assertEqual(self.client.scan(TableName="replicated")["Count"], 0)
        self.assertEqual(self.get("replicated", "beat"), {"id": {"S": "beat"}, "_hb": {"N": "1"}})
        self.client.delete_item(TableName="replicated", Key={"id": {"S": "beat"}})

    def test_time_to_live_of_a_replicated_table(self):
        set_to = {"Enabled": True, "AttributeName": "expires"}
        self.client.update_time_to_live(TableName="replicated", TimeToLiveSpecification=set_to)
        described = self.client.describe_time_to_live(TableName="replicated")["TimeToLiveDescription"]
        self.assertEqual(described, {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"})
        self.put("replicated", "later", expires={"N": "4102444800"})
        self.assertEqual(self.get("replicated", "later")["expires"], {"N": "4102444800"})
        self.client.delete_item(TableName="replicated", Key={"id": {"S": "later"}})
        self.assertEqual(self.client.scan(TableName="replicated")["Count"], 0)

    def test_stored_items_carry_stamps_and_deletes_are_tombstones(self):
        self.put("replicated", "kept")
        self.put("replicated", "gone", v={"N": "1"})
        self.client.delete_item(TableName="replicated", Key={"id": {"S": "gone"}})
        stored = {key: GATEWAY.as_peer("GetItem", {"TableName": "replicated", "Key": {"id": {"S": key}}})["Item"]
                  for key in ("kept", "gone")}
        self.assertRegex(stored["kept"]["_r"]["S"], r"^\d{16}\.\d{4}\.GRA11$")
        self.assertEqual(sorted(stored["gone"]), ["_del", "_r", "id"])
        self.assertLess(stored["kept"]["_r"]["S"], stored["gone"]["_r"]["S"])
        self.client.delete_item(TableName="replicated", Key={"id": {"S": "kept"}})


class Http(Case):
    """What SDKs rely on beneath their calls."""

    def test_checksums_and_request_ids_are_of_the_answer(self):
        for table in TABLES:
            self.put(table, "crc", v={"S": "x" * 1000})
            status, headers, body = GATEWAY.raw(
                "DynamoDB_20120810.GetItem", json.dumps({"TableName": table, "Key": {"id": {"S": "crc"}}}).encode())
            self.assertEqual(status, 200)
            self.assertEqual(int(headers["x-amz-crc32"]), zlib.crc32(body))
            self.assertGreater(len(headers["x-amzn-RequestId"]), 20)
        status, headers, body = GATEWAY.raw("DynamoDB_20120810.GetItem", b"{}")
        self.assertEqual((status, int(headers["x-amz-crc32"])), (400, zlib.crc32(body)))

    def test_errors_are_amazons(self):
        cases = [("DynamoDB_20120810.GetItem", b"", {}, 400, "SerializationException"),
                 ("DynamoDB_20120810.GetItem", b"{\"TableName\": ", {}, 400, "SerializationException"),
                 ("DynamoDB_20120810.GetItem", b"[]", {}, 400, "SerializationException"),
                 ("DynamoDB_20120810.GetItem", b"\xff\xfe", {}, 400, "SerializationException"),
                 ("DynamoDB_20120810.GetItem", b"{}", {}, 400, "ValidationException"),
                 ("DynamoDB_20120810.GetThing", b"{}", {}, 400, "UnknownOperationException"),
                 ("GetItem", b"{}", {}, 400, "UnknownOperationException"),
                 ("DynamoDB_20120810.GetItem", b"{}", {"Authorization": ""}, 400, "MissingAuthenticationTokenException"),
                 ("DynamoDB_20120810.GetItem", b"{}", {"Authorization": "Bearer x"}, 400, "IncompleteSignatureException"),
                 ("DynamoDB_20120810.DescribeTable", b"{\"TableName\":\"nothing\"}", {}, 400, "ResourceNotFoundException"),
                 ("DynamoDB_20120810.PutItem", b"{\"TableName\":\"" + b"x" * (17 << 20) + b"\"}", {}, 413,
                  "RequestEntityTooLargeException")]
        for target, body, headers, status, name in cases:
            with self.subTest(target=target, body=body[:20], headers=headers):
                try:
                    got, _, answer = GATEWAY.raw(target, body, headers)
                except OSError:  # the answer came while the body was still being sent
                    self.assertEqual(status, 413)
                    continue
                self.assertEqual(got, status)
                self.assertTrue(json.loads(answer)["__type"].endswith("#" + name), answer)

    def test_oversize_items_and_unknown_tables(self):
        for table in TABLES:
            self.error("ValidationException", self.client.put_item, TableName=table,
                       Item={"id": {"S": "big"}, "v": {"S": "x" * 409_600}})
        self.error("ResourceNotFoundException", self.client.put_item, TableName="nothing", Item={"id": {"S": "a"}})

    def test_tables_by_arn(self):
        arn = self.client.describe_table(TableName="replicated")["Table"]["TableArn"]
        self.assertEqual(arn, "arn:aws:dynamodb:eu-west-3:000000000000:table/replicated")
        self.client.put_item(TableName=arn, Item={"id": {"S": "by-arn"}})
        self.assertEqual(self.get(arn, "by-arn"), {"id": {"S": "by-arn"}})
        stored = GATEWAY.as_peer("GetItem", {"TableName": "replicated", "Key": {"id": {"S": "by-arn"}}})["Item"]
        self.assertIn("_r", stored)
        self.client.delete_item(TableName=arn, Key={"id": {"S": "by-arn"}})


class Tables(Case):
    def test_leewards_tables_are_not_listed_and_pages_are_right(self):
        GATEWAY.as_peer("CreateTable", {
            "TableName": "leeward-fence", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"})
        try:
            self.assertEqual(self.client.list_tables()["TableNames"], ["plain", "replicated"])
            first = self.client.list_tables(Limit=1)
            self.assertEqual((first["TableNames"], first["LastEvaluatedTableName"]), (["plain"], "plain"))
            rest = self.client.list_tables(Limit=1, ExclusiveStartTableName="plain")
            self.assertEqual(rest["TableNames"], ["replicated"])
            self.assertIn("leeward-fence", GATEWAY.as_peer("ListTables", {})["TableNames"])
            self.client.put_item(TableName="leeward-fence", Item={"id": {"S": "shop#0"}, "epoch": {"N": "1"}})
            self.assertNotIn("_r", GATEWAY.as_peer("GetItem", {
                "TableName": "leeward-fence", "Key": {"id": {"S": "shop#0"}}})["Item"])
        finally:
            GATEWAY.as_peer("DeleteTable", {"TableName": "leeward-fence"})

    def test_a_stream_of_images_that_do_not_exist_is_refused(self):
        failed = self.error("ValidationException", self.client.create_table, TableName="wrong",
                            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                            BillingMode="PAY_PER_REQUEST",
                            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD"})
        self.assertIn("'NEW_AND_OLD' at 'streamSpecification.streamViewType'", failed["Error"]["Message"])
        self.assertNotIn("wrong", self.client.list_tables()["TableNames"])

    def test_the_stream_of_a_replicated_table_stays(self):
        failed = self.error("ValidationException", self.client.update_table, TableName="replicated",
                            StreamSpecification={"StreamEnabled": False})
        self.assertIn("not allowed", failed["Error"]["Message"])

    def test_streams_show_no_stamps(self):
        streams = GATEWAY.client("dynamodbstreams")
        for number, table in enumerate(TABLES):
            arn = self.client.describe_table(TableName=table)["Table"]["LatestStreamArn"]
            self.assertTrue(arn.startswith(f"arn:aws:dynamodb:eu-west-3:000000000000:table/{table}/stream/"), arn)
            self.assertIn(arn, [stream["StreamArn"] for stream in streams.list_streams(TableName=table)["Streams"]])
            key = f"stream-{number}"
            self.put(table, key, v={"N": "1"})
            self.put(table, key, v={"N": "2"})
            self.client.delete_item(TableName=table, Key={"id": {"S": key}})
            self.put(table, key, v={"N": "3"})
            self.client.delete_item(TableName=table, Key={"id": {"S": key}})
            shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
            iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard,
                                                  ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
            records = []

            def read(records=records, key=key):
                nonlocal iterator
                page = streams.get_records(ShardIterator=iterator)
                iterator = page["NextShardIterator"]
                records += [record for record in page["Records"] if record["dynamodb"]["Keys"]["id"]["S"] == key]
                return len(records) >= 5

            wait_for(read, "the records of five writes")
            self.assertEqual([record["eventName"] for record in records],
                             ["INSERT", "MODIFY", "REMOVE", "INSERT", "REMOVE"])
            self.assertEqual(records[1]["dynamodb"]["OldImage"], {"id": {"S": key}, "v": {"N": "1"}})
            self.assertEqual({record["awsRegion"] for record in records}, {"eu-west-3"})
            self.assert_clean(records)


class Signatures(unittest.TestCase):
    def test_keys_are_asked_for(self):
        keys = {"AWS_ACCESS_KEY_ID": "AKIDSIGNED", "AWS_SECRET_ACCESS_KEY": "right/secret"}
        path = GATEWAY.log.name + ".keys"
        with open(path, "w", encoding="utf-8") as file:
            file.write("# clients\nAKIDSIGNED right/secret\n")
        other = subprocess.Popen(
            [BIN / "leeward-gateway", f"--region=GRA11={GATEWAY.store.endpoint},eu-west-3", "--listen=127.0.0.1:8020",
             f"--credentials-file={path}"], env={**KEYS, **PATH}, stderr=subprocess.DEVNULL)
        try:
            GATEWAY.port, port = 8020, GATEWAY.port  # clients of the second gateway
            right = GATEWAY.client(keys=keys)
            wrong = GATEWAY.client(keys={**keys, "AWS_SECRET_ACCESS_KEY": "wrong"})
            unknown = GATEWAY.client(keys={**keys, "AWS_ACCESS_KEY_ID": "AKIDUNKNOWN"})
            GATEWAY.port = port

            def serves():
                try:
                    return right.list_tables()["TableNames"]
                except OSError:
                    return None
                except Exception as error:  # botocore's own, while nothing listens yet
                    if "EndpointConnectionError" in type(error).__name__:
                        return None
                    raise

            self.assertIn("plain", wait_for(serves, "the second gateway"))
            for client, code in ((wrong, "InvalidSignatureException"), (unknown, "UnrecognizedClientException")):
                with self.assertRaises(ClientError) as raised:
                    client.list_tables()
                self.assertEqual(raised.exception.response["Error"]["Code"], code)
        finally:
            other.terminate()
            other.wait()

    def test_wrong_usage_is_named(self):
        base = ["--region=GRA11=http://127.0.0.1:1,eu-west-3"]
        cases = [([], "--region is required"), (["--region=GRA11"], "expected NAME=URL,REGION"),
                 ([*base, "--listen=0.0.0.0:8020"], "give --credentials-file"),
                 ([*base, "--control=0.0.0.0:8021"], "must be on loopback"),
                 ([*base, "--listen=localhost"], "expected ADDRESS:PORT"),
                 ([*base, "--peer=RBX-A=http://127.0.0.1:2,eu-west-3"], "is named already"),
                 ([*base, "--credentials-file=/dev/null"], "holds no line")]
        for arguments, message in cases:
            done = subprocess.run([BIN / "leeward-gateway", *arguments], env={**KEYS, **PATH}, capture_output=True,
                                  text=True, check=False, timeout=20)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(message, done.stderr + done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
