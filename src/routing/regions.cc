// SPDX-License-Identifier: Apache-2.0
#include "routing/regions.h"

#include <span>
#include <string>

namespace leeward::routing {
namespace {

struct Place {
  std::string_view name;
  GeoPoint point;
};

// AWS "Regions and Availability Zones"; the cities where the name is of a larger area.
constexpr Place kAws[] = {
    {"af-south-1", {-33.9F, 18.4F}},       // Cape Town
    {"ap-east-1", {22.3F, 114.2F}},        // Hong Kong
    {"ap-east-2", {25.0F, 121.5F}},        // Taipei
    {"ap-northeast-1", {35.7F, 139.7F}},   // Tokyo
    {"ap-northeast-2", {37.6F, 127.0F}},   // Seoul
    {"ap-northeast-3", {34.7F, 135.5F}},   // Osaka
    {"ap-south-1", {19.1F, 72.9F}},        // Mumbai
    {"ap-south-2", {17.4F, 78.5F}},        // Hyderabad
    {"ap-southeast-1", {1.3F, 103.8F}},    // Singapore
    {"ap-southeast-2", {-33.9F, 151.2F}},  // Sydney
    {"ap-southeast-3", {-6.2F, 106.8F}},   // Jakarta
    {"ap-southeast-4", {-37.8F, 145.0F}},  // Melbourne
    {"ap-southeast-5", {3.1F, 101.7F}},    // Malaysia (Kuala Lumpur)
    {"ap-southeast-6", {-36.8F, 174.8F}},  // New Zealand (Auckland)
    {"ap-southeast-7", {13.8F, 100.5F}},   // Thailand (Bangkok)
    {"ca-central-1", {45.5F, -73.6F}},     // Montreal
    {"ca-west-1", {51.0F, -114.1F}},       // Calgary
    {"cn-north-1", {39.9F, 116.4F}},       // Beijing
    {"cn-northwest-1", {37.5F, 105.2F}},   // Ningxia (Zhongwei)
    {"eu-central-1", {50.1F, 8.7F}},       // Frankfurt
    {"eu-central-2", {47.4F, 8.5F}},       // Zurich
    {"eu-north-1", {59.3F, 18.1F}},        // Stockholm
    {"eu-south-1", {45.5F, 9.2F}},         // Milan
    {"eu-south-2", {41.6F, -0.9F}},        // Spain (Zaragoza)
    {"eu-west-1", {53.3F, -6.3F}},         // Ireland (Dublin)
    {"eu-west-2", {51.5F, -0.1F}},         // London
    {"eu-west-3", {48.9F, 2.4F}},          // Paris
    {"eusc-de-east-1", {52.4F, 13.1F}},    // Brandenburg (Potsdam)
    {"il-central-1", {32.1F, 34.8F}},      // Tel Aviv
    {"me-central-1", {24.5F, 54.4F}},      // United Arab Emirates (Abu Dhabi)
    {"me-south-1", {26.2F, 50.6F}},        // Bahrain (Manama)
    {"mx-central-1", {20.6F, -100.4F}},    // Mexico (Querétaro)
    {"sa-east-1", {-23.5F, -46.6F}},       // São Paulo
    {"us-east-1", {39.0F, -77.5F}},        // Northern Virginia (Ashburn)
    {"us-east-2", {40.0F, -83.0F}},        // Ohio (Columbus)
    {"us-gov-east-1", {40.0F, -83.0F}},    // Ohio
    {"us-gov-west-1", {45.6F, -122.6F}},   // Northwest (Portland)
    {"us-west-1", {37.4F, -122.0F}},       // Northern California
    {"us-west-2", {45.8F, -119.7F}},       // Oregon (Boardman)
};

// The cities of AWS local zones: the fourth part of a group's name.
constexpr Place kLocalZones[] = {
    {"akl", {-36.8F, 174.8F}}, {"atl", {33.7F, -84.4F}},  {"bkk", {13.8F, 100.5F}},
    {"bos", {42.4F, -71.1F}},  {"bue", {-34.6F, -58.4F}}, {"ccu", {22.6F, 88.4F}},
    {"chi", {41.9F, -87.6F}},  {"cph", {55.7F, 12.6F}},   {"del", {28.6F, 77.2F}},
    {"den", {39.7F, -105.0F}}, {"dfw", {32.8F, -96.8F}},  {"ham", {53.6F, 10.0F}},
    {"han", {21.0F, 105.8F}},  {"hel", {60.2F, 24.9F}},   {"hnl", {21.3F, -157.9F}},
    {"iah", {29.8F, -95.4F}},  {"jnb", {-26.2F, 28.0F}},  {"las", {36.2F, -115.1F}},
    {"lax", {34.1F, -118.2F}}, {"lim", {-12.0F, -77.0F}}, {"los", {6.5F, 3.4F}},
    {"mci", {39.1F, -94.6F}},  {"mct", {23.6F, 58.4F}},   {"mia", {25.8F, -80.2F}},
    {"mnl", {14.6F, 121.0F}},  {"msp", {45.0F, -93.3F}},  {"nbo", {-1.3F, 36.8F}},
    {"nyc", {40.7F, -74.0F}},  {"per", {-32.0F, 115.9F}}, {"phl", {40.0F, -75.2F}},
    {"phx", {33.4F, -112.1F}}, {"pdx", {45.5F, -122.7F}}, {"qro", {20.6F, -100.4F}},
    {"scl", {-33.4F, -70.7F}}, {"sea", {47.6F, -122.3F}}, {"tpe", {25.0F, 121.5F}},
    {"waw", {52.2F, 21.0F}},
};

// OVHcloud: regions of three zones by their name, the older sites by their letters.
constexpr Place kOvh[] = {
    {"ap-south-mum", {19.1F, 72.9F}},  // Mumbai
    {"bhs", {45.3F, -73.9F}},          // Beauharnois
    {"ca-east-tor", {43.7F, -79.4F}},  // Toronto
    {"de", {50.1F, 8.7F}},             // Frankfurt (Limburg)
    {"eri", {51.5F, 0.2F}},            // Erith
    {"eu-south-mil", {45.5F, 9.2F}},   // Milan
    {"eu-west-par", {48.9F, 2.4F}},    // Paris
    {"gra", {51.0F, 2.1F}},            // Gravelines
    {"hil", {45.5F, -122.9F}},         // Hillsboro
    {"lim", {50.4F, 8.1F}},            // Limburg
    {"par", {48.9F, 2.4F}},            // Paris
    {"rbx", {50.7F, 3.2F}},            // Roubaix
    {"sbg", {48.6F, 7.8F}},            // Strasbourg
    {"sgp", {1.3F, 103.8F}},           // Singapore
    {"syd", {-33.9F, 151.2F}},         // Sydney
    {"tor", {43.7F, -79.4F}},          // Toronto
    {"uk", {51.5F, 0.2F}},             // London (Erith)
    {"us-east-va", {38.7F, -77.8F}},   // Vint Hill
    {"us-west-or", {45.5F, -122.9F}},  // Hillsboro
    {"vin", {38.7F, -77.8F}},          // Vint Hill
    {"waw", {52.2F, 21.0F}},           // Warsaw
    {"ynm", {19.1F, 72.9F}},           // Mumbai
};

std::optional<GeoPoint> find(std::span<const Place> places, std::string_view name) {
  for (const Place& place : places) {
    if (place.name == name) {
      return place.point;
    }
  }
  return std::nullopt;
}

// The name up to its n-th hyphen; empty: it has fewer.
std::string_view parts(std::string_view name, std::size_t n) {
  for (std::size_t at = 0; at < name.size(); ++at) {
    if (name[at] == '-' && --n == 0) {
      return name.substr(0, at);
    }
  }
  return {};
}

// "us-east-1-bos-1": the city, or where that is not known the region.
std::optional<GeoPoint> local_zone_point(std::string_view name) {
  const std::string_view region = parts(name, 3);
  if (region.empty()) {
    return std::nullopt;
  }
  const std::string_view rest = name.substr(region.size() + 1);
  const std::optional<GeoPoint> of_region = find(kAws, region);
  const std::optional<GeoPoint> of_city = find(kLocalZones, rest.substr(0, rest.find('-')));
  return of_region && of_city ? of_city : of_region;
}

// "gra11", "rbx-a", "eu-west-par-a", "us-east-va-1": the site without what counts it.
std::optional<GeoPoint> ovh_point(std::string_view name) {
  if (const std::string_view three = parts(name, 3); !three.empty()) {
    return find(kOvh, three);
  }
  if (const auto whole = find(kOvh, name)) {
    return whole;
  }
  const std::size_t letters = name.find_first_of("0123456789-");
  return find(kOvh, name.substr(0, letters));
}

}  // namespace

std::optional<GeoPoint> region_point(std::string_view region) {
  std::string name(region);
  for (char& c : name) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c;
  }
  if (const auto point = find(kAws, name)) {
    return point;
  }
  if (const auto point = local_zone_point(name)) {
    return point;
  }
  return ovh_point(name);
}

}  // namespace leeward::routing
