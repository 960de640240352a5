// SPDX-License-Identifier: Apache-2.0
#include "dynamo.h"

#include <curl/curl.h>
#include <leeward/leeward.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ANSWER_MAX = 4 << 20, DIGEST = 32, LINE_MAX_SIZE = SETTINGS_TOKEN_MAX + 512 };

struct dynamo {
  const settings* from;
  CURL* curl;
  char host[256];
  char error[256];
  char* answer;
  size_t answer_size;
};

// ---- AWS Signature Version 4 ----

static void hex(const unsigned char* bytes, size_t size, char* out) {
  for (size_t i = 0; i < size; ++i) {
    (void)sprintf(out + 2 * i, "%02x", bytes[i]);
  }
}

static void sha256_hex(const char* text, size_t size, char out[2 * DIGEST + 1]) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(text, size, digest, &length, EVP_sha256(), NULL);
  hex(digest, DIGEST, out);
}

static void hmac(const void* key, size_t key_size, const char* text, unsigned char out[DIGEST]) {
  unsigned length = 0;
  HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char*)text, strlen(text), out, &length);
}

// The Authorization header's value. `target` and `date` ("20261123T114008Z") are headers, too.
static void sign(const dynamo* client, const char* target, const char* date, const char* body,
                 char* out, size_t size) {
  const settings* from = client->from;
  const bool token = from->session_token != NULL;
  char body_hash[2 * DIGEST + 1];
  char canonical[SETTINGS_TOKEN_MAX + 1024];
  char canonical_hash[2 * DIGEST + 1];
  char scope[128];
  char to_sign[512];
  char names[128];
  sha256_hex(body, strlen(body), body_hash);
  (void)snprintf(names, sizeof names, "content-type;host;x-amz-date;%sx-amz-target",
                 token ? "x-amz-security-token;" : "");
  (void)snprintf(canonical, sizeof canonical,
                 "POST\n/\n\ncontent-type:application/x-amz-json-1.0\nhost:%s\nx-amz-date:%s\n"
                 "%s%s%sx-amz-target:%s\n\n%s\n%s",
                 client->host, date, token ? "x-amz-security-token:" : "",
                 token ? from->session_token : "", token ? "\n" : "", target, names, body_hash);
  sha256_hex(canonical, strlen(canonical), canonical_hash);
  (void)snprintf(scope, sizeof scope, "%.8s/%s/dynamodb/aws4_request", date, from->aws_region);
  (void)snprintf(to_sign, sizeof to_sign, "AWS4-HMAC-SHA256\n%s\n%s\n%s", date, scope,
                 canonical_hash);

  char first_key[512];
  char day[9];
  unsigned char key[DIGEST];
  (void)snprintf(first_key, sizeof first_key, "AWS4%s", from->secret_access_key);
  (void)snprintf(day, sizeof day, "%.8s", date);
  hmac(first_key, strlen(first_key), day, key);
  hmac(key, DIGEST, from->aws_region, key);
  hmac(key, DIGEST, "dynamodb", key);
  hmac(key, DIGEST, "aws4_request", key);
  hmac(key, DIGEST, to_sign, key);
  char signature[2 * DIGEST + 1];
  hex(key, DIGEST, signature);
  (void)snprintf(out, size,
                 "authorization: AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                 from->access_key_id, scope, names, signature);
}

// ---- one call ----

static size_t receive(const char* data, size_t size, size_t count, void* to) {
  dynamo* client = to;
  const size_t more = size * count;
  if (client->answer_size + more > ANSWER_MAX) {
    return 0;
  }
  char* grown = realloc(client->answer, client->answer_size + more + 1);
  if (grown == NULL) {
    return 0;
  }
  client->answer = grown;
  memcpy(client->answer + client->answer_size, data, more);
  client->answer_size += more;
  client->answer[client->answer_size] = '\0';
  return more;
}

dynamo* dynamo_open(const settings* from) {
  dynamo* client = calloc(1, sizeof *client);
  if (client == NULL) {
    return NULL;
  }
  client->from = from;
  client->curl = curl_easy_init();
  if (client->curl == NULL) {
    free(client);
    return NULL;
  }
  const char* scheme_end = strstr(from->endpoint, "://");
  const char* host = scheme_end == NULL ? from->endpoint : scheme_end + 3;
  (void)snprintf(client->host, sizeof client->host, "%.*s", (int)strcspn(host, "/"), host);
  curl_easy_setopt(client->curl, CURLOPT_URL, from->endpoint);
  curl_easy_setopt(client->curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(client->curl, CURLOPT_PROXY, "");
  curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, 800L);
  curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT_MS, 300L);
  curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, client);
  return client;
}

