// SPDX-License-Identifier: Apache-2.0
//
// The admin API over the control plane of the tests, as a program: what OpenAPI and the CLI are
// tested against. Prints its port, serves until its standard input ends.
//   admin_test_server [--routes] [--tokens] [--tls CERTIFICATE KEY]
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "admin/api.h"
#include "admin/fake_control_plane.h"
#include "admin/router.h"

int main(int argc, char** argv) {
  using namespace leeward;
  config::ApiConfig config;
  config.listen = {"127.0.0.1", 0};
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument(argv[i]);
    if (argument == "--routes") {
      for (const admin::RouteInfo& route : admin::routes()) {
        std::printf("%s %s %s\n", route.method.c_str(), route.path.c_str(),
                    route.role ? std::string(config::to_string(*route.role)).c_str() : "anybody");
      }
      return 0;
    }
    if (argument == "--tokens") {
      config.tokens = {{"vera", config::Role::kViewer, {}, Secret("viewer-token")},
                       {"otto", config::Role::kOperator, {}, Secret("operator-token")},
                       {"ada", config::Role::kAdmin, {}, Secret("admin-token")}};
    } else if (argument == "--tls" && i + 2 < argc) {
      config.tls = config::TlsFiles{argv[i + 1], argv[i + 2]};
      i += 2;
    }
  }
  boost::asio::io_context io(1);
  admin::FakeControlPlane control;
  admin::EventLog events("test");
  control.events = &events;
  auto server = admin::ApiServer::start(io, config, control, events);
  if (!server) {
    static_cast<void>(std::fprintf(stderr, "%s\n", server.error().message.c_str()));
    return 1;
  }
  std::printf("%d\n", int{(*server)->port()});
  static_cast<void>(std::fflush(stdout));
  std::thread waiting([&] {
    while (std::getchar() != EOF) {
    }
    boost::asio::post(io, [&] { (*server)->stop(); });
  });
  io.run();
  waiting.join();
  return 0;
}
