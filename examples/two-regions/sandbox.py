# SPDX-License-Identifier: Apache-2.0
"""A network of its own for the world, because DynamoDB Local listens on every interface.

Three ways, best first: a named network namespace with a link to this host (root), an unnamed one
through user namespaces (anybody, where the kernel allows it; not reachable from the host), and none.
"""
import os
import shutil
import subprocess

NAME = "leeward-demo"
LINK = "leeward-demo0"
HOST_ADDRESS = "198.18.53.1"
ADDRESSES = {"dns": "198.18.53.53", "GRA11": "198.18.53.10", "RBX-A": "198.18.53.20"}
LOOPBACK_ADDRESSES = {"dns": "127.0.53.53", "GRA11": "127.0.53.10", "RBX-A": "127.0.53.20"}


def run(*command, check=True):
    return subprocess.run(command, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def succeeds(*command):
    try:
        return run(*command, check=False).returncode == 0
    except OSError:
        return False


class Sandbox:
    """kind: 'netns', 'userns' or 'none'. `enter` is the command prefix that runs inside."""

    def __init__(self, kind, reason=""):
        self.kind = kind
        self.reason = reason

    @staticmethod
    def create():
        if os.geteuid() == 0 and shutil.which("ip"):
            Sandbox("netns").destroy()  # of a run that was killed
            try:
                run("ip", "netns", "add", NAME)
                run("ip", "link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", NAME)
                run("ip", "address", "add", f"{HOST_ADDRESS}/24", "dev", LINK)
                run("ip", "link", "set", LINK, "up")
                for device in ("lo", "eth0"):
                    run("ip", "-n", NAME, "link", "set", device, "up")
                for address in ADDRESSES.values():
                    run("ip", "-n", NAME, "address", "add", f"{address}/24", "dev", "eth0")
                return Sandbox("netns")
            except (OSError, subprocess.CalledProcessError) as error:
                Sandbox("netns").destroy()
                reason = getattr(error, "stdout", None) or str(error)
        else:
            reason = "not root"
        if succeeds("unshare", "-Urn", "ip", "link", "set", "lo", "up"):
            return Sandbox("userns", reason.strip())
        return Sandbox("none", "no network namespace can be made here")

    @property
    def enter(self):
        if self.kind == "netns":
            return ["ip", "netns", "exec", NAME]
        if self.kind == "userns":
            adds = "; ".join(f"ip address add {a}/32 dev lo" for a in ADDRESSES.values())
            return ["unshare", "-Urn", "sh", "-c", f'ip link set lo up; {adds}; exec "$@"', "sh"]
        return []

    @property
    def addresses(self):
        return LOOPBACK_ADDRESSES if self.kind == "none" else ADDRESSES

    def describe(self):
        if self.kind == "netns":
            return f"network namespace {NAME}, reachable from this host"
        if self.kind == "userns":
            return f"a private network namespace, not reachable from this host ({self.reason})"
        return (f"NO network namespace ({self.reason}): DynamoDB Local now listens on all interfaces "
                "of this machine until the demo ends")

    def destroy(self):
        if self.kind == "netns":
            run("ip", "netns", "delete", NAME, check=False)
            run("ip", "link", "delete", LINK, check=False)
