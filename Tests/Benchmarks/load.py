"""Load: filling a server with keys, and interleaved runs of sluice-load against several programs."""

import json
import os
import socket
import subprocess
import sys

import targets as wanted
from tables import ratios, show, spread

# A load that has not ended after so many seconds is given up, and the program left out of the row. sluice-load itself
# gives up after a minute without any reply.
PATIENCE = 120

READS = {"GET": 100, "SET": 0, "90/10": 90}


class Case:
    """One kind of load."""

    def __init__(self, mix, pipeline, size, clients, milliseconds, keys):
        self.mix = mix
        self.pipeline = pipeline
        self.size = size
        self.clients = clients
        self.milliseconds = milliseconds
        self.keys = keys

    def __str__(self):
        return f"{self.mix} P={self.pipeline} {self.clients} clients"


class Target:
    """What a run is aimed at: the port, the program whose CPU time is counted, and the one behind it."""

    def __init__(self, name, port, program, backend=None):
        self.name = name
        self.port = port
        self.program = program
        self.backend = backend


class LoadError(Exception):
    """A load had no figures: the program under it closed a connection, answered an error or not at all."""


class Load:
    """One sluice-load: its clients are connected and each has been answered once when this is made."""

    def __init__(self, path, port, case, cpus=None, rate=0):
        command = [path, "--port", port, "--clients", case.clients, "--pipeline", case.pipeline,
                   "--reads", READS[case.mix], "--size", case.size, "--keys", case.keys,
                   "--milliseconds", case.milliseconds, "--rate", rate]
        if cpus:
            command = ["taskset", "-c", ",".join(map(str, cpus))] + command
        self.process = subprocess.Popen(
            [str(word) for word in command], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.process.stdout.readline() != "ready\n":
            raise LoadError(self.process.communicate()[1].strip())

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def wait(self):
        """The figures when the time is over, as sluice-load reports them; without a time it is over now."""
        try:
            output, complaint = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.abandon()
            raise LoadError("the load did not end") from None
        if self.process.returncode != 0:
            raise LoadError(complaint.strip())
        figures = json.loads(output)
        if figures["errors"]:
            raise LoadError(f"{figures['errors']:.0f} of {figures['requests']:.0f} replies were errors")
        return figures

    def abandon(self):
        self.process.kill()
        self.process.communicate()


class Run:
    """What one load showed. Connecting is not in it, only what was used between the first request and the last
    reply."""

    def __init__(self, path, target, case, load_cpus):
        load = Load(path, target.port, case, load_cpus)
        programs = (target.program, target.backend)
        if target.program:
            target.program.forget_peak()
        before = [self.reading(program) for program in programs]
        load.go()
        figures = load.wait()
        after = [self.reading(program) for program in programs]

        requests = figures["requests"]
        self.throughput = requests / figures["seconds"] / 1000
        self.half, self.slow, self.worst = (figures[name] / 1000 for name in ("p50", "p99", "worst"))
        self.cpu = (after[0][0] - before[0][0]) * 1e6 / requests
        self.backend_cpu = (after[1][0] - before[1][0]) * 1e6 / requests
        self.both_cpu = self.cpu + self.backend_cpu
        user = after[0][1][0] - before[0][1][0]
        system = after[0][1][1] - before[0][1][1]
        self.user_share = 100 * user / (user + system) if user + system else 0
        self.peak = target.program.peak_bytes() / 1e6 if target.program else 0

    @staticmethod
    def reading(program):
        return (program.cpu_seconds(), program.ticks()) if program else (0, (0, 0))


def fill(port, keys, size, batch=1000):
    """Sets sluice-load's keys, `key:000000000000` and so on, so that every GET finds a value."""
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

    def __init__(self, title, targets, ours, choices, starter, clients, mixes, pinned, aims=None):
        self.title = title
        self.targets = targets
        self.ours = ours
        self.choices = choices
        self.path = starter.find("sluice-load")
        self.clients = clients
        self.mixes = mixes
        self.last_cpu = (os.cpu_count() or 1) - 1
        self.pinned = pinned
        self.aims = aims

    def measure(self):
        if self.pinned:
            self.pin()
        # Memory only grows: the smaller loads come first, so that a peak is that of its own load.
        for size in self.choices.sizes:
            rows, summary = [], []
            for port in self.ports_that_store():
                fill(port, self.choices.keyspace, size)
            for clients in self.clients:
                for pipeline in self.choices.pipelines:
                    for mix in self.mixes:
                        case = Case(mix, pipeline, size, clients, self.choices.milliseconds,
                                    self.choices.keyspace)
                        runs = self.rounds(case)
                        rows += self.rows(case, runs)
                        summary += self.summary(case, runs)
                        if self.aims:
                            self.aim(case, runs)
            where = "program on CPU 0, load on another" if self.pinned else "not pinned"
            about = f"values of {size} bytes, {self.choices.rounds} rounds, {where}"
            show(f"{self.title} ({about}); median (min–max)", self.headings(), rows)
            if summary:
                show(f"{self.title}: {self.ours} over each peer, per round ({about})",
                     ["case", "peer", "CPU ×", "CPU of both ×", "throughput ×", "p50 ×", "p99 ×", "worst ×"],
                     summary)

    def ports_that_store(self):
        """Servers, and for proxies the one server behind all of them."""
        return {(target.backend or target.program).port for target in self.targets}

    def rounds(self, case):
        """A B C, C B A, and so on: drift of the machine weighs on all alike. A program that fails under a load
        is left out of its row, and the reason is printed."""
        load_cpus = [self.last_cpu] if self.pinned else None
        runs = {target.name: [] for target in self.targets}
        for number in range(self.choices.rounds):
            order = self.targets if number % 2 == 0 else list(reversed(self.targets))
            for target in order:
                if target.name not in runs:
                    continue
                try:
                    runs[target.name].append(Run(self.path, target, case, load_cpus))
                except LoadError as error:
                    del runs[target.name]
                    print(f"FAILED: {target.name} under {case}: {error}", flush=True)
        print(f"{self.title}: {case} measured", file=sys.stderr)
        return runs

    def pin(self):
        for target in self.targets:
            if target.backend:
                target.backend.pin({self.last_cpu})
            if target.program:
                target.program.pin({0})

    def headings(self):
        backend = ["backend CPU µs", "both µs"] if self.is_of_proxies() else []
        return (["case", "program", "thousand/s", "CPU µs/request", "of it user"] + backend
                + ["p50 ms", "p99 ms", "worst ms", "peak RSS MB"])

    def is_of_proxies(self):
        return any(target.backend for target in self.targets)

    def rows(self, case, runs):
        for target in self.targets:
            if target.name not in runs:
                continue
            of_target = runs[target.name]
            values = lambda key: [getattr(run, key) for run in of_target]
            if target.program:
                cpu = [spread(values("cpu")), f"{spread(values('user_share'), 0)} %"]
                peak = spread(values("peak"), 1)
            else:
                cpu, peak = ["-", "-"], "-"
            backend = [spread(values("backend_cpu")), spread(values("both_cpu"))]
            yield ([str(case), target.name, spread(values("throughput"), 1)] + cpu
                   + (backend if self.is_of_proxies() else [])
                   + [spread(values("half"), 3), spread(values("slow"), 3), spread(values("worst"), 1), peak])

    def over(self, runs, peer, key):
        """Our value over a peer's, round by round."""
        if self.ours not in runs or peer not in runs:
            return []
        return ratios([getattr(run, key) for run in runs[self.ours]],
                      [getattr(run, key) for run in runs[peer]])

    def summary(self, case, runs):
        if self.ours not in runs:
            return
        for target in self.targets:
            if target.name != self.ours and target.name in runs:
                yield [str(case), target.name] + [
                    spread(self.over(runs, target.name, key))
                    for key in ("cpu", "both_cpu", "throughput", "half", "slow", "worst")]

    def aim(self, case, runs):
        """Holds the figures of one case against the targets that it has."""
        if case.pipeline in wanted.CPU_OVER_NUTCRACKER:
            self.aims.check(f"{case}: CPU over nutcracker's", self.over(runs, "nutcracker", "cpu"),
                            wanted.CPU_OVER_NUTCRACKER[case.pipeline])
        self.aims.check(f"{case}: p99 over nutcracker's", self.over(runs, "nutcracker", "slow"),
                        wanted.P99_OVER_NUTCRACKER)
        if case.pipeline == 1 and case.clients == wanted.BOTH_CLIENTS:
            self.aims.check(f"{case}: CPU of both over going direct", self.over(runs, "direct", "both_cpu"),
                            wanted.BOTH_OVER_DIRECT)
        if case.pipeline == wanted.PEAK_PIPELINE and case.clients == wanted.PEAK_CLIENTS:
            self.aims.check(f"{case}: peak RSS in MB", [run.peak for run in runs.get(self.ours, [])],
                            wanted.PEAK_MEGABYTES, 1)
