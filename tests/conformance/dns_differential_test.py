# SPDX-License-Identifier: Apache-2.0
"""Leeward answers as BIND, Knot DNS and NSD do: the same zone, thousands of generated queries.

Where the three agree, Leeward must agree with them. Where they do not, DIFFERENCES says why, and with whom Leeward goes.
What Leeward alone does is there, too. A difference that no query shows any more fails the test. The seed is fixed;
LEEWARD_SEED and LEEWARD_QUERIES ask something else."""
import collections
import contextlib
import os
import pathlib
import random
import socket
import subprocess
import sys
import unittest

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.zone

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from dns_servers import Bind, Knot, Leeward, LeewardApi, Nsd  # noqa: E402

ZONE_FILE = pathlib.Path(__file__).with_suffix("").parent / "dns_differential.zone"
ORIGIN = dns.name.from_text("diff.test.")
SEED = int(os.environ.get("LEEWARD_SEED", "4"))
QUERIES = int(os.environ.get("LEEWARD_QUERIES", "3000"))
TYPES = ("A AAAA CAA CNAME DS HTTPS MX NAPTR NS PTR SOA SPF SRV SSHFP SVCB TLSA TXT DNSKEY NSEC RRSIG HINFO LOC "
         "DNAME TYPE65280 ANY").split()

Query = collections.namedtuple("Query", "name rdtype payload dnssec transport")
Answer = collections.namedtuple("Answer", "rcode aa tc answer authority glue")

# name -> (why, with whom Leeward goes, does it apply to this query?)
DIFFERENCES = {}


def difference(like):
    def add(applies):
        DIFFERENCES[applies.__name__] = (applies.__doc__, like, applies)
        return applies
    return add


@difference(like={"knot", "nsd"})
def alias_loop(query, answers):
    """An alias that ends in itself. BIND gives up with SERVFAIL; the others give the aliases and let the resolver see it,
    which RFC 1034 (3.6.2: "should be handled as an error" by whoever follows them) leaves open."""
    return any(name.startswith(("loop1.", "loop2.", "self.")) and kind == "CNAME" for name, kind, _, _ in answers["bind"].answer)


@difference(like={"knot", "nsd"})
def soa_of_no_name(query, answers):
    """BIND gives the SOA in a negative answer to a question for SOA the TTL 0, so that nobody looks for the start of a zone
    in a cache. RFC 2308 (section 3) asks for min(TTL, MINIMUM), which is what the others send."""
    return query.rdtype == "SOA" and any(kind == "SOA" and ttl == 0 for _, kind, ttl, _ in answers["bind"].authority)


@difference(like={"nsd"})
def signature_types_at_an_alias(query, answers):
    """NSEC and RRSIG may stand beside a CNAME (RFC 4035, 2.5). In a zone that is not signed they never do, so that NSD and
    Leeward follow the alias as for any other type; BIND and Knot DNS look no further than the name itself."""
    return query.rdtype in ("NSEC", "RRSIG") and any(kind == "CNAME" for _, kind, _, _ in answers["nsd"].answer)


@difference(like=set())
def any_is_answered_minimally(query, answers):
    """ANY may be answered with a part of what there is: one record set (RFC 8482, 4.1), over TCP, too, as small as can be.
    BIND gives everything, Knot DNS and NSD choose other sets than Leeward does here and there."""
    mine = answers["leeward"].answer
    return query.rdtype == "ANY" and mine < answers["bind"].answer and len({kind for _, kind, _, _ in mine}) == 1


def records(section):
    """As a set of (name, type, TTL, data), names in lower case; signatures and digests of nothing do not occur here."""
    return frozenset((rrset.name.to_text().lower(), dns.rdatatype.to_text(rrset.rdtype), rrset.ttl, data.to_text().lower())
                     for rrset in section for data in rrset)


def essence(response):
    """What must be the same. Optional: the apex's NS beside an answer, addresses beside MX and SRV (RFC 2181, 5.4.1;
    RFC 1034, 4.3.2 step 6): only a referral's own addresses are needed by anybody."""
    answer, authority = records(response.answer), records(response.authority)
    referral = any(kind == "NS" and name != str(ORIGIN) for name, kind, _, _ in authority)
    if answer:
        authority = frozenset(r for r in authority if not (r[1] == "NS" and r[0] == str(ORIGIN)))
    below = [name for name, kind, _, _ in authority if kind == "NS"]
    glue = records(response.additional) if referral else frozenset()
    glue = frozenset(r for r in glue if any(r[0].endswith("." + name) for name in below))
    tc = bool(response.flags & dns.flags.TC)
    if tc:  # what fits into a truncated message is the server's business: the client comes back over TCP
        answer = authority = glue = frozenset()
    return Answer(dns.rcode.to_text(response.rcode()), bool(response.flags & dns.flags.AA), tc, answer, authority, glue)


