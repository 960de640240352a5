// SPDX-License-Identifier: Apache-2.0
//
// What every command gets, and what most of them do with an answer.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include "cli/client.h"
#include "cli/render.h"

namespace leeward::cli {

struct Context {
  ClientOptions api;
  bool json = false;      // --output json
  bool terminal = false;  // standard output is one
  Style style;
};

// Prints on standard output, and flushes: a follower of a pipe sees it now.
void print(std::string_view text);

// Prints "leeward: ..." on standard error.
void complain(std::string_view text);

// The same of an error; the exit code that stands for the error.
int report(const Error& error);

// For an answer that is not 2xx: prints its problem's detail; the exit code that stands for it.
int report(const HttpAnswer& answer);

// GETs `path` and parses the answer. Otherwise reports and sets `exit_code`.
bool fetch(const Context& context, const std::string& path, boost::json::value& into,
           int& exit_code);

// Parses JSON from the network: bounded depth, no exceptions. False if it is not JSON.
bool parse_json(std::string_view text, boost::json::value& into);

}  // namespace leeward::cli
