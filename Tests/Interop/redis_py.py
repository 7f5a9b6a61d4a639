"""redis-py through the proxy: what applications do with it. Prints one line for each check, "ok" or what was wrong.

    redis_py.py PORT PROTOCOL PARSER

PROTOCOL is 2 or 3, PARSER is python or hiredis. PORT is the proxy's, in front of a redis-server with replicas.
Reads may be older than the last write there, so checks of what was written ask until it is seen.
"""

import os
import sys
import threading
import time
import traceback

if sys.argv[3] != "hiredis":
    # Then redis-py does not find it, and parses by itself.
    sys.modules["hiredis"] = None

import redis  # noqa: E402
from redis.backoff import NoBackoff  # noqa: E402
from redis.retry import Retry  # noqa: E402

PORT, PROTOCOL = int(sys.argv[1]), int(sys.argv[2])
DEADLINE = 30
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def connect(**options):
    """A client with a pool of its own."""
    options.setdefault("decode_responses", True)
    pool = redis.ConnectionPool(
        host="127.0.0.1", port=PORT, protocol=PROTOCOL, socket_timeout=DEADLINE,
        retry=Retry(NoBackoff(), 0), **options)
    return redis.Redis(connection_pool=pool)


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"wanted {wanted!r}, got {got!r}")


def eventually(ask, wanted):
    """Replicas may be behind: asks until the answer is what was written."""
    end = time.monotonic() + DEADLINE
    while (got := ask()) != wanted:
        if time.monotonic() > end:
            raise AssertionError(f"wanted {wanted!r} in the end, got {got!r}")
        time.sleep(0.005)


def refused(call):
    try:
        got = call()
    except redis.ResponseError as error:
        return str(error)
    raise AssertionError(f"wanted an error, got {got!r}")


@check
def values_of_every_type(client):
    client.delete("s", "h", "l", "t", "z", "x")
    expect(client.set("s", "v", ex=1000), True)
    expect(client.hset("h", mapping={"a": 1, "b": 2}), 2)
    expect(client.rpush("l", "a", "b", "c"), 3)
    expect(client.sadd("t", "a", "b"), 2)
    expect(client.zadd("z", {"a": 1, "b": 2.5}), 2)
    expect(client.xadd("x", {"f": "v"}, id="1-1"), "1-1")
    eventually(lambda: client.get("s"), "v")
    eventually(lambda: client.hgetall("h"), {"a": "1", "b": "2"})
    eventually(lambda: client.lrange("l", 0, -1), ["a", "b", "c"])
    eventually(lambda: client.smembers("t"), {"a", "b"})
    eventually(lambda: client.zrange("z", 0, -1), ["a", "b"])
    eventually(lambda: client.zscore("z", "b"), 2.5)
    eventually(lambda: client.xlen("x"), 1)
    expect(client.get("none"), None)
    expect(client.zscore("z", "none"), None)


@check
def binary_values(client):
    raw = connect(decode_responses=False)
    value = bytes(range(256)) * 100
    raw.set(b"\x00\xff\r\n", value)
    eventually(lambda: raw.get(b"\x00\xff\r\n"), value)


@check
def a_pipeline_without_a_transaction(client):
    with client.pipeline(transaction=False) as pipeline:
        for number in range(500):
            pipeline.set(f"p:{number}", number).get(f"p:{number}")
        results = pipeline.execute()
    expect(results[1::2], [str(number) for number in range(500)])
    expect(set(results[0::2]), {True})


@check
def errors_stay_in_their_place(client):
    client.set("word", "x")
    with client.pipeline(transaction=False) as pipeline:
        pipeline.set("a", 1).incr("word").get("a").execute_command("NOSUCH", "b").echo("end")
        results = pipeline.execute(raise_on_error=False)
    expect([type(result).__name__ for result in results],
           ["bool", "ResponseError", "str", "ResponseError", "str"])
    expect(results[4], "end")


@check
def a_transaction(client):
    client.delete("t:a")
    with client.pipeline(transaction=True) as pipeline:
        pipeline.set("t:a", 1).incr("t:a").get("t:a")
        expect(pipeline.execute(), [True, 2, "2"])


@check
def a_transaction_with_an_error(client):
    client.set("word", "x")
    with client.pipeline(transaction=True) as pipeline:
        pipeline.set("t:b", 1).incr("word").get("t:b")
        results = pipeline.execute(raise_on_error=False)
    expect((results[0], type(results[1]).__name__, results[2]), (True, "ResponseError", "1"))


