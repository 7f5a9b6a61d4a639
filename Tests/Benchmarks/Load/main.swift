// sluice-load: connects many clients to one port, keeps so many requests of each in flight, and says in one line of
// JSON how many were answered and how long that took. `Tests/Benchmarks/run` is who calls it.
//
// redis-benchmark would do for GET and for SET, but it has no mix of both, takes the time of a pipeline's first reply
// for that of all, and cannot be told to wait between connecting and asking, which five thousand clients need if
// only the asking is to be measured.
//
//     connect, one GET each ─▶ print "ready" ─▶ wait for a line ─▶ ask ─▶ print the figures

import Glibc

let options = Options(CommandLine.arguments.dropFirst())
var load = Load(options)
Console.say("ready")
Console.waitForLine()
load.run()
Console.say(load.report)
