// SPDX-License-Identifier: Apache-2.0
// The items API: one request in, one answer out.
#ifndef ITEMS_API_H
#define ITEMS_API_H

#include <leeward/leeward.h>

#include "dynamo.h"
#include "http.h"

typedef struct {
  const settings* from;
  leeward* health;  // hears how every data call ended
} api;

// False: the connection is to be closed.
bool api_handle(const api* self, dynamo* client, http_connection* connection,
                const http_request* request);

#endif
