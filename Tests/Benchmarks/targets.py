"""What the proxy is to reach, and whether it did: printed beside the figures, and nothing fails on it."""

import statistics

from tables import show, spread

# CPU time of the proxy per request over nutcracker's, by requests in flight per connection.
CPU_OVER_NUTCRACKER = {1: 0.85, 16: 0.4, 64: 0.25}
# p99 over nutcracker's.
P99_OVER_NUTCRACKER = 1.0
# CPU time of proxy and server over that of the server alone, without pipelining, at this number of clients.
BOTH_OVER_DIRECT, BOTH_CLIENTS = 1.2, 50
# Most resident memory under load, at this many clients and requests in flight per connection.
PEAK_MEGABYTES, PEAK_CLIENTS, PEAK_PIPELINE = 64, 5_000, 16
# Resident memory of a client that has nothing to say.
IDLE_KILOBYTES = 0.5
# A value of 512 MB: most resident memory above that at rest, and what other clients wait, p99 and worst.
HUGE_MEGABYTES = 32
HUGE_OVER_DIRECT = 1.5
OTHER_BACKEND_OVER_IDLE = 2.0


class Targets:
    """Collects figures that have a target, and prints them in one table at the end."""

    def __init__(self):
        self.rows = []

    def check(self, what, values, limit, digits=2):
        """The median of the rounds counts."""
        if values:
            verdict = "met" if statistics.median(values) <= limit else "MISSED"
            self.rows.append([what, f"≤ {limit}", spread(values, digits), verdict])

    def show(self):
        if self.rows:
            met = sum(row[-1] == "met" for row in self.rows)
            show(f"Targets of sluice-proxy: {met} of {len(self.rows)} met; median (min–max)",
                 ["what", "target", "measured", ""], self.rows)
