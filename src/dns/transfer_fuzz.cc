// SPDX-License-Identifier: Apache-2.0
//
// Requests of secondaries: whatever the bytes, nothing is read outside of them, and what is not
// signed with the key is not accepted.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "dns/transfer.h"
#include "dns/tsig.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leeward;
  const std::span<const std::uint8_t> message(data, size);
  if (const auto request = dns::parse_transfer_request(message)) {
    const dns::TransferRecord record{request->zone.wire(), 1, 60, "abcd"};
    const std::vector<const dns::TransferRecord*> records{&record, &record};
    LEEWARD_CHECK(dns::transfer_messages(*request, records).size() == 1, "both fit into one");
  }
  if (const auto tsig = dns::find_tsig(message)) {
    static const dns::TsigSecret kKey{tsig->name, dns::TsigHash::kSha256,
                                      Secret("0123456789abcdef0123456789abcdef")};
    (void)dns::verify_tsig(message, *tsig, kKey, 1'800'000'000);
    std::vector<std::uint8_t> answer(message.begin(), message.end());
    dns::append_tsig_error(answer, *tsig, dns::TsigError::kBadSig);
  }
  return 0;
}
