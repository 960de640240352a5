// SPDX-License-Identifier: Apache-2.0
//
// Where clients are, from a MaxMind database file (https://maxmind.github.io/MaxMind-DB/), through
// libmaxminddb.
//
// Thread-safety: immutable; locate() from any number of threads, without locks or allocation.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "routing/location.h"

namespace leeward::geo {

class GeoDatabase final : public routing::Locator {
 public:
  // kNotFound: no such file; kDataCorrupt: it is no such database; kInvalidArgument: a database
  // about something else (networks' owners, domains). The file may be renamed over while it is
  // open, never written to.
  static Result<std::unique_ptr<const GeoDatabase>> open(const std::string& path);

  GeoDatabase(const GeoDatabase&) = delete;
  GeoDatabase& operator=(const GeoDatabase&) = delete;
  ~GeoDatabase() override;

  [[nodiscard]] routing::Location locate(
      const routing::ClientNetwork& client) const noexcept override;

  // "GeoLite2-City, built 2026-11-20", for status pages.
  [[nodiscard]] std::string description() const;

 private:
  struct Handle;
  explicit GeoDatabase(std::unique_ptr<Handle> handle);

  std::unique_ptr<Handle> handle_;
};

}  // namespace leeward::geo