def ask(server, query):
    message = dns.message.make_query(query.name, query.rdtype)
    message.flags &= ~dns.flags.RD
    if query.payload:
        message.use_edns(0, dns.flags.DO if query.dnssec else 0, query.payload)
    how = dns.query.udp if query.transport == "udp" else dns.query.tcp
    response = how(message, "127.0.0.1", port=server.port, timeout=10)
    return response


class Generator:
    """Names of the zone, names near them, names like nothing in it; asked for every type in every way."""

    def __init__(self, zone, seed):
        self.random = random.Random(seed)
        self.names = sorted({name for name in zone.nodes} | {parent for name in zone.nodes for parent in parents(name)})

    def name(self):
        name = self.random.choice(self.names)
        for _ in range(self.random.choice((0, 0, 0, 1, 1, 2))):
            name = self.random.choice((self.below, self.beside, self.above, self.joined))(name)
        text = name.to_text()
        if self.random.random() < 0.2:  # 0x20
            text = "".join(self.random.choice((c.upper(), c.lower())) for c in text)
        return dns.name.from_text(text)

    def label(self):
        return self.random.choice([b"x", b"*", b"www", b"a", b"ns", b"_tcp", b"er", b"inner", b"zz-top", b"\x00", b"e.f"])

    def below(self, name):
        return dns.name.Name((self.label(),) + name.labels)

    def beside(self, name):
        return dns.name.Name((self.label(),) + name.labels[1:]) if name != ORIGIN else name

    @staticmethod
    def above(name):
        return name.parent() if name != ORIGIN else name

    def joined(self, name):
        other = self.random.choice(self.names)
        labels = other.labels[:-len(ORIGIN.labels)]
        return dns.name.Name(labels[-1:] + name.labels) if labels else name

    def query(self):
        payload = self.random.choice((None, 512, 1232, 4096))
        return Query(self.name(), self.random.choice(TYPES), payload, payload is not None and self.random.random() < 0.4,
                     "tcp" if self.random.random() < 0.1 else "udp")


def parents(name):
    while name != ORIGIN:
        name = name.parent()
        yield name


class DifferentialTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        missing = [each.name for each in (Bind, Knot, Nsd) if each.is_missing()]
        if missing:
            raise unittest.SkipTest(f"not installed: {missing}")
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        start = lambda kind: stack.enter_context(kind(ORIGIN.to_text(omit_final_dot=True), ZONE_FILE))  # noqa: E731
        cls.peers = [start(Bind), start(Knot), start(Nsd)]
        cls.ours = [start(Leeward), start(LeewardApi)]
        cls.zone = dns.zone.from_file(str(ZONE_FILE), ORIGIN, relativize=False)

    def compare(self, queries):
        """(how often each difference was seen, what no difference explains)"""
        seen, wrong = collections.Counter(), []
        for query in queries:
            answers = {server.name: essence(ask(server, query)) for server in (*self.peers, *self.ours)}
            if len(set(answers.values())) == 1:
                continue
            names = [name for name, (_, _, applies) in DIFFERENCES.items() if applies(query, answers)]
            like = DIFFERENCES[names[0]][1] if len(names) == 1 else None
            expected = {answers[name] for name in like} if like else None
            mine = {answers[server.name] for server in self.ours}
            if len(names) == 1 and len(mine) == 1 and (expected == mine or like == set()):
                seen.update(names)
            else:
                wrong.append(describe(query, names, answers))
        return seen, wrong

    def test_generated_queries(self):
        generator = Generator(self.zone, SEED)
        queries = [generator.query() for _ in range(QUERIES)]
        # Every name with every type, once, so that no answer that exists is left to luck.
        queries += [Query(name, kind, 4096, False, "udp") for name in generator.names for kind in TYPES]
        seen, wrong = self.compare(queries)
        print(f"{len(queries)} queries (seed {SEED}) to {len(self.ours)} Leewards and {len(self.peers)} peers; differences: "
              f"{dict(seen)}; unexplained: {len(wrong)}")
        self.assertEqual(wrong[:10], [], f"{len(wrong)} unexplained differences\n" + "\n".join(wrong[:10]))
        self.assertEqual([name for name in DIFFERENCES if not seen[name]], [], "differences that nothing shows any more")

    def test_a_wrong_answer_is_noticed(self):
        """The comparison itself: a record more, a TTL, a bit."""
        query = Query(dns.name.from_text("www.diff.test."), "A", 1232, False, "udp")
        right = essence(ask(self.ours[0], query))
        more = frozenset({*right.answer, ("www.diff.test.", "A", 300, "192.0.2.1")})
        other_ttl = frozenset((name, kind, ttl + 1, data) for name, kind, ttl, data in right.answer)
        for wrong in (right._replace(answer=more), right._replace(answer=other_ttl), right._replace(aa=False),
                      right._replace(rcode="NXDOMAIN")):
            answers = {server.name: right for server in self.peers} | {"leeward": wrong, "leeward-api": wrong}
            self.assertEqual([name for name, (_, _, applies) in DIFFERENCES.items() if applies(query, answers)], [])
            self.assertGreater(len(set(answers.values())), 1)

    def test_dig_and_kdig_print_every_type(self):
        """Two more readers of the wire format print every record set of the zone as they print Knot DNS's."""
        knot = next(peer for peer in self.peers if peer.name == "knot")
        for name, node in sorted(self.zone.nodes.items()):
            for rdataset in node:
                kind = dns.rdatatype.to_text(rdataset.rdtype)
                for tool in ("dig", "kdig"):
                    with self.subTest(name=name.to_text(), kind=kind, tool=tool):
                        printed = [run(tool, server.port, name, kind) for server in (knot, *self.ours)]
                        self.assertTrue(printed[0] or kind == "NS" or "sub" in name.to_text())
                        self.assertEqual(printed[1], printed[0])
                        self.assertEqual(printed[2], printed[0])

    def test_unusual_messages(self):
        """Not what zones say but what messages may look like: the rcode is what the peers agree about."""
        for what, message in unusual():
            with self.subTest(what=what):
                theirs = {server.name: rcode_of(server, message) for server in self.peers}
                for server in self.ours:
                    self.assertIn(rcode_of(server, message), UNUSUAL.get(what, set(theirs.values())), theirs)


