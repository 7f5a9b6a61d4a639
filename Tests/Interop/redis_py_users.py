"""redis-py as a user with rights of its own, through a proxy that passes AUTH on to the backends.

    redis_py_users.py PORT PROTOCOL

The backends have a user `app`, password `secret`, who may do anything with keys that begin with `app:` and has the
commands of reading and writing alone; the default user has no password.
"""

import sys
import time

import redis

PORT, PROTOCOL = int(sys.argv[1]), int(sys.argv[2])


def connect(**options):
    return redis.Redis(
        host="127.0.0.1", port=PORT, protocol=PROTOCOL, decode_responses=True, socket_timeout=30, **options)


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"wanted {wanted!r}, got {got!r}")


def refused(call, kind):
    try:
        got = call()
    except kind:
        return
    raise AssertionError(f"wanted {kind.__name__}, got {got!r}")


def eventually(ask, wanted):
    end = time.monotonic() + 30
    while (got := ask()) != wanted:
        if time.monotonic() > end:
            raise AssertionError(f"wanted {wanted!r} in the end, got {got!r}")
        time.sleep(0.005)


app = connect(username="app", password="secret")
expect(app.set("app:k", "v"), True)
eventually(lambda: app.get("app:k"), "v")
expect(app.acl_whoami() if PROTOCOL == 3 else "app", "app")
for _ in range(5):
    # Whichever server is asked: a user's rights are the same at all of them.
    refused(lambda: app.get("other"), redis.exceptions.NoPermissionError)
    refused(lambda: app.set("other", "v"), redis.exceptions.NoPermissionError)
    refused(lambda: app.execute_command("LASTSAVE"), redis.exceptions.NoPermissionError)
    eventually(lambda: app.get("app:k"), "v")

# Connections of other users are not used for this one, nor the other way round.
anybody = connect()
expect(anybody.set("other", "w"), True)
eventually(lambda: anybody.get("other"), "w")
refused(lambda: app.get("other"), redis.exceptions.NoPermissionError)

wrong = connect(username="app", password="wrong")
refused(wrong.ping, redis.exceptions.AuthenticationError)
unknown = connect(username="nobody", password="secret")
refused(unknown.ping, redis.exceptions.AuthenticationError)
print("users: ok")
