// SPDX-License-Identifier: Apache-2.0
//
// Calls about tables and global tables (versions 2019.11.21 and 2017.11.29), answered with the help
// of the own store and the other regions. Private to this module.
//
// A replica's ReplicaStatus is CREATING until the other region says that its table is ACTIVE; that
// its items have all arrived is the replicator's to tell.
//
// Thread-safety: none; belongs to its worker's thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "gateway/aws_error.h"
#include "gateway/calls.h"

namespace leeward::gateway {

class TableCalls {
 public:
  TableCalls(Shared& shared, Calls& calls) : shared_(shared), calls_(calls) {}

  // `operation` is one of Handling::kTable.
  Task<rewrite::Answer> call(std::string_view operation, boost::json::object body);

 private:
  using Object = boost::json::object;
  using Answer = rewrite::Answer;
  using Outcome = std::expected<void, AwsError>;
  using Described = std::expected<Object, Answer>;  // a table's description, or the store's refusal

  // table_calls.cc
  Task<Answer> create_table(Object body);
  Task<Answer> describe_table(Object body);
  Task<Answer> list_tables(Object body);
  Task<Answer> delete_table(Object body);
  Task<Answer> update_table(Object body);
  Task<Answer> update_time_to_live(Object body);
  Task<void> repeat_in_replicas(std::string table, std::string_view operation, Object body);
  void show(Object& description);

  // replica_calls.cc
  Task<Answer> update_replicas(Object body);
  Task<Answer> add_replica(std::string table, std::string region);
  Task<Answer> remove_replica(std::string table, std::string region);
  Task<Outcome> make_replica(const Object& description, const std::string& region);
  Task<Outcome> enable_stream(std::string_view region, const Object& description);
  Task<Outcome> write_entry(std::string_view region, const GlobalTable& table);
  Task<Outcome> erase_entry(std::string_view region, const std::string& table);
  Task<Outcome> make_registry_table(std::string_view region);
  Task<Outcome> write_others(const GlobalTable& table);
  Task<Described> describe(std::string_view region, const std::string& table);

  // legacy_calls.cc
  Task<Answer> create_global_table(Object body);
  Task<Answer> update_global_table(Object body);
  Answer describe_global_table(const Object& body);
  Answer list_global_tables(const Object& body);
  Answer global_table_settings(const Object& body);
  Task<Outcome> check_legacy_member(const Object* first, const std::string& table,
                                    const std::string& region, Object& description);
  Object describe_legacy(const GlobalTable& table);

  // Leeward's name of an AWS region that this gateway knows; empty: unknown.
  [[nodiscard]] std::string leeward_name(std::string_view aws_region) const;
  [[nodiscard]] std::string aws_name(std::string_view region) const;
  [[nodiscard]] std::string known_aws_regions() const;
  [[nodiscard]] const std::string& own() const { return shared_.options.region.str(); }

  Shared& shared_;
  Calls& calls_;
};

// Asks the regions of tables that are being created whether they are there yet.
Task<void> watch_creation(Calls& calls);

[[nodiscard]] inline rewrite::Answer to_answer(const AwsError& error) {
  return {error.status, to_json(error)};
}

}  // namespace leeward::gateway