# What may differ there, and why.
UNUSUAL = {
    # CHAOS is off (it names software to attackers); BIND and Knot DNS answer it from built-in zones.
    "version.bind in class CH": {"REFUSED"},
    # RFC 6895 leaves the choice to whoever does not implement an opcode: NOTIMP, as RFC 1035 has it.
    "opcode STATUS": {"NOTIMP"},
    "opcode 9": {"NOTIMP"},
    # Leeward takes neither updates nor orders from primaries.
    "UPDATE": {"NOTIMP", "REFUSED"},
    "NOTIFY": {"NOTIMP", "REFUSED", "NOTAUTH"},
}


def unusual():
    def query(name="www.diff.test.", kind="A", rdclass="IN", **edns):
        message = dns.message.make_query(name, kind, rdclass)
        if edns:
            message.use_edns(**edns)
        return message
    yield "a name of no zone", query("www.elsewhere.example.")
    yield "the root", query(".", "NS")
    yield "the parent", query("test.", "SOA")
    yield "version.bind in class CH", query("version.bind.", "TXT", "CH")
    yield "class HS", query(rdclass="HS")
    yield "class NONE", query(rdclass="NONE")
    yield "EDNS version 1", query(edns=1)
    yield "an EDNS option of no meaning", query(edns=0, options=[dns.edns.GenericOption(65001, b"x" * 40)])
    yield "a payload size of 0", query(edns=0, payload=0)
    for opcode, what in ((2, "opcode STATUS"), (9, "opcode 9"), (5, "UPDATE"), (4, "NOTIFY")):
        message = query(kind="SOA")
        message.set_opcode(opcode)
        yield what, message
    for bit in ("RD", "CD", "AD", "TC", "RA", "AA"):
        message = query()
        message.flags |= getattr(dns.flags, bit)
        yield f"the bit {bit}", message


def rcode_of(server, message):
    wire = bytearray(message.to_wire())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(wire, ("127.0.0.1", server.port))
        try:
            reply = client.recv(65535)
        except socket.timeout:
            return "no answer"
    extended = dns.message.from_wire(reply, ignore_trailing=True) if reply[3] & 15 == 0 and reply[11] else None
    return dns.rcode.to_text(extended.rcode() if extended else dns.rcode.Rcode(reply[3] & 15))


def run(tool, port, name, kind):
    arguments = ["+norecurse"] if tool == "dig" else ["+norec"]
    result = subprocess.run([tool, "@127.0.0.1", "-p", str(port), *arguments, "+noall", "+answer", "-t", kind, "-q",
                             name.to_text()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30, check=True)
    return sorted(" ".join(line.split()) for line in result.stdout.lower().splitlines() if line and line[0] != ";")


def describe(query, names, answers):
    lines = [f"{query.name} {query.rdtype} payload={query.payload} do={query.dnssec} {query.transport}; applies: {names}"]
    return "\n".join(lines + [f"  {name}: {show(answer)}" for name, answer in answers.items()])


def show(answer):
    sections = (f"{name}={sorted(value)}" for name, value in zip(answer._fields[3:], answer[3:]) if value)
    return f"{answer.rcode} aa={answer.aa} tc={answer.tc} " + " ".join(sections)


if __name__ == "__main__":
    unittest.main()
