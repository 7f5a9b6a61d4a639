"""The programs that are measured: how each is started, and what it has used of the machine so far.

All of them listen on loopback only, on ports that were free a moment ago, work in a directory that is removed
afterwards, and are ended by their process id: at the end of the run, or by the kernel when the run is killed.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time

START_DEADLINE = 20.0
PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


class StartError(Exception):
    """A program is there but did not come up."""


def free_port():
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end_with_parent():
    """Runs in a child before its program starts, so that nothing outlives a run that was killed."""
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGTERM)


class Program:
    """One started process, and the readings that the tables are made of."""

    def __init__(self, name, command, port, directory):
        self.name = name
        self.port = port
        self.log = os.path.join(directory, f"{name}-{port}.log")
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                command, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                preexec_fn=end_with_parent)
        try:
            self.wait_until_it_answers()
        except StartError:
            self.end()
            raise

    def wait_until_it_answers(self):
        deadline = time.monotonic() + START_DEADLINE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise StartError(f"{self.name} ended with {self.process.returncode}:\n{self.last_words()}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                    probe.sendall(b"*1\r\n$4\r\nPING\r\n")
                    if probe.recv(64) == b"+PONG\r\n":
                        return
            except OSError:
                pass
            time.sleep(0.05)
        raise StartError(f"{self.name} does not answer PING on port {self.port}:\n{self.last_words()}")

    def last_words(self):
        with open(self.log, errors="replace") as text:
            return "".join(text.readlines()[-10:])

    def cpu_seconds(self):
        """On-CPU time of all threads, ended ones too, in nanosecond steps: the process's own CPU clock."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def ticks(self):
        """User and system time in clock ticks: too coarse for a figure, good enough for their proportion."""
        with open(f"/proc/{self.process.pid}/stat") as text:
            fields = text.read().rpartition(")")[2].split()
        return int(fields[11]), int(fields[12])

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm") as text:
            return int(text.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def peak_bytes(self):
        """The most that was resident since `forget_peak`."""
        with open(f"/proc/{self.process.pid}/status") as text:
            for line in text:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        raise StartError(f"{self.name} is gone")

    def forget_peak(self):
        """From now on the peak is counted anew, from what is resident at the moment."""
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as text:
            text.write("5")

    def pin(self, cpus):
        """Keeps all its threads on these CPUs."""
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            os.sched_setaffinity(int(thread), cpus)

    def end(self):
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Starter:
    """Starts programs by name and remembers them, so that all of them are ended."""

    def __init__(self, directory, ours, haproxy_threads, connections, envoy=None):
        self.directory = directory
        self.ours = os.path.abspath(ours)
        self.haproxy_threads = haproxy_threads
        self.connections = connections
        self.envoy = envoy
        self.started = []

    def find(self, name):
        """The path of a program, or None when this machine has none."""
        if name.startswith("sluice-"):
            path = os.path.join(self.ours, name)
            return path if os.access(path, os.X_OK) else None
        if name == "envoy" and self.envoy:
            return self.envoy
        places = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
        return shutil.which(name, path=places)

    def why_missing(self, name):
        if name == "envoy":
            return "there is no envoy: --envoy fetches it"
        if name.startswith("sluice-"):
            return f"{name} is not built in {self.ours}: swift build -c release"
        return f"{name} is not installed: apt-get install {name}"

    def start(self, name, backend_port=None, replica_port=None, master_port=None):
        """Starts a server, a replica of `master_port`, or a proxy in front of `backend_port`. Only sluice-proxy
        takes a replica beside it, which all reads then go to."""
        port = free_port()
        command = [self.find(name)] + self.arguments(name, port, backend_port, replica_port)
        if master_port:
            command += ["--replicaof", "127.0.0.1", str(master_port)]
        program = Program(name, command, port, self.directory)
        self.started.append(program)
        return program

    def end(self, program):
        program.end()
        self.started.remove(program)

    def end_all(self):
        for program in list(self.started):
            self.end(program)

    def arguments(self, name, port, backend_port, replica_port=None):
        """Stock options, except that nothing is saved to disk while we measure."""
        if name in ("redis-server", "sluice-server"):
            return ["--port", str(port), "--save", ""]
        if name == "sluice-proxy":
            text = SLUICE_PROXY.format(port=port, backend=backend_port)
            if replica_port:
                text += SLUICE_REPLICA.format(replica=replica_port)
            return [self.write(f"sluice-proxy-{port}.conf", text)]
        if name == "nutcracker":
            file = self.write(f"nutcracker-{port}.yml", NUTCRACKER.format(
                port=port, backend=backend_port))
            return ["-c", file, "-a", "127.0.0.1", "-s", str(free_port())]
        if name == "haproxy":
            file = self.write(f"haproxy-{port}.conf", HAPROXY.format(
                port=port, backend=backend_port, threads=self.haproxy_threads,
                connections=self.connections))
            return ["-db", "-f", file]
        if name == "envoy":
            file = self.write(f"envoy-{port}.yaml", ENVOY.format(port=port, backend=backend_port))
            return ["-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
        raise ValueError(f"nobody knows how to start {name}")

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w") as file:
            file.write(text)
        return path


SLUICE_PROXY = """\
listen: 127.0.0.1:{port}
threads: 1
backends:
  master: 127.0.0.1:{backend}
"""

SLUICE_REPLICA = """\
  replicas: [127.0.0.1:{replica}]
reads:
  consistency: eventual
  include_master: never
"""

NUTCRACKER = """\
alpha:
  listen: 127.0.0.1:{port}
  hash: fnv1a_64
  distribution: ketama
  redis: true
  servers:
    - 127.0.0.1:{backend}:1
"""

HAPROXY = """\
global
    nbthread {threads}
    maxconn {connections}
defaults
    mode tcp
    maxconn {connections}
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen redis
    bind 127.0.0.1:{port}
    server backend 127.0.0.1:{backend}
"""

# One worker, as ours. What is not set is Envoy's own choice.
ENVOY = """\
static_resources:
  listeners:
  - name: redis
    address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.redis_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.redis_proxy.v3.RedisProxy
          stat_prefix: redis
          settings: {{op_timeout: 60s}}
          prefix_routes: {{catch_all_route: {{cluster: backend}}}}
  clusters:
  - name: backend
    connect_timeout: 5s
    type: STATIC
    load_assignment:
      cluster_name: backend
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {backend}}}}}}}
"""
