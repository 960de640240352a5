# SPDX-License-Identifier: Apache-2.0
"""The demo's report: numbers of each fault, what was expected of them, and a page for a person."""
import json

# What must hold for the demo to succeed. Times are generous: a busy laptop must pass, a missed
# failover must not.
EXPECTATIONS = [
    ("the fault was detected", lambda f: f["detection_ms"] is not None),
    ("DNS answered with the other region within 5 s",
     lambda f: f["dns_flip_ms"] is not None and f["dns_flip_ms"] <= 5000),
    ("every user was served again within 15 s", lambda f: f["client_downtime_ms"] <= 15000),
    ("users wrote during the fault", lambda f: f["acknowledged_writes"] > 0),
    ("no acknowledged write was lost", lambda f: f["lost_writes"] == 0),
    ("users found all acknowledged writes that are older than 5 s", lambda f: f["rpo_ms"] <= 5000),
    ("writes were allowed again within 15 s",
     lambda f: f["writes_allowed_ms"] is not None and f["writes_allowed_ms"] <= 15000),
    ("the epoch grew", lambda f: f["epoch_after"] > f["epoch_before"]),
]


def judge(faults):
    """[(fault name, expectation, held)]"""
    return [(fault["name"], text, bool(holds(fault))) for fault in faults for text, holds in EXPECTATIONS]


WORLD_EXPECTATIONS = [
    ("replication lag was measured", lambda w: w["replication_lag_ms"]["p99"] > 0),
    ("the partition made conflicts", lambda w: w["conflicts"] > 0),
    ("every lost write is in the ledger, and nothing else",
     lambda w: w["ledger_is_exact"] and w["ledger_entries"] == w["conflicts"]),
]


def write(path, faults, facts):
    path.parent.mkdir(parents=True, exist_ok=True)
    verdicts = judge(faults) + [("partition", text, bool(holds(facts))) for text, holds in WORLD_EXPECTATIONS]
    document = {
        **facts,
        "faults": faults,
        "expectations": [{"fault": f, "expectation": e, "held": held} for f, e, held in verdicts],
        "succeeded": all(held for _, _, held in verdicts),
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
    return document


def number(value, unit="ms"):
    return "-" if value is None else f"{value:,.0f} {unit}" if unit else f"{value:,}"


ROWS = [
    ("fault to verdict", "detection_ms", "ms"),
    ("fault to first DNS answer with the other region", "dns_flip_ms", "ms"),
    ("longest time that a user went unserved", "client_downtime_ms", "ms"),
    ("fault to writes allowed in the other region", "writes_allowed_ms", "ms"),
    ("oldest acknowledged write missing there (RPO)", "rpo_ms", "ms"),
    ("requests of all users", "requests", ""),
    ("errors they saw", "errors", ""),
    ("writes acknowledged", "acknowledged_writes", ""),
    ("acknowledged writes lost", "lost_writes", ""),
    ("epoch before", "epoch_before", ""),
    ("epoch after", "epoch_after", ""),
]


def render(document):
    faults = document["faults"]
    width = max(len(label) for label, _, _ in ROWS)
    lines = ["", "Report", "======", ""]
    lines.append(" " * width + "".join(f"  {fault['name']:>16}" for fault in faults))
    for label, key, unit in ROWS:
        lines.append(f"{label:<{width}}" + "".join(f"  {number(fault[key], unit):>16}" for fault in faults))
    lag = document["replication_lag_ms"]
    lines += ["", f"replication lag                p50 {lag['p50']:.1f} ms, p99 {lag['p99']:.1f} ms",
              f"writes lost in the partition   {document['conflicts']}, in the conflict ledger "
              f"{document['ledger_entries']}"]
    lines.append("")
    failed = [e for e in document["expectations"] if not e["held"]]
    if not failed:
        lines.append(f"All {len(document['expectations'])} expectations held.")
    for entry in failed:
        lines.append(f"NOT HELD after {entry['fault']}: {entry['expectation']}")
    return "\n".join(lines)