void dynamo_close(dynamo* client) {
  if (client != NULL) {
    curl_easy_cleanup(client->curl);
    free(client->answer);
    free(client);
  }
}

static struct curl_slist* headers_of(const dynamo* client, const char* operation,
                                     const char* body) {
  char target[128];
  char date[32];
  char line[LINE_MAX_SIZE];
  const time_t now = time(NULL);
  struct tm utc;
  (void)gmtime_r(&now, &utc);
  (void)strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &utc);
  (void)snprintf(target, sizeof target, "DynamoDB_20120810.%s", operation);
  struct curl_slist* headers = curl_slist_append(NULL, "Expect:");
  headers = curl_slist_append(headers, "content-type: application/x-amz-json-1.0");
  // Curl's own would leave out a default port, which is signed.
  (void)snprintf(line, sizeof line, "host: %s", client->host);
  headers = curl_slist_append(headers, line);
  (void)snprintf(line, sizeof line, "x-amz-target: %s", target);
  headers = curl_slist_append(headers, line);
  (void)snprintf(line, sizeof line, "x-amz-date: %s", date);
  headers = curl_slist_append(headers, line);
  if (client->from->session_token != NULL) {
    (void)snprintf(line, sizeof line, "x-amz-security-token: %s", client->from->session_token);
    headers = curl_slist_append(headers, line);
  }
  sign(client, target, date, body, line, sizeof line);
  return curl_slist_append(headers, line);
}

static dynamo_status status_of(dynamo* client, long http_status, const cJSON* answer) {
  if (http_status == 200) {
    return DYNAMO_OK;
  }
  const char* type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "__type"));
  const char* message = cJSON_GetStringValue(cJSON_GetObjectItem(answer, "message"));
  (void)snprintf(client->error, sizeof client->error, "DynamoDB: HTTP %ld %.80s: %.120s",
                 http_status, type == NULL ? "" : type, message == NULL ? "" : message);
  if (type == NULL) {
    return DYNAMO_FAILED;
  }
  return leeward_is_fenced(client->answer, client->answer_size) ? DYNAMO_FENCED
         : strstr(type, "ResourceNotFound") != NULL             ? DYNAMO_NOT_FOUND
         : strstr(type, "ResourceInUse") != NULL                ? DYNAMO_IN_USE
                                                                : DYNAMO_FAILED;
}

dynamo_status dynamo_call(dynamo* client, const char* operation, const cJSON* body,
                          cJSON** answer) {
  *answer = NULL;
  client->answer_size = 0;
  char* text = cJSON_PrintUnformatted(body);
  if (text == NULL) {
    (void)snprintf(client->error, sizeof client->error, "out of memory");
    return DYNAMO_FAILED;
  }
  const dynamo_status status = dynamo_send(client, operation, text, answer);
  cJSON_free(text);
  return status;
}

dynamo_status dynamo_send(dynamo* client, const char* operation, const char* text, cJSON** answer) {
  *answer = NULL;
  client->answer_size = 0;
  struct curl_slist* headers = headers_of(client, operation, text);
  curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(text));
  curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, text);
  const CURLcode code = curl_easy_perform(client->curl);
  curl_slist_free_all(headers);
  if (code != CURLE_OK) {
    (void)snprintf(client->error, sizeof client->error, "DynamoDB at %.100s: %s",
                   client->from->endpoint, curl_easy_strerror(code));
    return DYNAMO_FAILED;
  }
  long http_status = 0;
  curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &http_status);
  *answer =
      client->answer_size == 0 ? NULL : cJSON_ParseWithLength(client->answer, client->answer_size);
  if (*answer == NULL && http_status == 200) {
    (void)snprintf(client->error, sizeof client->error, "DynamoDB answered with no JSON");
    return DYNAMO_FAILED;
  }
  return status_of(client, http_status, *answer);
}

const char* dynamo_answer(const dynamo* client) {
  return client->answer_size == 0 ? "" : client->answer;
}

const char* dynamo_error(const dynamo* client) {
  return client->error;
}
