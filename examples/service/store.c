// SPDX-License-Identifier: Apache-2.0
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stamp.h"

enum { ATTEMPTS = 4, PAGES_PER_LIST = 20 };

static void add_string(cJSON* item, const char* name, const char* text) {
  cJSON* value = cJSON_AddObjectToObject(item, name);
  cJSON_AddStringToObject(value, "S", text);
}

static const char* string_of(const cJSON* item, const char* name) {
  return cJSON_GetStringValue(
      cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(item, name), "S"));
}

static cJSON* named(cJSON* list, const char* name, const char* type) {
  cJSON* entry = cJSON_CreateObject();
  cJSON_AddStringToObject(entry, "AttributeName", name);
  cJSON_AddStringToObject(entry, strcmp(type, "HASH") == 0 ? "KeyType" : "AttributeType", type);
  cJSON_AddItemToArray(list, entry);
  return entry;
}

store_status store_create_table(dynamo* client, const settings* from) {
  cJSON* body = cJSON_CreateObject();
  cJSON_AddStringToObject(body, "TableName", from->table);
  named(cJSON_AddArrayToObject(body, "KeySchema"), "id", "HASH");
  named(cJSON_AddArrayToObject(body, "AttributeDefinitions"), "id", "S");
  cJSON_AddStringToObject(body, "BillingMode", "PAY_PER_REQUEST");
  cJSON* stream = cJSON_AddObjectToObject(body, "StreamSpecification");
  cJSON_AddBoolToObject(stream, "StreamEnabled", true);
  cJSON_AddStringToObject(stream, "StreamViewType", "NEW_AND_OLD_IMAGES");
  cJSON* answer = NULL;
  const dynamo_status status = dynamo_call(client, "CreateTable", body, &answer);
  cJSON_Delete(answer);
  cJSON_Delete(body);
  return status == DYNAMO_OK || status == DYNAMO_IN_USE ? STORE_OK : STORE_FAILED;
}

static cJSON* put_body(const settings* from, const char* id, const char* value, const char* stamp) {
  cJSON* body = cJSON_CreateObject();
  cJSON_AddStringToObject(body, "TableName", from->table);
  cJSON* item = cJSON_AddObjectToObject(body, "Item");
  add_string(item, "id", id);
  add_string(item, "_r", stamp);
  if (value != NULL) {
    add_string(item, "value", value);
  } else {
    cJSON_AddBoolToObject(cJSON_AddObjectToObject(item, "_del"), "BOOL", true);
  }
  cJSON_AddStringToObject(body, "ConditionExpression", "attribute_not_exists(id) OR #r < :r");
  cJSON_AddStringToObject(cJSON_AddObjectToObject(body, "ExpressionAttributeNames"), "#r", "_r");
  add_string(cJSON_AddObjectToObject(body, "ExpressionAttributeValues"), ":r", stamp);
  cJSON_AddStringToObject(body, "ReturnValuesOnConditionCheckFailure", "ALL_OLD");
  return body;
}

store_status store_put(dynamo* client, const settings* from, const char* id, const char* value) {
  char stamp[STAMP_SIZE];
  char seen[STAMP_SIZE] = "";
  for (int attempt = 0; attempt < ATTEMPTS; ++attempt) {
    if (!stamp_next(from->region, seen, stamp)) {
      return STORE_CONTENDED;
    }
    cJSON* body = put_body(from, id, value, stamp);
    cJSON* answer = NULL;
    const dynamo_status status = dynamo_call(client, "PutItem", body, &answer);
    cJSON_Delete(body);
    if (status == DYNAMO_CONDITION_FAILED) {
      // Something newer stands there, by a clock ahead of ours: go past it.
      const char* theirs = string_of(cJSON_GetObjectItemCaseSensitive(answer, "Item"), "_r");
      (void)snprintf(seen, sizeof seen, "%s", theirs == NULL ? stamp : theirs);
    }
    cJSON_Delete(answer);
    if (status != DYNAMO_CONDITION_FAILED) {
      return status == DYNAMO_OK ? STORE_OK : STORE_FAILED;
    }
  }
  return STORE_CONTENDED;
}

store_status store_get(dynamo* client, const settings* from, const char* id, char** value) {
  *value = NULL;
  cJSON* body = cJSON_CreateObject();
  cJSON_AddStringToObject(body, "TableName", from->table);
  add_string(cJSON_AddObjectToObject(body, "Key"), "id", id);
  cJSON_AddBoolToObject(body, "ConsistentRead", true);
  cJSON* answer = NULL;
  const dynamo_status status = dynamo_call(client, "GetItem", body, &answer);
  cJSON_Delete(body);
  const cJSON* item = cJSON_GetObjectItemCaseSensitive(answer, "Item");
  const char* found = cJSON_HasObjectItem(item, "_del") ? NULL : string_of(item, "value");
  if (status == DYNAMO_OK && found != NULL) {
    *value = strdup(found);
  }
  cJSON_Delete(answer);
  return status != DYNAMO_OK ? STORE_FAILED : *value == NULL ? STORE_ABSENT : STORE_OK;
}

static int collect(const cJSON* page, cJSON* items) {
  int added = 0;
  const cJSON* item = NULL;
  cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(page, "Items")) {
    const char* id = string_of(item, "id");
    const char* value = string_of(item, "value");
    if (id == NULL || value == NULL || cJSON_HasObjectItem(item, "_del") ||
        strncmp(id, STORE_CANARY_PREFIX, strlen(STORE_CANARY_PREFIX)) == 0) {
      continue;
    }
    cJSON* entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "id", id);
    cJSON_AddStringToObject(entry, "value", value);
    cJSON_AddItemToArray(items, entry);
    ++added;
  }
  return added;
}

// Tombstones count against DynamoDB's limit but not against ours, so several pages may be needed;
// each asks for no more than still fits, so that `next` is exact.
store_status store_list(dynamo* client, const settings* from, const char* after, int limit,
                        cJSON** list) {
  *list = cJSON_CreateObject();
  cJSON* items = cJSON_AddArrayToObject(*list, "items");
  char next[256] = "";
  (void)snprintf(next, sizeof next, "%s", after == NULL ? "" : after);
  int missing = limit;
  for (int page = 0; page < PAGES_PER_LIST && missing > 0; ++page) {
    cJSON* body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "TableName", from->table);
    cJSON_AddNumberToObject(body, "Limit", missing);
    cJSON_AddBoolToObject(body, "ConsistentRead", true);
    if (next[0] != '\0') {
      add_string(cJSON_AddObjectToObject(body, "ExclusiveStartKey"), "id", next);
    }
    cJSON* answer = NULL;
    const dynamo_status status = dynamo_call(client, "Scan", body, &answer);
    cJSON_Delete(body);
    if (status != DYNAMO_OK) {
      cJSON_Delete(answer);
      cJSON_Delete(*list);
      *list = NULL;
      return STORE_FAILED;
    }
    missing -= collect(answer, items);
    const char* last =
        string_of(cJSON_GetObjectItemCaseSensitive(answer, "LastEvaluatedKey"), "id");
    (void)snprintf(next, sizeof next, "%s", last == NULL ? "" : last);
    cJSON_Delete(answer);
    if (next[0] == '\0') {
      break;
    }
  }
  if (next[0] == '\0') {
    cJSON_AddNullToObject(*list, "next");
  } else {
    cJSON_AddStringToObject(*list, "next", next);
  }
  return STORE_OK;
}
