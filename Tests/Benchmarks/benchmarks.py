"""Sluice beside redis-server, nutcracker and HAProxy: throughput, latency, CPU time per request and memory.

Nothing here passes or fails on a time: the figures of one run are compared with each other, in the same run.
"""

import argparse
import os
import subprocess
import sys
import tempfile

from load import LoadTable, Target
from memory import idle_memory, key_memory, raise_descriptor_limit
from programs import StartError, Starter

TABLES = ("server", "proxy", "idle", "keys")


def choices():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser = argparse.ArgumentParser(prog="Tests/Benchmarks/run", description=__doc__)
    numbers = lambda text: [int(word) for word in text.split(",")]
    words = lambda text: text.split(",")
    parser.add_argument("--programs", default=os.path.join(root, ".build", "release"), metavar="FOLDER",
                        help="where sluice-server and sluice-proxy are (.build/release)")
    parser.add_argument("--tables", type=words, default=list(TABLES), metavar="NAMES",
                        help="which of server,proxy,idle,keys (all)")
    parser.add_argument("--clients", type=int, default=50, help="connections that load (50)")
    parser.add_argument("--pipelines", type=numbers, default=[1, 16, 64], metavar="NUMBERS",
                        help="requests in flight per connection (1,16,64)")
    parser.add_argument("--sizes", type=numbers, default=[3, 1024], metavar="BYTES",
                        help="sizes of values (3,1024)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each case against each program (5)")
    parser.add_argument("--requests", type=int, default=100_000,
                        help="requests per run without pipelining; up to 8 times as many with it (100000)")
    parser.add_argument("--keyspace", type=int, default=100_000, help="distinct keys under load (100000)")
    parser.add_argument("--idle", type=int, default=5_000, help="idle clients (5000)")
    parser.add_argument("--keys", type=int, default=1_000_000, help="keys for the memory of a key (1000000)")
    parser.add_argument("--haproxy-threads", type=int, default=1, help="HAProxy's nbthread (1, as ours)")
    parser.add_argument("--pin", action="store_true",
                        help="measure the load tables a second time, each side on a CPU of its own")
    parser.add_argument("--quick", action="store_true",
                        help="a few seconds in all: shows that the script works, and nothing else")
    chosen = parser.parse_args()
    unknown = set(chosen.tables) - set(TABLES)
    if unknown:
        parser.error(f"no such table: {', '.join(sorted(unknown))}")
    if chosen.quick:
        chosen.pipelines, chosen.sizes, chosen.rounds = [1, 16], [3], 2
        chosen.requests, chosen.keyspace, chosen.idle, chosen.keys = 4_000, 1_000, 200, 20_000
    return chosen


class Benchmarks:
    def __init__(self, chosen, starter):
        self.chosen = chosen
        self.starter = starter
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
        self.load("Server", targets, "sluice-server")

    def proxy(self):
        if not list(self.present(["redis-server"])):
            return
        backend = self.starter.start("redis-server")
        targets = [Target("direct", backend.port, None, backend)]
        for name in self.present(["nutcracker", "haproxy", "sluice-proxy"]):
            program = self.starter.start(name, backend_port=backend.port)
            targets.append(Target(name, program.port, program, backend))
        self.load("Proxy", targets, "sluice-proxy")

    def load(self, title, targets, ours):
        LoadTable(title, targets, ours, self.chosen, pinned=False).measure()
        if self.chosen.pin and (os.cpu_count() or 1) > 1:
            LoadTable(title, targets, ours, self.chosen, pinned=True).measure()
        elif self.chosen.pin:
            print("SKIPPED: pinned figures need two CPUs")
        self.starter.end_all()

    def idle(self):
        servers = ["redis-server", "sluice-server"]
        proxies = ["nutcracker", "haproxy", "sluice-proxy"]
        names = list(self.present(servers + proxies))
        if "redis-server" not in names:
            names = [name for name in names if name not in proxies]
        idle_memory(self.starter, names, self.chosen)

    def keys(self):
        key_memory(self.starter, list(self.present(["redis-server", "sluice-server"])), self.chosen)


def version(path, argument):
    finished = subprocess.run([path, argument], capture_output=True, text=True)
    lines = (finished.stdout + finished.stderr).strip().splitlines()
    return lines[0] if lines else "unknown"


def main():
    chosen = choices()
    limit = raise_descriptor_limit(2 * chosen.idle + 1_000)
    if 2 * chosen.idle + 500 > limit:
        chosen.idle = (limit - 500) // 2
        print(f"Only {limit} descriptors are allowed here: {chosen.idle} idle clients.")
    with tempfile.TemporaryDirectory() as directory:
        starter = Starter(directory, chosen.programs, chosen.haproxy_threads,
                          connections=max(chosen.idle, chosen.clients) + 500)
        if not starter.find("redis-benchmark") and {"server", "proxy"} & set(chosen.tables):
            sys.exit("redis-benchmark is not installed: apt-get install redis-tools")
        for name, argument in (("redis-server", "--version"), ("nutcracker", "--version"), ("haproxy", "-v")):
            if starter.find(name):
                print(version(starter.find(name), argument))
        print(f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.2f}", flush=True)
        benchmarks = Benchmarks(chosen, starter)
        try:
            for table in TABLES:
                if table in chosen.tables:
                    getattr(benchmarks, table)()
        except StartError as error:
            sys.exit(str(error))
        finally:
            starter.end_all()


if __name__ == "__main__":
    main()
