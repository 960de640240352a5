// SPDX-License-Identifier: Apache-2.0
#include "api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"
#include "text.h"

enum { ID_MAX = 128, LIST_DEFAULT = 100, LIST_MAX = 1000 };

static const char id_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

typedef struct {
  const api* self;
  dynamo* client;
  http_connection* connection;
  const http_request* request;
} call;

static bool answer_json(const call* c, int status, cJSON* json) {
  char* text = cJSON_PrintUnformatted(json);
  cJSON_Delete(json);
  const bool sent =
      http_answer(c->connection, c->request, status, c->self->from->region, NULL, text);
  cJSON_free(text);
  return sent;
}

static bool answer_error(const call* c, int status, const char* message) {
  cJSON* json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "error", message);
  return answer_json(c, status, json);
}

// What readiness is inferred from. A missing item or a fence is a success: the store answered. A
// standby is healthy, and no client may take a region out of service by what it asks for.
static bool note(const call* c, store_status status) {
  if (status == STORE_FAILED) {
    leeward_record_failure(c->self->health);
  } else {
    leeward_record_success(c->self->health);
  }
  return status != STORE_FAILED;
}

static bool unavailable(const call* c) {
  return answer_error(c, 503, dynamo_error(c->client));
}

static bool answer_item(const call* c, const char* id, const char* value) {
  cJSON* json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "id", id);
  cJSON_AddStringToObject(json, "value", value);
  cJSON_AddStringToObject(json, "region", c->self->from->region);
  return answer_json(c, 200, json);
}

static bool get_item(const call* c, const char* id) {
  char* value = NULL;
  const store_status status = store_get(c->client, c->self->from, id, &value);
  if (!note(c, status)) {
    return unavailable(c);
  }
  const bool sent = status == STORE_ABSENT ? answer_error(c, 404, "there is no such item")
                                           : answer_item(c, id, value);
  free(value);
  return sent;
}

// The client is to come back: DNS moves it, or this region is allowed to write again.
static bool answer_fenced(const call* c) {
  char why[160];
  leeward_write_refusal(c->self->health, why, sizeof why);
  cJSON* json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "error", "not the active region");
  cJSON_AddStringToObject(json, "reason", why[0] == '\0' ? "the fence refused it" : why);
  cJSON_AddNumberToObject(json, "epoch", (double)leeward_epoch(c->self->health));
  char* text = cJSON_PrintUnformatted(json);
  cJSON_Delete(json);
  const bool sent = http_answer(c->connection, c->request, 503, c->self->from->region,
                                "Retry-After: 1\r\n", text);
  cJSON_free(text);
  return sent;
}

// The answer to a write that was not made.
static bool not_written(const call* c, store_status status) {
  return status == STORE_FENCED ? answer_fenced(c) : unavailable(c);
}

static store_status write_item(const call* c, const char* id, const char* value) {
  const store_status status = store_put(c->client, c->self->from, c->self->health, id, value);
  (void)note(c, status);
  return status;
}

// GET /status: where this is, and whether it may write.
static bool answer_status(const call* c) {
  char why[160];
  leeward_write_refusal(c->self->health, why, sizeof why);
  cJSON* json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "region", c->self->from->region);
  cJSON_AddStringToObject(json, "fencing", c->self->from->fencing);
  cJSON_AddNumberToObject(json, "epoch", (double)leeward_epoch(c->self->health));
  cJSON_AddBoolToObject(json, "may_write", why[0] == '\0');
  cJSON_AddStringToObject(json, "reason", why);
  return answer_json(c, 200, json);
}

