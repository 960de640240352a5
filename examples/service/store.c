// SPDX-License-Identifier: Apache-2.0
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES_PER_LIST = 20 };

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

static cJSON* write_body(const settings* from, const char* id, const char* value) {
  cJSON* body = cJSON_CreateObject();
  cJSON_AddStringToObject(body, "TableName", from->table);
  cJSON* item = cJSON_AddObjectToObject(body, value != NULL ? "Item" : "Key");
  add_string(item, "id", id);
  if (value != NULL) {
    add_string(item, "value", value);
  }
  return body;
}

// The write as a transaction that the store takes only under our epoch.
static dynamo_status send_fenced(dynamo* client, leeward* fence, const char* operation,
                                 const char* request) {
  const size_t size = strlen(request);
  const size_t room = size + 1024;
  char* text = malloc(room);
  const size_t length =
      text == NULL ? 0 : leeward_fenced_write(fence, operation, request, size, text, room);
  dynamo_status status = DYNAMO_FENCED;  // no epoch: nobody said that we may
  if (length > 0 && length < room) {
    cJSON* answer = NULL;
    status = dynamo_send(client, "TransactWriteItems", text, &answer);
    cJSON_Delete(answer);
  }
  free(text);
  if (status == DYNAMO_FENCED) {
    leeward_note_fenced(fence);
  }
  return status;
}

store_status store_put(dynamo* client, const settings* from, leeward* fence, const char* id,
                       const char* value) {
  if (!leeward_may_write(fence)) {
    return STORE_FENCED;
  }
  const char* operation = value != NULL ? "PutItem" : "DeleteItem";
  cJSON* body = write_body(from, id, value);
  char* request = cJSON_PrintUnformatted(body);
  cJSON_Delete(body);
  if (request == NULL) {
    return STORE_FAILED;
  }
  dynamo_status status = DYNAMO_FAILED;
  if (strcmp(from->fencing, "transaction") == 0) {
    status = send_fenced(client, fence, operation, request);
  } else {
    cJSON* answer = NULL;
    status = dynamo_send(client, operation, request, &answer);
    cJSON_Delete(answer);
  }
  cJSON_free(request);
  return status == DYNAMO_OK ? STORE_OK : status == DYNAMO_FENCED ? STORE_FENCED : STORE_FAILED;
}

leeward_fence_result store_read_fence(void* context, const char* table, const char* id,
                                      leeward_fence* out) {
  store_fence* fence = context;
  if (fence->client == NULL) {
    fence->client = dynamo_open(fence->from);
  }
  if (fence->client == NULL) {
    return LEEWARD_FENCE_FAILED;
  }
  cJSON* body = cJSON_CreateObject();
  cJSON_AddStringToObject(body, "TableName", table);
  add_string(cJSON_AddObjectToObject(body, "Key"), "id", id);
  cJSON_AddBoolToObject(body, "ConsistentRead", true);
  cJSON* answer = NULL;
  const dynamo_status status = dynamo_call(fence->client, "GetItem", body, &answer);
  cJSON_Delete(answer);
  cJSON_Delete(body);
  const char* text = dynamo_answer(fence->client);
  return status == DYNAMO_OK          ? leeward_parse_fence(text, strlen(text), out)
         : status == DYNAMO_NOT_FOUND ? LEEWARD_FENCE_ABSENT
                                      : LEEWARD_FENCE_FAILED;
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
  const char* found = string_of(item, "value");
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
    if (id == NULL || value == NULL ||
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

// The service's own items count against DynamoDB's limit but not against ours, so several pages may
// be needed; each asks for no more than still fits, so that `next` is exact.
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
