// Which addresses the server may call on behalf of a definition.
//
// A definition must not become a way into the network behind the server: loopback, private,
// link-local, shared, documentation, multicast and reserved addresses are not public, and neither
// are IPv6 addresses that carry such an IPv4 address.
//
// Threads: thread-safe; resolve() blocks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::outbound {

// An IPv4 or IPv6 address as text, without brackets. False for what is no address.
bool is_public(std::string_view address);

// Every address of a host name, as text; at most 16. Fails with unavailable.
Result<std::vector<std::string>> resolve(const std::string& host);

}  // namespace sluice::outbound
