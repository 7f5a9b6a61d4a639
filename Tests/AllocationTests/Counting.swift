// Counting what a piece of work allocates once it runs in its steady state.
//
// SLUICE_ALLOCATIONS=trap makes the first counted allocation crash, so that its backtrace names the place:
//
//     SLUICE_ALLOCATIONS=trap SWIFT_BACKTRACE=enable=yes \
//         swift test -c release --scratch-path .build-allocations --filter AllocationTests

import AllocationCounter
import Foundation

private let traps = ProcessInfo.processInfo.environment["SLUICE_ALLOCATIONS"] == "trap"

/// How many times this thread asks for memory while `work` runs.
func allocations(of work: () -> Void) -> Int {
    let before = allocations_of_this_thread()
    work()
    return allocations_of_this_thread() - before
}

/// How many times this thread asks for memory while `turn` runs a hundred times, after as many turns have warmed
/// caches, pools and reused arrays.
func allocationsInSteadyState(of turn: () -> Void) -> Int {
    for _ in 0..<100 { turn() }
    if traps { trap_on_allocation(1) }
    defer { trap_on_allocation(0) }
    return allocations {
        for _ in 0..<100 { turn() }
    }
}

/// A command as clients send it.
func multibulk(_ arguments: [String]) -> [UInt8] {
    var bytes = Array("*\(arguments.count)\r\n".utf8)
    for argument in arguments {
        bytes += Array("$\(argument.utf8.count)\r\n\(argument)\r\n".utf8)
    }
    return bytes
}

/// The same command as often as a client with this pipeline depth sends it at once.
func pipeline(_ depth: Int, _ arguments: [String]) -> [UInt8] {
    (0..<depth).flatMap { _ in multibulk(arguments) }
}
