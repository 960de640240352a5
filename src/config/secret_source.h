// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/schema.h"

namespace leeward::config {

// What a secret is, and where it is kept.
struct KeptSecret {
  SecretSource source;
  Secret value;
};

// {file: PATH} or {env: NAME}, read through Sources, without the line end; never printed. A problem
// and nullopt where it cannot be read or `check` refuses it.
std::optional<KeptSecret> read_secret(Reader& reader, const Node& node,
                                      Status (*check)(std::string_view));
[[nodiscard]] Value write_secret(const SecretSource& source);

// NAME: {file: PATH} or {env: NAME}.
template <typename Owner>
Key<Owner> secret_key(std::string name, SecretSource Owner::* source, Secret Owner::* value,
                      Status (*check)(std::string_view), std::string doc) {
  return {
      .name = std::move(name),
      .type = "{file: PATH} or {env: NAME}",
      .doc = std::move(doc),
      .read =
          [=](Reader& reader, const Node& node, Owner& owner) {
            if (auto kept = read_secret(reader, node, check)) {
              owner.*source = std::move(kept->source);
              owner.*value = std::move(kept->value);
            }
          },
      .write =
          [=](const Owner& owner) {
            return (owner.*value).empty() ? Value::absent() : write_secret(owner.*source);
          },
  };
}

// 16 to 4096 visible ASCII characters.
Status check_token(std::string_view value);

}  // namespace leeward::config
