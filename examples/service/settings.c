// SPDX-License-Identifier: Apache-2.0
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char default_endpoint[256];

static const char* value_or(const char* name, const char* fallback) {
  const char* value = getenv(name);
  return value != NULL && value[0] != '\0' ? value : fallback;
}

static const char* required(const char* name, const char* example, bool* complete) {
  const char* value = value_or(name, NULL);
  if (value == NULL) {
    (void)fprintf(stderr, "items-service: %s is not set (for example %s=%s)\n", name, name,
                  example);
    *complete = false;
  }
  return value;
}

static uint16_t port(const char* name, uint16_t fallback, bool* complete) {
  const char* text = value_or(name, NULL);
  if (text == NULL) {
    return fallback;
  }
  char* end = NULL;
  const unsigned long number = strtoul(text, &end, 10);
  if (*end != '\0' || text[0] == '-' || number > 65535) {
    (void)fprintf(stderr, "items-service: %s=%s is not a port number from 0 to 65535\n", name,
                  text);
    *complete = false;
  }
  return (uint16_t)number;
}

bool settings_read(settings* out) {
  bool complete = true;
  memset(out, 0, sizeof *out);
  out->region = required("APP_REGION", "GRA11", &complete);
  out->address = value_or("APP_ADDRESS", "127.0.0.1");
  out->port = port("APP_PORT", 8080, &complete);
  out->health_address = value_or("HEALTH_ADDRESS", out->address);
  out->health_port = port("HEALTH_PORT", 8081, &complete);
  out->table = value_or("TABLE", "items");
  out->create_table = strcmp(value_or("CREATE_TABLE", "0"), "1") == 0;
  out->aws_region = required("AWS_REGION", "eu-west-3", &complete);
  out->access_key_id = required("AWS_ACCESS_KEY_ID", "...", &complete);
  out->secret_access_key = required("AWS_SECRET_ACCESS_KEY", "...", &complete);
  out->session_token = value_or("AWS_SESSION_TOKEN", NULL);
  out->endpoint = value_or("DYNAMODB_ENDPOINT", NULL);
  if (out->endpoint == NULL && out->aws_region != NULL) {
    (void)snprintf(default_endpoint, sizeof default_endpoint, "https://dynamodb.%s.amazonaws.com",
                   out->aws_region);
    out->endpoint = default_endpoint;
  }
  return complete;
}
