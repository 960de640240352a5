# SPDX-License-Identifier: Apache-2.0
"""Runs admin_test_server for the tests beside this file."""
import os
import pathlib
import subprocess

BIN = pathlib.Path(os.environ["LEEWARD_BIN"])
SOURCE = pathlib.Path(os.environ["LEEWARD_SOURCE"])


class AdminServer:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([BIN / "admin_test_server", *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0
        self.process.stdout.close()
