// What is to be asked, by how many, and for how long.

struct Options {
    var port = 0
    var clients = 50
    /// Requests that each client sends at once; it waits for all their replies before it sends more.
    var pipeline = 1
    /// How many of a hundred requests are GETs; the others are SETs.
    var reads = 100
    /// Bytes of a value that is set.
    var size = 3
    /// Keys are chosen among so many.
    var keys = 100_000
    /// How long to ask; zero: until a line comes, or the end of input.
    var milliseconds = 0
    /// Requests per second, of all clients together; zero: as fast as the replies come. With a rate each request has
    /// a time at which it is due, and is late from then on, even if its client still waits for an earlier reply.
    var rate = 0

    static let usage = """
        Usage: sluice-load --port NUMBER [--clients 50] [--pipeline 1] [--reads 100] [--size 3] [--keys 100000]
                           [--milliseconds 0] [--rate 0]
        """

    init(_ arguments: ArraySlice<String>) {
        var left = arguments
        while let name = left.popFirst() {
            guard let text = left.popFirst(), let value = Int(text), value >= 0 else {
                Console.fail("\(name) needs a number\n\(Options.usage)")
            }
            switch name {
            case "--port": port = value
            case "--clients": clients = value
            case "--pipeline": pipeline = value
            case "--reads": reads = value
            case "--size": size = value
            case "--keys": keys = value
            case "--milliseconds": milliseconds = value
            case "--rate": rate = value
            default: Console.fail("there is no \(name)\n\(Options.usage)")
            }
        }
        guard port > 0, port < 65_536, clients > 0, pipeline > 0, reads <= 100, keys > 0 else {
            Console.fail(
                "port, clients, pipeline, reads or keys are out of range\n\(Options.usage)")
        }
        guard rate == 0 || pipeline == 1 else {
            Console.fail("a rate is for one request at a time")
        }
    }
}
