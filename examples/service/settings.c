// SPDX-License-Identifier: Apache-2.0
#include "settings.h"

#include <arpa/inet.h>
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
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || number > 65535) {
    (void)fprintf(stderr, "items-service: %s=%s is not a port number from 0 to 65535\n", name,
                  text);
    *complete = false;
  }
  return (uint16_t)number;
}

static uint32_t number(const char* name, uint32_t least, uint32_t most, uint32_t fallback,
                       bool* complete) {
  const char* text = value_or(name, NULL);
  if (text == NULL) {
    return fallback;
  }
  char* end = NULL;
  const unsigned long value = strtoul(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || value < least || value > most) {
    (void)fprintf(stderr, "items-service: %s=%s is not a number from %u to %u\n", name, text, least,
                  most);
    *complete = false;
    return fallback;
  }
  return (uint32_t)value;
}

#define LETTERS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// What goes into headers, addresses and signatures must fit there. Secrets are not shown.
static void check(const char* name, const char* value, size_t least, size_t most,
                  const char* characters, bool* complete) {
  if (value == NULL) {
    return;
  }
  const size_t size = strlen(value);
  if (size < least || size > most || strspn(value, characters) != size) {
    (void)fprintf(stderr, "items-service: %s must be %zu to %zu of the characters %s\n", name,
                  least, most, characters);
    *complete = false;
  }
}

static void check_printable(const char* name, const char* value, size_t most, bool* complete) {
  if (value == NULL) {
    return;
  }
  size_t size = 0;
  while (value[size] > ' ' && value[size] <= '~') {
    ++size;
  }
  if (value[size] != '\0' || size > most) {
    (void)fprintf(stderr,
                  "items-service: %s must be at most %zu printable ASCII characters, no spaces\n",
                  name, most);
    *complete = false;
  }
}

// The API listens on IPv4 only; the library's endpoint on IPv6 too.
static void check_address(const char* name, const char* value, bool six_too, bool* complete) {
  struct in6_addr address;
  if (inet_pton(AF_INET, value, &address) != 1 &&
      (!six_too || inet_pton(AF_INET6, value, &address) != 1)) {
    (void)fprintf(stderr, "items-service: %s=%s is not an IPv4%s address\n", name, value,
                  six_too ? " or IPv6" : "");
    *complete = false;
  }
}

// The path that is signed is "/", and the host goes into a header.
static void check_endpoint(const char* value, bool* complete) {
  const char* host = strncmp(value, "http://", 7) == 0    ? value + 7
                     : strncmp(value, "https://", 8) == 0 ? value + 8
                                                          : "";
  const size_t size = strspn(host, LETTERS_AND_DIGITS ".-:[]");
  if (size == 0 || size > 200 || (host[size] != '\0' && strcmp(host + size, "/") != 0)) {
    (void)fprintf(stderr,
                  "items-service: DYNAMODB_ENDPOINT must be http://HOST[:PORT] or "
                  "https://HOST[:PORT], without a path or a user\n");
    *complete = false;
  }
}

static bool yes(const char* name, bool* complete) {
  const char* value = value_or(name, "0");
  const bool on = strcmp(value, "1") == 0;
  if (!on && strcmp(value, "0") != 0) {
    (void)fprintf(stderr, "items-service: %s=%s is neither 0 nor 1\n", name, value);
    *complete = false;
  }
  return on;
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
  out->create_table = yes("CREATE_TABLE", &complete);
  out->application = value_or("APPLICATION", "shop");
  out->fencing = value_or("FENCING", "none");
  out->lease_ms = number("LEASE_MS", 50, 600000, 3000, &complete);
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
  check("APP_REGION", out->region, 1, 63, LETTERS_AND_DIGITS "-", &complete);
  check_address("APP_ADDRESS", out->address, false, &complete);
  if (out->health_address != out->address) {
    check_address("HEALTH_ADDRESS", out->health_address, true, &complete);
  }
  check("TABLE", out->table, 3, 255, LETTERS_AND_DIGITS "_.-", &complete);
  check("APPLICATION", out->application, 1, 63, LETTERS_AND_DIGITS "-_.", &complete);
  if (strcmp(out->fencing, "none") != 0 && strcmp(out->fencing, "lease") != 0 &&
      strcmp(out->fencing, "transaction") != 0) {
    (void)fprintf(stderr, "items-service: FENCING=%s is none of none, lease and transaction\n",
                  out->fencing);
    complete = false;
  }
  check("AWS_REGION", out->aws_region, 1, 63, LETTERS_AND_DIGITS "-", &complete);
  check_printable("AWS_ACCESS_KEY_ID", out->access_key_id, 128, &complete);
  check_printable("AWS_SECRET_ACCESS_KEY", out->secret_access_key, 256, &complete);
  check_printable("AWS_SESSION_TOKEN", out->session_token, SETTINGS_TOKEN_MAX, &complete);
  if (out->endpoint != NULL) {
    check_endpoint(out->endpoint, &complete);
  }
  return complete;
}