static bool put_item(const call* c, const char* id) {
  if (!text_is_storable(c->request->body, c->request->body_size)) {
    return answer_error(c, 400, "the body must be UTF-8 without the character U+0000");
  }
  char* text = strndup(c->request->body, c->request->body_size);  // the next request may follow it
  cJSON* body = text == NULL ? NULL : cJSON_ParseWithOpts(text, NULL, true);
  free(text);
  const char* value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "value"));
  bool sent = false;
  if (value == NULL || cJSON_GetArraySize(body) != 1) {
    sent =
        answer_error(c, 400, "the body must be a JSON object with one member, \"value\", a string");
  } else {
    const store_status status = write_item(c, id, value);
    sent = status == STORE_OK ? answer_item(c, id, value) : not_written(c, status);
  }
  cJSON_Delete(body);
  return sent;
}

static bool delete_item(const call* c, const char* id) {
  const store_status status = write_item(c, id, NULL);
  if (status != STORE_OK) {
    return not_written(c, status);
  }
  return http_answer(c->connection, c->request, 204, c->self->from->region, NULL, NULL);
}

static bool id_shaped(const char* text) {
  const size_t size = strlen(text);
  return size > 0 && size <= ID_MAX && strspn(text, id_characters) == size;
}

static bool valid_id(const char* id) {
  return id_shaped(id) && id[0] != '_';
}

// "limit=10&after=id"; unknown parameters are an error.
static const char* parse_list_query(char* query, int* limit, const char** after) {
  *limit = LIST_DEFAULT;
  *after = NULL;
  char* rest = NULL;
  for (char* part = strtok_r(query, "&", &rest); part != NULL; part = strtok_r(NULL, "&", &rest)) {
    if (strncmp(part, "limit=", 6) == 0) {
      char* end = NULL;
      const long number = strtol(part + 6, &end, 10);
      if (*end != '\0' || number < 1 || number > LIST_MAX) {
        return "limit must be a number from 1 to 1000";
      }
      *limit = (int)number;
    } else if (strncmp(part, "after=", 6) == 0 && id_shaped(part + 6)) {
      // May be the service's own id, which a page can end with.
      *after = part + 6;
    } else {
      return "the query takes limit=NUMBER and after=ID";
    }
  }
  return NULL;
}

static bool list_items(const call* c, char* query) {
  int limit = 0;
  const char* after = NULL;
  const char* wrong = parse_list_query(query, &limit, &after);
  if (wrong != NULL) {
    return answer_error(c, 400, wrong);
  }
  cJSON* list = NULL;
  if (!note(c, store_list(c->client, c->self->from, after, limit, &list))) {
    return unavailable(c);
  }
  return answer_json(c, 200, list);
}

static bool refuse_method(const call* c, const char* allow) {
  return http_answer(c->connection, c->request, 405, c->self->from->region, allow,
                     "{\"error\":\"this method is not for this path\"}");
}

bool api_handle(const api* self, dynamo* client, http_connection* connection,
                const http_request* request) {
  const call c = {self, client, connection, request};
  char path[sizeof request->target];
  (void)snprintf(path, sizeof path, "%s", request->target);
  char none[1] = "";
  char* query = strchr(path, '?');
  if (query != NULL) {
    *query++ = '\0';
  }
  const char* method = request->method;
  const bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
  if (strcmp(path, "/items") == 0) {
    return reads ? list_items(&c, query == NULL ? none : query)
                 : refuse_method(&c, "Allow: GET, HEAD\r\n");
  }
  if (strcmp(path, "/status") == 0) {
    return reads ? answer_status(&c) : refuse_method(&c, "Allow: GET, HEAD\r\n");
  }
  if (strncmp(path, "/items/", 7) != 0) {
    return answer_error(&c, 404, "there are /items, /items/{id} and /status");
  }
  const char* id = path + 7;
  if (!valid_id(id)) {
    return answer_error(
        &c, 400, "an id is 1 to 128 letters, digits, '.', '-' or '_', not starting with '_'");
  }
  return reads                           ? get_item(&c, id)
         : strcmp(method, "PUT") == 0    ? put_item(&c, id)
         : strcmp(method, "DELETE") == 0 ? delete_item(&c, id)
                                         : refuse_method(&c, "Allow: GET, HEAD, PUT, DELETE\r\n");
}
