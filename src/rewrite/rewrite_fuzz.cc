// SPDX-License-Identifier: Apache-2.0
//
// First line: the operation. Second: the client's request. The rest: the store's answers, a line
// each. Whatever they hold, an exchange ends or asks on, and no tombstone comes out.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <boost/json/parse.hpp>

#include "base/check.h"
#include "rewrite/exchange.h"

namespace {

using namespace leeward;  // NOLINT: a fuzz target of one namespace
namespace json = boost::json;

class OneTable final : public rewrite::TableLookup {
 public:
  const rewrite::ReplicatedTable* find(std::string_view name) const override {
    return name == "t" ? &table_ : nullptr;
  }

 private:
  rewrite::ReplicatedTable table_{"t", {"pk"}, ""};
};

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return line;
}

json::object parse(std::string_view line) {
  boost::system::error_code bad;
  const json::value value = json::parse(json::string_view(line.data(), line.size()), bad);
  return !bad && value.is_object() ? value.get_object() : json::object();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view operation = take_line(text);
  const OneTable tables;
  auto planned = rewrite::plan(operation, parse(take_line(text)), tables);
  auto* exchange = std::get_if<std::unique_ptr<rewrite::Exchange>>(&planned);
  if (exchange == nullptr || *exchange == nullptr) {
    return 0;
  }
  rewrite::StampClock clock{RegionId("A")};
  const WallTime now{std::chrono::seconds(1'795'434'008)};
  rewrite::Step step = (*exchange)->start(clock, now);
  for (int round = 0; round < 40; ++round) {
    const auto* requests = std::get_if<std::vector<rewrite::Request>>(&step);
    if (requests == nullptr) {
      const auto& body = std::get<rewrite::Answer>(step).body;
      if (const json::value* item = body.if_contains("Item");
          item != nullptr && operation == "GetItem") {
        LEEWARD_CHECK(!item->is_object() || !item->get_object().contains("_del"), "hidden");
      }
      return 0;
    }
    std::vector<rewrite::Answer> answers;
    for (std::size_t i = 0; i < requests->size(); ++i) {
      const std::string_view line = take_line(text);
      answers.push_back(
          {line.starts_with('4') ? 400 : 200, parse(line.empty() ? line : line.substr(1))});
    }
    step = (*exchange)->on_answers(std::move(answers), clock, now);
  }
  LEEWARD_CHECK(false, "an exchange ends");
  return 0;
}
