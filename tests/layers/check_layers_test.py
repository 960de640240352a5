#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants each kind of violation in a small tree and expects the checker to name it."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check_layers  # noqa: E402


class CheckLayers(unittest.TestCase):
    def problems(self, path, text):
        with tempfile.TemporaryDirectory() as directory:
            file = pathlib.Path(directory) / "src" / path
            file.parent.mkdir(parents=True)
            file.write_text(text)
            return check_layers.check_tree(pathlib.Path(directory))

    def assert_names(self, path, text, expected):
        problems = self.problems(path, text)
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(expected, problems[0])

    def test_clean(self):
        self.assertEqual(self.problems("dns/a.cc", '#include "routing/x.h"\n#include "base/y.h"\n'), [])

    def test_upward(self):
        self.assert_names("dns/a.cc", '#include "server/x.h"\n', "downwards only")

    def test_sideways(self):
        self.assert_names("detect/a.cc", '\n#include "failover/x.h"\n', "a.cc:2: detect (L2)")

    def test_reverse_of_the_exception(self):
        self.assert_names("routing/a.h", '#include "dns/x.h"\n', "may not include dns")

    def test_relative_include(self):
        self.assert_names("dns/a.cc", '#include "x.h"\n', '"dns/x.h"')

    def test_unknown_module(self):
        self.assert_names("utils/a.cc", "", "not a module")

    def test_clock_in_the_core(self):
        self.assert_names("failover/a.cc", "auto t = std::chrono::steady_clock::now();\n", "pass `now` in")

    def test_thread_in_the_core(self):
        self.assert_names("detect/a.cc", "#include <mutex>\n", "belong to the shell")

    def test_log_in_the_core(self):
        self.assert_names("config/a.cc", "#include <spdlog/spdlog.h>\n", "the shell logs it")

    def test_the_shell_may(self):
        self.assertEqual(self.problems("probe/a.cc", "#include <mutex>\n#include <boost/asio.hpp>\n"), [])


if __name__ == "__main__":
    unittest.main()
