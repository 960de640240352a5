# Every third-party library, found once. docs/adr/0003-dependencies.md says why each was chosen.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(CLI11 REQUIRED)
find_package(pugixml REQUIRED)
find_package(prometheus-cpp REQUIRED CONFIG)
pkg_check_modules(LDNS REQUIRED IMPORTED_TARGET ldns)
pkg_check_modules(MAXMINDDB REQUIRED IMPORTED_TARGET libmaxminddb)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
if(LEEWARD_TESTS)
  find_package(GTest REQUIRED)
  find_package(rapidcheck QUIET)
endif()

# Asio and Beast, header-only. Used by the shell alone (docs/adr/0003-dependencies.md).
add_library(leeward_asio INTERFACE)
target_link_libraries(leeward_asio INTERFACE Boost::headers Threads::Threads OpenSSL::SSL
                                             OpenSSL::Crypto)
target_compile_definitions(
  leeward_asio INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE
                         BOOST_BEAST_USE_STD_STRING_VIEW)
