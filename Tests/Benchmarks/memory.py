"""Resident memory: what an idle client costs, and what a key costs."""

import resource
import socket
import time

import targets
from load import fill
from tables import show, spread

PROXIES = ("nutcracker", "haproxy", "envoy", "sluice-proxy")
REQUEST = b"*2\r\n$3\r\nGET\r\n$6\r\nabsent\r\n"


def raise_descriptor_limit(wanted):
    """Lets us, and the programs started from now on, have this many descriptors, as far as that is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, soft), max(wanted, hard)))
    except (ValueError, PermissionError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def settled(program):
    """Resident bytes, once they have stopped changing."""
    last = program.resident_bytes()
    for _ in range(50):
        time.sleep(0.1)
        now = program.resident_bytes()
        if now == last:
            break
        last = now
    return last


def exchange(client):
    client.sendall(REQUEST)
    answer = client.recv(64)
    if not answer:
        raise ConnectionError("an idle client was closed")


def connect(port, count):
    return [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(count)]


def idle_memory(starter, names, choices, aims):
    """Opens idle clients to each program. The first column is for clients that never sent anything; the second
    is for the same ones after each has had one request answered, one after the other."""
    rows = []
    for name in names:
        connected, used = [], []
        for _ in range(choices.rounds):
            backend = None
            if name in PROXIES:
                backend = starter.start("redis-server")
            program = starter.start(name, backend_port=backend.port if backend else None)
            warm = connect(program.port, 50)
            for client in warm:
                exchange(client)
            before = settled(program)
            clients = connect(program.port, choices.idle)
            exchange(warm[0])
            connected.append((settled(program) - before) / choices.idle / 1024)
            for client in clients:
                exchange(client)
            used.append((settled(program) - before) / choices.idle / 1024)
            for client in warm + clients:
                client.close()
            starter.end(program)
            if backend:
                starter.end(backend)
        rows.append([name, spread(connected), spread(used)])
        if name == "sluice-proxy":
            aims.check("an idle client that was used once, kB", used, targets.IDLE_KILOBYTES)
    show(f"Resident memory per idle client, {choices.idle} clients, {choices.rounds} rounds; median (min–max)",
         ["program", "kB, never used", "kB, used once"], rows)


def key_memory(starter, names, choices):
    """Fills each server with keys of 16 bytes and values of 8, and divides what its memory grew by."""
    rows = []
    for name in names:
        costs = []
        for _ in range(min(choices.rounds, 3)):
            program = starter.start(name)
            fill(program.port, 1, 8)
            before = settled(program)
            fill(program.port, choices.keys, 8)
            costs.append((settled(program) - before) / choices.keys)
            starter.end(program)
        rows.append([name, spread(costs, 1)])
    show(f"Resident memory per key, {choices.keys} keys of 16 bytes with 8-byte values; median (min–max)",
         ["program", "bytes per key"], rows)