@check
def watch_sees_what_others_wrote(client):
    client.set("w", 1)
    with client.pipeline() as pipeline:
        pipeline.watch("w")
        expect(pipeline.get("w"), "1")
        client.set("w", 2)
        pipeline.multi()
        pipeline.set("w", 3)
        try:
            pipeline.execute()
            raise AssertionError("a watched key changed, and the transaction ran")
        except redis.WatchError:
            pass
    with client.pipeline() as pipeline:
        pipeline.watch("w")
        expect(pipeline.get("w"), "2")
        pipeline.multi()
        pipeline.set("w", 4)
        expect(pipeline.execute(), [True])


@check
def counting_with_optimistic_locks(client):
    """Four threads add to one counter by WATCH, GET, SET: none of the sums is lost."""
    client.set("sum", 0)

    def add(pipeline):
        value = int(pipeline.get("sum"))
        pipeline.multi()
        pipeline.set("sum", value + 1)

    def work():
        for _ in range(25):
            client.transaction(add, "sum")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eventually(lambda: client.get("sum"), "100")


@check
def blocking_pops(client):
    client.delete("queue", "other")
    popped = []
    waiter = threading.Thread(target=lambda: popped.append(client.blpop(["queue"], timeout=20)))
    waiter.start()
    time.sleep(0.1)
    client.rpush("queue", "job")
    waiter.join()
    expect([list(pair) for pair in popped], [["queue", "job"]])
    expect(client.blpop(["queue"], timeout=0.05), None)
    client.rpush("queue", "a", "b")
    expect(client.brpop(["queue"], timeout=1)[1], "b")
    expect(client.blmove("queue", "other", timeout=1), "a")


@check
def many_wait_and_others_are_served(client):
    client.delete("jobs")
    results = []
    waiters = [threading.Thread(target=lambda: results.append(client.blpop(["jobs"], timeout=20)[1]))
               for _ in range(8)]
    for waiter in waiters:
        waiter.start()
    for number in range(50):
        client.set("free", number)
        client.get("free")
    client.rpush("jobs", *range(8))
    for waiter in waiters:
        waiter.join()
    expect(sorted(results), [str(number) for number in range(8)])


@check
def messages(client):
    subscriber = client.pubsub()
    subscriber.subscribe("news")
    subscriber.psubscribe("w*")

    def message():
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            got = subscriber.get_message(timeout=1)
            if got is not None:
                return got
        raise AssertionError("no message came")

    expect([message()["type"] for _ in range(2)], ["subscribe", "psubscribe"])
    client.publish("news", "first")
    client.publish("weather", "second")
    got = [message(), message()]
    expect([(one["type"], one["channel"], one["data"]) for one in got],
           [("message", "news", "first"), ("pmessage", "weather", "second")])
    if PROTOCOL == 2:  # In RESP3 redis-py takes the answer for a message.
        subscriber.ping("hello")
        expect(message()["type"], "pong")
    subscriber.unsubscribe("news")
    expect(message()["type"], "unsubscribe")
    client.publish("news", "nobody hears it")
    client.publish("w", "third")
    expect(message()["data"], "third")
    subscriber.close()


@check
def scan_iterators(client):
    keys = {f"scan:{number}" for number in range(300)}
    client.mset(dict.fromkeys(keys, 1))
    client.delete("big:h", "big:t", "big:z")
    client.hset("big:h", mapping={key: 1 for key in keys})
    client.sadd("big:t", *keys)
    client.zadd("big:z", {key: 1 for key in keys})
    eventually(lambda: client.zcard("big:z"), 300)
    client.wait(2, 10_000)
    eventually(lambda: set(client.scan_iter("scan:*", count=20)), keys)
    eventually(lambda: {key for key, _ in client.hscan_iter("big:h", count=20)}, keys)
    eventually(lambda: set(client.sscan_iter("big:t", count=20)), keys)
    eventually(lambda: {key for key, _ in client.zscan_iter("big:z", count=20)}, keys)


@check
def scripts(client):
    add = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    client.delete("scripted")
    expect([add(keys=["scripted"], args=[5]) for _ in range(3)], [5, 10, 15])
    client.script_flush()
    expect(add(keys=["scripted"], args=[1]), 16)
    digest = client.script_load("return redis.call('GET', KEYS[1])")
    expect(client.script_exists(digest, "0" * 40), [True, False])
    eventually(lambda: client.evalsha_ro(digest, 1, "scripted"), "16")
    eventually(lambda: client.eval_ro("return redis.call('GET', KEYS[1])", 1, "scripted"), "16")
    with client.pipeline() as pipeline:
        add(keys=["scripted"], args=[4], client=pipeline)
        pipeline.get("scripted")
        expect(pipeline.execute(), [20, "20"])


