// SPDX-License-Identifier: Apache-2.0
//
// Load on a DynamoDB endpoint: puts, conditional puts or gets over so many connections, at a rate
// or as fast as it goes. Prints one line of JSON: how many, how fast, p50 and p99.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "dynamodb/client.h"
#include "replica/stamp.h"

namespace {

namespace json = boost::json;
namespace dynamodb = leeward::dynamodb;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string url = "http://127.0.0.1:8101";
  std::string region = "eu-west-3";
  std::string table = "items";
  std::string mode = "put";
  std::string prefix = "k";
  std::string stamp_region = "BENCH";
  int keys = 10'000;
  int payload = 200;
  double rate = 0;  // of all connections together; 0: as fast as it goes
  double seconds = 5;
  int connections = 4;
};

struct Tally {
  std::vector<double> milliseconds;
  std::uint64_t failed = 0;
};

json::object request(const Options& options, std::uint64_t number) {
  const std::string key =
      fmt::format("{}{}", options.prefix, number % static_cast<std::uint64_t>(options.keys));
  if (options.mode == "get") {
    return {{"TableName", options.table}, {"Key", json::object{{"id", json::object{{"S", key}}}}}};
  }
  json::object item{
      {"id", json::object{{"S", key}}},
      {"value", json::object{{"S", std::string(static_cast<std::size_t>(options.payload), 'x')}}}};
  if (options.mode == "put") {
    return {{"TableName", options.table}, {"Item", std::move(item)}};
  }
  // As a replicator puts: only what is newer.
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  const std::string stamp = leeward::replica::format_stamp(
      {static_cast<std::uint64_t>(now.count()), 0, leeward::RegionId(options.stamp_region)});
  item["_r"] = json::object{{"S", stamp}};
  return {{"TableName", options.table},
          {"Item", std::move(item)},
          {"ConditionExpression", "attribute_not_exists(#r) OR #r < :r"},
          {"ExpressionAttributeNames", json::object{{"#r", "_r"}}},
          {"ExpressionAttributeValues", json::object{{":r", json::object{{"S", stamp}}}}},
          {"ReturnValues", "ALL_OLD"},
          {"ReturnValuesOnConditionCheckFailure", "ALL_OLD"}};
}

void drive(const Options& options, int index, Clock::time_point begin, Tally& tally) {
  const auto credentials = dynamodb::credentials_from_environment();
  if (!credentials) {
    fmt::print(stderr, "store_blast: {}\n", credentials.error().message);
    std::exit(2);
  }
  dynamodb::Client client({options.url, options.region}, *credentials);
  const std::string target =
      options.mode == "get" ? "DynamoDB_20120810.GetItem" : "DynamoDB_20120810.PutItem";
  const auto end = begin + std::chrono::duration<double>(options.seconds);
  const double interval = options.rate > 0 ? options.connections / options.rate : 0;
  for (std::uint64_t i = 0; Clock::now() < end; ++i) {
    if (interval > 0) {
      std::this_thread::sleep_until(
          begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
                      interval * (static_cast<double>(i) +
                                  static_cast<double>(index) / options.connections))));
    }
    const auto started = Clock::now();
    const auto answer =
        client.call(target,
                    request(options, i * static_cast<std::uint64_t>(options.connections) +
                                         static_cast<std::uint64_t>(index)),
                    std::chrono::seconds(5));
    const bool fine = answer || answer.error().failure == dynamodb::Failure::kConditionFailed;
    tally.failed += fine ? 0 : 1;
    tally.milliseconds.push_back(
        std::chrono::duration<double, std::milli>(Clock::now() - started).count());
  }
}

int run(const Options& options) {
  std::vector<Tally> tallies(static_cast<std::size_t>(options.connections));
  std::vector<std::thread> threads;
  const auto begin = Clock::now();
  for (int i = 0; i < options.connections; ++i) {
    threads.emplace_back(
        [&, i] { drive(options, i, begin, tallies[static_cast<std::size_t>(i)]); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
  std::vector<double> all;
  std::uint64_t failed = 0;
  for (const Tally& tally : tallies) {
    all.insert(all.end(), tally.milliseconds.begin(), tally.milliseconds.end());
    failed += tally.failed;
  }
  std::ranges::sort(all);
  const auto at = [&](double share) {
    return all.empty() ? 0.0
                       : all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))];
  };
  fmt::print("{}\n",
             json::serialize(json::object{{"calls", all.size()},
                                          {"failed", failed},
                                          {"per_second", static_cast<double>(all.size()) / elapsed},
                                          {"p50_ms", at(0.5)},
                                          {"p99_ms", at(0.99)}}));
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Load on a DynamoDB endpoint"};
  app.add_option("--url", options.url);
  app.add_option("--region", options.region, "the AWS region to sign for");
  app.add_option("--table", options.table);
  app.add_option("--mode", options.mode)->check(CLI::IsMember({"put", "conditional", "get"}));
  app.add_option("--prefix", options.prefix, "of the keys");
  app.add_option("--stamp-region", options.stamp_region, "of conditional puts");
  app.add_option("--keys", options.keys);
  app.add_option("--payload", options.payload, "bytes");
  app.add_option("--rate", options.rate, "calls per second; 0: as fast as it goes");
  app.add_option("--seconds", options.seconds);
  app.add_option("--connections", options.connections);
  CLI11_PARSE(app, argc, argv);
  return run(options);
}
