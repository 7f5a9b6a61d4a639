"""Load: filling a server with keys, and interleaved runs of redis-benchmark against several programs."""

import csv
import io
import os
import socket
import subprocess
import sys

from tables import ratios, show, spread


class Case:
    """One kind of load."""

    def __init__(self, command, pipeline, size, clients, requests, keys):
        self.command = command
        self.pipeline = pipeline
        self.size = size
        self.clients = clients
        # A pipelined request is cheap: more of them make a run long enough to be measured.
        self.requests = requests * min(pipeline, 8)
        self.keys = keys

    def __str__(self):
        return f"{self.command} P={self.pipeline} {self.size} B"


class Target:
    """What a run is aimed at: the port, the program whose CPU time is counted, and the one behind it."""

    def __init__(self, name, port, program, backend=None):
        self.name = name
        self.port = port
        self.program = program
        self.backend = backend


class Run:
    """What one run of redis-benchmark showed."""

    def __init__(self, target, case, load_cpus):
        before = [self.reading(program) for program in (target.program, target.backend)]
        latency = benchmark(target.port, case, load_cpus)
        after = [self.reading(program) for program in (target.program, target.backend)]

        self.throughput = float(latency["rps"]) / 1000
        self.half = float(latency["p50_latency_ms"])
        self.slow = float(latency["p99_latency_ms"])
        self.cpu = (after[0][0] - before[0][0]) * 1e6 / case.requests
        self.backend_cpu = (after[1][0] - before[1][0]) * 1e6 / case.requests
        user = after[0][1][0] - before[0][1][0]
        system = after[0][1][1] - before[0][1][1]
        self.user_share = 100 * user / (user + system) if user + system else 0
        self.resident = target.program.resident_bytes() / 1e6 if target.program else 0

    @staticmethod
    def reading(program):
        return (program.cpu_seconds(), program.ticks()) if program else (0, (0, 0))


def benchmark(port, case, cpus):
    """Runs redis-benchmark once and returns its line of figures."""
    command = [
        "redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-c", str(case.clients),
        "-n", str(case.requests), "-P", str(case.pipeline), "-d", str(case.size),
        "-r", str(case.keys), "-t", case.command.lower(), "--csv"]
    if cpus:
        command = ["taskset", "-c", ",".join(map(str, cpus))] + command
    finished = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    lines = [line for line in finished.stdout.splitlines() if line.startswith('"')]
    if finished.returncode != 0 or len(lines) != 2:
        sys.exit(f"{' '.join(command)} failed:\n{finished.stdout}{finished.stderr}")
    return next(csv.DictReader(io.StringIO("\n".join(lines))))


def fill(port, keys, size, batch=1000):
    """Sets redis-benchmark's keys, `key:000000000000` and so on, so that every GET finds a value."""
    value = (b"v" * size) if size > 0 else b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        for first in range(0, keys, batch):
            last = min(first + batch, keys)
            connection.sendall(b"".join(
                b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$%d\r\n%s\r\n" % (number, size, value)
                for number in range(first, last)))
            expected = 5 * (last - first)
            replies = b""
            while len(replies) < expected:
                piece = connection.recv(65536)
                if not piece:
                    raise ConnectionError(f"port {port} closed the connection while being filled")
                replies += piece
            if replies != b"+OK\r\n" * (last - first):
                raise ConnectionError(f"port {port} answered SET with {replies[:80]!r}")


class LoadTable:
    """Runs every case against every target, round by round, and prints what came out."""

    def __init__(self, title, targets, ours, choices, pinned):
        self.title = title
        self.targets = targets
        self.ours = ours
        self.choices = choices
        self.last_cpu = (os.cpu_count() or 1) - 1
        self.pinned = pinned

    def measure(self):
        if self.pinned:
            self.pin()
        rows, summary = [], []
        for size in self.choices.sizes:
            for port in self.ports_that_store():
                fill(port, self.choices.keyspace, size)
            for pipeline in self.choices.pipelines:
                for command in ("SET", "GET"):
                    case = Case(command, pipeline, size, self.choices.clients,
                                self.choices.requests, self.choices.keyspace)
                    runs = self.rounds(case)
                    rows += self.rows(case, runs)
                    summary += self.summary(case, runs)
        where = "program on CPU 0, load on another" if self.pinned else "not pinned"
        about = f"{self.choices.clients} clients, {self.choices.rounds} rounds, {where}"
        show(f"{self.title} ({about}); median (min–max)", self.headings(), rows)
        if summary:
            show(f"{self.title}: {self.ours} over each peer, per round ({where})",
                 ["case", "peer", "CPU ×", "throughput ×", "p50 ×", "p99 ×"], summary)

    def ports_that_store(self):
        """Servers, and for proxies the one server behind all of them."""
        return {(target.backend or target.program).port for target in self.targets}

    def rounds(self, case):
        """A B C, C B A, and so on: drift of the machine weighs on all alike."""
        load_cpus = [self.last_cpu] if self.pinned else None
        runs = {target.name: [] for target in self.targets}
        for number in range(self.choices.rounds):
            order = self.targets if number % 2 == 0 else list(reversed(self.targets))
            for target in order:
                runs[target.name].append(Run(target, case, load_cpus))
        print(f"{self.title}: {case} measured", file=sys.stderr)
        return runs

    def pin(self):
        for target in self.targets:
            if target.backend:
                target.backend.pin({self.last_cpu})
            if target.program:
                target.program.pin({0})

    def headings(self):
        backend = ["backend CPU µs"] if self.is_of_proxies() else []
        return (["case", "program", "thousand/s", "CPU µs/request", "of it user"] + backend
                + ["p50 ms", "p99 ms", "RSS MB"])

    def is_of_proxies(self):
        return any(target.backend for target in self.targets)

    def rows(self, case, runs):
        for target in self.targets:
            of_target = runs[target.name]
            values = lambda key: [getattr(run, key) for run in of_target]
            if target.program:
                cpu = [spread(values("cpu")), f"{spread(values('user_share'), 0)} %"]
                resident = spread(values("resident"), 1)
            else:
                cpu, resident = ["-", "-"], "-"
            backend = [spread(values("backend_cpu"))] if self.is_of_proxies() else []
            yield ([str(case), target.name, spread(values("throughput"), 1)] + cpu + backend
                   + [spread(values("half"), 3), spread(values("slow"), 3), resident])

    def summary(self, case, runs):
        if self.ours not in runs:
            return
        for target in self.targets:
            if target.name == self.ours:
                continue
            compared = [
                spread(ratios([getattr(run, key) for run in runs[self.ours]],
                              [getattr(run, key) for run in runs[target.name]]))
                for key in ("cpu", "throughput", "half", "slow")]
            yield [str(case), target.name] + compared
