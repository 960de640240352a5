#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a module includes something it may not depend on.

The rule, in one table: a module may include modules of lower layers, and the ones named in ALLOWED
of its own layer. The core (layers 0 to 2) may not touch clocks, sockets, threads or logs.
"""
import pathlib
import re
import sys

LAYERS = {
    "base": 0,
    "model": 1,
    "detect": 2, "routing": 2, "dns": 2, "failover": 2, "replica": 2, "rewrite": 2,
    "tables": 2, "controls": 2, "sigv4": 2, "config": 2,
    "geo": 3, "server": 3, "probe": 3, "state": 3, "mesh": 3, "dynamodb": 3, "providers": 3,
    "route53": 3, "admin": 3, "drill": 3, "load": 3,
    "gateway": 3, "replication": 3, "fence": 3, "lag": 3, "table_manager": 3,
    "node": 4, "plan": 4, "sim": 4, "cli": 4,
}
# Within one layer: dns walks routing's trees; that is the whole point of both.
# rewrite puts replica's stamps on writes. The shells of the data half all call DynamoDB through its client.
ALLOWED = {
    ("dns", "routing"), ("rewrite", "replica"),
    ("gateway", "dynamodb"), ("replication", "dynamodb"), ("fence", "dynamodb"), ("lag", "dynamodb"),
    ("table_manager", "dynamodb"),
    # load opens the database of client locations that the config names.
    ("load", "geo"),
    # The API keeps what it has in the state store.
    ("route53", "state"),
}

# The core decides on values alone. Each ban names what to use instead.
CORE_BANS = {
    r'#include\s*<(thread|mutex|shared_mutex|condition_variable|future|stop_token|semaphore)>':
        "threads belong to the shell (layer 3)",
    r'#include\s*<(random|iostream|fstream|ctime)>':
        "take base/rng.h, base/time.h or text as an argument",
    r'#include\s*<(sys/socket|netinet/in|unistd|arpa/inet|sys/epoll|netdb)\.h>':
        "sockets belong to the shell; addresses are text or bytes in the core",
    r'#include\s*<boost/asio|#include\s*<boost/beast': "Asio belongs to the shell",
    r'#include\s*<spdlog': "the core returns what happened; the shell logs it",
    r'(steady_clock|system_clock|high_resolution_clock)\s*::\s*now': "pass `now` in",
    r'\bclock_gettime\s*\(|\bgettimeofday\s*\(|[^_\w.]time\s*\(\s*(nullptr|NULL|0)\s*\)':
        "pass `now` in",
}
# config reads ids and text only; dns may include the resolver's constants.
CORE_BAN_EXCEPTIONS = {
    # inet_pton, a pure function of text, is declared there.
    ("arpa/inet.h", "dns"), ("arpa/inet.h", "config"), ("arpa/inet.h", "routing"),
    ("netinet/in.h", "dns"), ("netinet/in.h", "config"), ("netinet/in.h", "routing"),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def may_include(module, other):
    if module == other or (module, other) in ALLOWED:
        return True
    return LAYERS[other] < LAYERS[module]


def excepted(text, module):
    return any(header in text and module == owner for header, owner in CORE_BAN_EXCEPTIONS)


def check_file(path, module):
    """All violations of one file, as lines for a person."""
    text = path.read_text(encoding="utf-8")
    problems = []
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start(1)) + 1
        target = match.group(1)
        other = target.split("/")[0]
        if "/" not in target:
            problems.append(f'{path}:{line}: write the include as "{module}/{target}"')
        elif other == "leeward":
            problems.append(f"{path}:{line}: the daemon may not depend on the C library")
        elif other not in LAYERS:
            problems.append(f'{path}:{line}: "{target}" is not in a module of src/')
        elif not may_include(module, other):
            problems.append(
                f"{path}:{line}: {module} (L{LAYERS[module]}) may not include {other} "
                f"(L{LAYERS[other]}): dependencies run downwards only")
    if LAYERS[module] <= 2 and not path.name.endswith("_test.cc"):
        for pattern, instead in CORE_BANS.items():
            for match in re.finditer(pattern, text):
                if excepted(match.group(0), module):
                    continue
                line = text.count("\n", 0, match.start()) + 1
                problems.append(f"{path}:{line}: {match.group(0).strip()!r} in the core: {instead}")
    return problems


def check_tree(root):
    problems = []
    files = 0
    for directory in sorted((root / "src").iterdir()):
        if not directory.is_dir():
            continue
        if directory.name not in LAYERS:
            problems.append(f"{directory}: not a module; add it to LAYERS with its layer")
            continue
        for path in sorted(directory.rglob("*")):
            if path.suffix in (".h", ".cc"):
                files += 1
                problems += check_file(path, directory.name)
    if files == 0 and not problems:
        problems.append(f"{root}/src: no sources found")
    return problems


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    problems = check_tree(root)
    for problem in problems:
        print(problem.replace(f"{root}/", ""))
    print(f"{len(problems)} layer violation(s)")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
