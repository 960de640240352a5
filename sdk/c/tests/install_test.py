#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Installs the library into a directory, and builds and runs consumers against it: by pkg-config and
by find_package, in C11 and in C++. Arguments: build directory, C compiler, C++ compiler."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

build, c_compiler, cxx_compiler = sys.argv[1:4]
CONSUMER = """#include <leeward/leeward.h>
#include <stdio.h>
int main(void) {
  leeward_options options;
  leeward_options_init(&options);
  options.region = "GRA11";
  leeward* health = 0;
  if (leeward_create(&options, &health) != LEEWARD_OK) return 1;
  printf("%s\\n", leeward_region(health));
  leeward_destroy(health);
  return 0;
}
"""
CMAKE = """cmake_minimum_required(VERSION 3.25)
project(consumer C)
find_package(Leeward REQUIRED)
add_executable(shared consumer.c)
target_link_libraries(shared PRIVATE Leeward::leeward)
add_executable(static consumer.c)
target_link_libraries(static PRIVATE Leeward::static)
"""


def run(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def flags(name):
    """Sanitizers must be the consumer's, too."""
    for line in (pathlib.Path(build) / "CMakeCache.txt").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return [f for f in line.split("=", 1)[1].split() if f.startswith("-fsanitize")]
    return []


with tempfile.TemporaryDirectory() as directory:
    root = pathlib.Path(directory)
    prefix = root / "moved"
    run("cmake", "--install", build, "--component", "sdk", "--prefix", root / "installed")
    shutil.move(root / "installed", prefix)  # nothing may remember where it was installed
    library_directory = next(prefix.rglob("libleeward.so")).parent
    environment = {**os.environ, "LD_LIBRARY_PATH": str(library_directory),
                   "PKG_CONFIG_PATH": str(library_directory / "pkgconfig")}
    (root / "consumer.c").write_text(CONSUMER)
    (root / "consumer.cc").write_text(CONSUMER)
    package = run("pkg-config", "--cflags", "--libs", "leeward", env=environment).split()
    for compiler, source, standard in ((c_compiler, "consumer.c", "-std=c11"), (cxx_compiler, "consumer.cc", "-std=c++17")):
        run(compiler, standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", *flags("CMAKE_C_FLAGS"), root / source,
            "-o", root / "consumer", *package)
        assert run(root / "consumer", env=environment) == "GRA11\n"
    (root / "CMakeLists.txt").write_text(CMAKE)
    run("cmake", "-S", root, "-B", root / "build", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_C_COMPILER={c_compiler}",
        f"-DCMAKE_C_FLAGS={' '.join(flags('CMAKE_C_FLAGS'))}")
    run("cmake", "--build", root / "build")
    for program in ("shared", "static"):
        assert run(root / "build" / program, env=environment) == "GRA11\n"
    exported = [line.split()[-1] for line in run("nm", "-D", "--defined-only", library_directory / "libleeward.so").splitlines()]
    strangers = [name for name in exported if not name.startswith(("leeward_", "__asan", "__odr", "_fini", "_init", "__start", "__stop"))]
    assert "leeward_create" in exported and not strangers, strangers
print("installed, found and linked in all four ways")
