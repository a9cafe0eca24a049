#include "outbound/address.h"

#include <doctest/doctest.h>

using namespace sluice::outbound;

TEST_CASE("addresses of the world are public") {
  for (const char* address : {"8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "192.169.0.1",
                              "2606:4700::1111", "2002:808:808::1", "::ffff:8.8.8.8"})
    CHECK_MESSAGE(is_public(address), address);
}

TEST_CASE("addresses of this machine, of a private network and of none are not public") {
  for (const char* address : {"127.0.0.1",
                              "127.255.255.254",
                              "10.1.2.3",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.1.1",
                              "169.254.169.254",
                              "100.64.0.1",
                              "0.0.0.0",
                              "224.0.0.1",
                              "255.255.255.255",
                              "198.18.0.1",
                              "192.0.2.1",
                              "::1",
                              "::",
                              "fe80::1",
                              "fc00::1",
                              "fd12::1",
                              "ff02::1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1",
                              "64:ff9b::a00:1",
                              "2002:a00:1::1",
                              "2001:db8::1",
                              "2001::1",
                              "localhost",
                              "",
                              "8.8.8.8 "})
    CHECK_MESSAGE(!is_public(address), address);
}
