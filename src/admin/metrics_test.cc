// SPDX-License-Identifier: Apache-2.0
#include "admin/metrics.h"

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/fake_control_plane.h"

namespace leeward::admin {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, AreInPrometheusText) {
  const std::string text = format_metrics(FakeControlPlane().metrics());
  EXPECT_THAT(text, HasSubstr("# TYPE leeward_dns_queries_total counter\n"));
  EXPECT_THAT(text, HasSubstr("leeward_dns_queries_total{transport=\"udp\"} 1000\n"));
  EXPECT_THAT(text, HasSubstr("leeward_probes_total{outcome=\"refused\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("leeward_region_healthy{application=\"shop\",region=\"GRA11\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("leeward_region_gray{application=\"shop\",region=\"RBX-A\"} 0\n"));
  EXPECT_EQ(text.find("leeward_region_gray{application=\"shop\",region=\"GRA11\"}"),
            std::string::npos)
      << "nobody looks there";
  EXPECT_THAT(text, HasSubstr("leeward_application_epoch{application=\"shop\"} 2\n"));
}

TEST(Metrics, LabelsAreEscaped) {
  Metrics metrics;
  metrics.dns.responses["A\"B\\C\nD"] = 1;
  EXPECT_THAT(format_metrics(metrics), HasSubstr("{rcode=\"A\\\"B\\\\C\\nD\"} 1\n"));
}

TEST(Metrics, TheReferenceListsEveryNameAndNoOther) {
  std::ifstream file(LEEWARD_SOURCE_DIR "/docs/reference/metrics.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string document = text.str();
  const std::regex name("`(leeward_[a-z0-9_]+)`");
  std::set<std::string> documented;
  for (std::sregex_iterator it(document.begin(), document.end(), name), end; it != end; ++it) {
    documented.insert((*it)[1]);
  }
  const std::vector<std::string> names = metric_names();
  EXPECT_EQ(documented, std::set<std::string>(names.begin(), names.end()));
}

}  // namespace
}  // namespace leeward::admin