@check
def functions(client):
    code = ("#!lua name=ours\nredis.register_function{function_name='reads',"
            "callback=function(k) return redis.call('GET', k[1]) end, flags={'no-writes'}}")
    expect(client.function_load(code, replace=True), "ours")
    client.set("for functions", "v")
    client.wait(2, 10_000)
    eventually(lambda: client.fcall_ro("reads", 1, "for functions"), "v")
    expect(client.fcall("reads", 1, "for functions"), "v")
    client.function_delete("ours")


@check
def a_lock(client):
    client.delete("lock")
    with client.lock("lock", timeout=10, blocking_timeout=10):
        expect(client.lock("lock", timeout=10).acquire(blocking=False), False)
    expect(client.lock("lock", timeout=10).acquire(blocking=False), True)


@check
def databases(client):
    client.set("place", "zero")
    others = [connect(db=number) for number in range(1, 5)]
    for number, other in enumerate(others, 1):
        other.set("place", number)
    for number, other in enumerate(others, 1):
        eventually(lambda: other.get("place"), str(number))
    eventually(lambda: client.get("place"), "zero")


@check
def names_and_ids(client):
    named = connect(client_name="somebody")
    expect(named.client_getname(), "somebody")
    with named.client() as single:
        number = single.client_id()
        mine = [one for one in client.client_list() if one["id"] == str(number)]
        expect([one["name"] for one in mine], ["somebody"])
        expect(client.client_kill_filter(_id=number), 1)


@check
def a_pool_with_health_checks(client):
    """Every use of a connection is preceded by a PING, by many threads on few connections."""
    pool = redis.BlockingConnectionPool(
        host="127.0.0.1", port=PORT, protocol=PROTOCOL, max_connections=4,
        health_check_interval=1, decode_responses=True, socket_timeout=DEADLINE, timeout=DEADLINE)
    shared = redis.Redis(connection_pool=pool)
    wrong = []

    def work(name):
        for number in range(30):
            shared.set(f"pool:{name}:{number}", f"{name} {number}")
            if shared.echo(f"{name} {number}") != f"{name} {number}":
                wrong.append((name, number))
            if number == 15:
                time.sleep(1.2)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(wrong, [])
    pool.disconnect()


@check
def what_libraries_probe_for(client):
    expect(client.ping(), True)
    expect(client.info("server")["redis_mode"], "standalone")
    expect(client.info("replication")["role"], "master")
    expect(client.role()[0], "master")
    expect(client.command_count() > 200, True)
    expect("maxmemory" in client.config_get("maxmemory"), True)
    expect(client.time()[0] > 1_600_000_000, True)
    refused(lambda: client.execute_command("NOSUCH"))


@check
def refusals_say_what_to_do(client):
    if os.environ.get("SLUICE_INTEROP") == "direct":
        return  # The server itself would do as it is told.
    for command in (["SHUTDOWN"], ["REPLICAOF", "NO", "ONE"], ["DEBUG", "SLEEP", "0"]):
        expect(len(refused(lambda: client.execute_command(*command))) > 30, True)
    expect(client.ping(), True)


@check
def large_values(client):
    value = "x" * 5_000_000
    client.set("large", value)
    eventually(lambda: len(client.get("large") or ""), len(value))
    client.delete("large")


@check
def many_threads(client):
    wrong = []

    def work(name):
        for number in range(50):
            with client.pipeline(transaction=number % 2 == 0) as pipeline:
                token = f"{name}:{number}"
                pipeline.set(f"m:{name}", token).get(f"m:{name}").echo(token)
                if pipeline.execute() != [True, token, token]:
                    wrong.append(token)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(wrong, [])


def main():
    expect(redis.utils.HIREDIS_AVAILABLE, sys.argv[3] == "hiredis")
    failures = 0
    for function in CHECKS:
        client = connect()
        try:
            function(client)
            print(f"{function.__name__}: ok", flush=True)
        except Exception:  # A check that fails in any way has failed; the others go on.
            failures += 1
            print(f"{function.__name__}: {traceback.format_exc()}", flush=True)
        client.connection_pool.disconnect()
    print(f"{len(CHECKS)} checks, {failures} failed", flush=True)
    sys.exit(failures != 0)


main()
