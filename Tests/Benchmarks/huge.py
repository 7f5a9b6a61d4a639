"""A value of 512 MB: how much memory its way through the proxy takes, and what other clients see meanwhile.

The others are a few clients with small requests at a steady rate. A request has a time at which it is due, and is
late from then on, so that a pause costs every request that falls into it, and not one per client.
"""

import socket
import time

import targets
from load import Case, Load, LoadError, fill
from memory import settled
from programs import StartError
from tables import ratios, show, spread

KEY = b"huge"
PIECE = 1 << 20
OTHERS, RATE, KEYS = 10, 2_000, 1_000
# At least so long are the others watched, however fast the transfer is.
SHORTEST = 1.0


def take(connection, room, count):
    """Reads exactly so many bytes, and forgets them."""
    view = memoryview(room)
    while count > 0:
        received = connection.recv_into(view[:min(len(room), count)])
        if received == 0:
            raise LoadError("the connection of the huge value was closed")
        count -= received


def line(connection):
    """A line of a reply, byte by byte: nothing behind it is taken."""
    text = b""
    while not text.endswith(b"\r\n"):
        byte = connection.recv(1)
        if not byte:
            raise LoadError("the connection of the huge value was closed")
        text += byte
    return text


def transfer(command, port, size):
    """Sends the value, or fetches it."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        if command == "SET":
            connection.sendall(b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n" % (len(KEY), KEY, size))
            piece = bytes(PIECE)
            for start in range(0, size, PIECE):
                connection.sendall(piece[:min(PIECE, size - start)])
            connection.sendall(b"\r\n")
            answer = line(connection)
            if answer != b"+OK\r\n":
                raise LoadError(f"SET of the huge value was answered with {answer!r}")
            return
        connection.sendall(b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(KEY), KEY))
        answer = line(connection)
        if answer != b"$%d\r\n" % size:
            raise LoadError(f"GET of the huge value was answered with {answer!r}")
        take(connection, bytearray(PIECE), size + 2)


class Watch:
    """The figures of the others while something happens; without a command, while nothing does."""

    def __init__(self, path, mix, others_port, command=None, port=None, size=0, program=None):
        load = Load(path, others_port, Case(mix, 1, 3, OTHERS, 0, KEYS), rate=RATE)
        rest = settled(program) if program else 0
        if program:
            program.forget_peak()
        load.go()
        start = time.monotonic()
        try:
            if command:
                transfer(command, port, size)
        except (LoadError, OSError):
            load.abandon()
            raise
        self.seconds = time.monotonic() - start
        if self.seconds < SHORTEST:
            time.sleep(SHORTEST - self.seconds)
        figures = load.wait()
        self.half, self.slow, self.worst = (figures[name] / 1000 for name in ("p50", "p99", "worst"))
        self.above_rest = (program.peak_bytes() - rest) / 1e6 if program else 0


def row(what, way, watches, size, program=None):
    speed = [size / watch.seconds / 1e6 for watch in watches] if size else None
    values = lambda key: [getattr(watch, key) for watch in watches]
    return [what, way, spread(speed, 0) if speed else "-",
            spread(values("above_rest"), 1) if program else "-",
            spread(values("half"), 2), spread(values("slow"), 2), spread(values("worst"), 1)]


def compare(aims, what, ours, theirs, limit):
    for key, name in (("slow", "p99"), ("worst", "worst")):
        aims.check(f"{what}: {name} of others", ratios(
            [getattr(watch, key) for watch in ours], [getattr(watch, key) for watch in theirs]), limit)


HEADINGS = ["what", "way", "MB/s", "peak RSS over rest MB", "others' p50 ms", "p99 ms", "worst ms"]


def same_backend(starter, choices, aims):
    """The same transfer through the proxy and directly, in turns; the others go the same way."""
    path, size = starter.find("sluice-load"), choices.huge << 20
    backend = starter.start("redis-server")
    proxy = starter.start("sluice-proxy", backend_port=backend.port)
    fill(backend.port, KEYS, 3)
    ways = [("direct", backend.port, None), ("through", proxy.port, proxy)]
    commands = ["none", "SET", "GET"]
    seen = {(command, way[0]): [] for command in commands for way in ways}
    for number in range(choices.rounds):
        for command in commands:
            for name, port, program in ways if number % 2 == 0 else reversed(ways):
                transferred = None if command == "none" else command
                seen[command, name].append(
                    Watch(path, "GET", port, transferred, port, size, program))
    rows = []
    for command in commands:
        for name, _, program in ways:
            rows.append(row(f"{command} {choices.huge} MB" if command != "none" else "nothing",
                            name, seen[command, name], size if command != "none" else 0, program))
    show(f"A value of {choices.huge} MB, and {OTHERS} other clients of the same server with {RATE} GETs a second, "
         f"{choices.rounds} rounds; median (min–max)", HEADINGS, rows)
    for command in ("SET", "GET"):
        what = f"{command} of {choices.huge} MB"
        aims.check(f"{what}: peak RSS over rest, MB",
                   [watch.above_rest for watch in seen[command, "through"]], targets.HUGE_MEGABYTES, 1)
        compare(aims, f"{what}, through over direct", seen[command, "through"], seen[command, "direct"],
                targets.HUGE_OVER_DIRECT)
    starter.end_all()


def other_backend(starter, choices, aims):
    """The value is read from a replica while the others write to the master: they should not notice. (A huge write
    would go to the replica as well, by replication, and say nothing about the proxy.)"""
    path, size = starter.find("sluice-load"), choices.huge << 20
    master = starter.start("redis-server")
    replica = starter.start("redis-server", master_port=master.port)
    transfer("SET", master.port, size)
    wait_for_replica(replica, size)
    proxy = starter.start("sluice-proxy", backend_port=master.port, replica_port=replica.port)
    idle, direct, through = [], [], []
    for _ in range(choices.rounds):
        idle.append(Watch(path, "SET", proxy.port))
        direct.append(Watch(path, "SET", master.port, "GET", replica.port, size))
        through.append(Watch(path, "SET", proxy.port, "GET", proxy.port, size, proxy))
    show(f"GET of {choices.huge} MB from a replica, and {OTHERS} clients with {RATE} SETs a second to the master, "
         f"{choices.rounds} rounds; median (min–max)", HEADINGS,
         [row("nothing", "through", idle, 0), row("GET", "direct", direct, size),
          row("GET", "through", through, size, proxy)])
    compare(aims, "clients of another backend, over idle", through, idle, targets.OTHER_BACKEND_OVER_IDLE)
    starter.end_all()


def wait_for_replica(replica, size):
    """Until the value has come over."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with socket.create_connection(("127.0.0.1", replica.port), timeout=60) as connection:
            connection.sendall(b"*2\r\n$6\r\nSTRLEN\r\n$%d\r\n%s\r\n" % (len(KEY), KEY))
            if line(connection) == b":%d\r\n" % size:
                return
        time.sleep(0.1)
    raise StartError("the replica did not get the huge value")


def huge_value(starter, choices, aims):
    for scenario in (same_backend, other_backend):
        try:
            scenario(starter, choices, aims)
        except (StartError, LoadError, OSError) as error:
            print(f"FAILED: the huge value, {scenario.__name__.replace('_', ' ')}: {error}", flush=True)
            starter.end_all()
