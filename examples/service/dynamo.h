// SPDX-License-Identifier: Apache-2.0
// DynamoDB's JSON protocol through libcurl, signed with SigV4.
#ifndef ITEMS_DYNAMO_H
#define ITEMS_DYNAMO_H

#include <cjson/cJSON.h>

#include "settings.h"

typedef struct dynamo dynamo;  // one keep-alive connection; one thread at a time

typedef enum {
  DYNAMO_OK,
  DYNAMO_FENCED,     // another region writes now; nothing was written
  DYNAMO_NOT_FOUND,  // the table does not exist (yet)
  DYNAMO_IN_USE,     // the table exists already
  DYNAMO_FAILED,     // unreachable, too slow, or refused: see dynamo_error
} dynamo_status;

dynamo* dynamo_open(const settings* from);
void dynamo_close(dynamo* client);

// `operation`: "PutItem". `*answer` is the caller's to cJSON_Delete; NULL unless there is one. At
// most 800 ms, of which 300 ms to connect.
dynamo_status dynamo_call(dynamo* client, const char* operation, const cJSON* body, cJSON** answer);
// The same with the body as text.
dynamo_status dynamo_send(dynamo* client, const char* operation, const char* body, cJSON** answer);

// The store's last answer as it came; "" if there was none.
const char* dynamo_answer(const dynamo* client);

// What went wrong last, for a log or an answer; without secrets.
const char* dynamo_error(const dynamo* client);

#endif
