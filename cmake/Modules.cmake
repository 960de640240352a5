# A module of src/ is one static library that may depend only on lower layers. Two tests hold it to
# that: tests/layers checks every #include, and a link test links each core library on its own.

# leeward_module(NAME SOURCES a.cc ... [DEPENDS base model ...] [LIBRARIES fmt::fmt ...] [CORE])
#   DEPENDS   modules of this project; LIBRARIES third-party targets;
#   CORE      layers 0 to 2: linked alone in a test, which catches hidden upward calls.
function(leeward_module name)
  cmake_parse_arguments(arg "CORE" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_library(leeward_${name} STATIC ${arg_SOURCES})
  add_library(leeward::${name} ALIAS leeward_${name})
  target_include_directories(leeward_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  set(module_targets ${arg_DEPENDS})
  list(TRANSFORM module_targets PREPEND leeward_)
  target_link_libraries(
    leeward_${name}
    PUBLIC ${module_targets} ${arg_LIBRARIES}
    PRIVATE leeward_warnings)
  # A core library must link alone: an undefined symbol is a hidden upward call.
  if(arg_CORE AND LEEWARD_TESTS)
    add_executable(link_${name} ${PROJECT_SOURCE_DIR}/tests/layers/empty_main.cc)
    target_link_libraries(link_${name} PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,leeward_${name}>)
    add_test(NAME layers.link.${name} COMMAND link_${name})
    set_tests_properties(layers.link.${name} PROPERTIES LABELS "layers")
  endif()
endfunction()

# Targets that scripts and CI ask for by name.
add_custom_target(threaded) # tests of what uses threads, for ThreadSanitizer
add_custom_target(fuzzers) # every fuzz target

# leeward_test(NAME SOURCES x_test.cc ... [LIBRARIES ...] [LABELS ...] [TIMEOUT seconds])
#   One GoogleTest binary, test_NAME, run as unit.NAME. LABELS threads: also run under
#   ThreadSanitizer.
function(leeward_test name)
  if(NOT LEEWARD_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_executable(test_${name} ${arg_SOURCES})
  target_link_libraries(test_${name} PRIVATE ${arg_LIBRARIES} GTest::gtest GTest::gmock
                                             GTest::gtest_main leeward_warnings)
  target_compile_definitions(test_${name} PRIVATE LEEWARD_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME unit.${name} COMMAND test_${name})
  set_tests_properties(unit.${name} PROPERTIES LABELS "unit;${arg_LABELS}" TIMEOUT ${arg_TIMEOUT})
  if("threads" IN_LIST arg_LABELS)
    add_dependencies(threaded test_${name})
  endif()
endfunction()

# leeward_script_test(NAME COMMAND script args ... [LABELS ...] [TIMEOUT seconds] [DEPENDS targets])
#   A test in Python or shell; it finds the built programs in LEEWARD_BIN and the tree in
#   LEEWARD_SOURCE. Exit status 77 means skipped, with the reason as its last line.
function(leeward_script_test name)
  if(NOT LEEWARD_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "" "TIMEOUT" "COMMAND;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_test(NAME ${name} COMMAND ${arg_COMMAND})
  set_tests_properties(
    ${name}
    PROPERTIES LABELS "${arg_LABELS}"
               TIMEOUT ${arg_TIMEOUT}
               SKIP_RETURN_CODE 77
               RUN_SERIAL ON
               ENVIRONMENT
               "LEEWARD_BIN=${CMAKE_BINARY_DIR}/bin;LEEWARD_SOURCE=${PROJECT_SOURCE_DIR};PYTHONPATH=${PROJECT_SOURCE_DIR}/tests/support"
  )
endfunction()

# leeward_fuzz(NAME SOURCE x_fuzz.cc [LIBRARIES ...]): a libFuzzer target, run for a few seconds by
# ctest in the fuzz preset. Its seed corpus is tests/fuzz/corpus/NAME. Stands in its module's
# CMakeLists.txt, beside the code that it feeds.
function(leeward_fuzz name)
  if(NOT LEEWARD_FUZZ)
    return()
  endif()
  cmake_parse_arguments(arg "" "SOURCE" "LIBRARIES" ${ARGN})
  add_executable(fuzz_${name} ${arg_SOURCE})
  target_link_libraries(fuzz_${name} PRIVATE ${arg_LIBRARIES} leeward_warnings)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzzers fuzz_${name})
  set(found ${CMAKE_BINARY_DIR}/corpus/${name})
  file(MAKE_DIRECTORY ${found})
  add_test(NAME fuzz.${name}
           COMMAND fuzz_${name} -max_total_time=${LEEWARD_FUZZ_SECONDS} -timeout=10
                   -rss_limit_mb=2048 -print_final_stats=1 ${found}
                   ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
  set_tests_properties(fuzz.${name} PROPERTIES LABELS "fuzz" TIMEOUT 300)
endfunction()
