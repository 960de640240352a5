// SPDX-License-Identifier: Apache-2.0
// Where the service runs and what it talks to, from the environment.
#ifndef ITEMS_SETTINGS_H
#define ITEMS_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

enum { SETTINGS_TOKEN_MAX = 8192 };  // of AWS_SESSION_TOKEN

typedef struct {
  const char* region;          // APP_REGION: this region's name, in every answer and stamp
  const char* address;         // APP_ADDRESS, default 127.0.0.1
  uint16_t port;               // APP_PORT, default 8080
  const char* health_address;  // HEALTH_ADDRESS, default APP_ADDRESS
  uint16_t health_port;        // HEALTH_PORT, default 8081
  const char* table;           // TABLE, default items
  bool create_table;           // CREATE_TABLE=1
  const char* application;     // APPLICATION: its name in Leeward's config, default shop
  const char* fencing;         // FENCING: "none" (default), "lease" or "transaction"
  uint32_t lease_ms;           // LEASE_MS, as in Leeward's config; default 3000
  const char* endpoint;        // DYNAMODB_ENDPOINT, default Amazon's of AWS_REGION
  const char* aws_region;      // AWS_REGION
  const char* access_key_id;
  const char* secret_access_key;
  const char* session_token;  // may be NULL
} settings;

// False, with a line on standard error for everything that is missing or wrong.
bool settings_read(settings* out);

#endif
