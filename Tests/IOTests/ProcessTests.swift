// What a program does once: its limits, its pid file, its slots.

import Foundation
import IO
import RESP
import Testing

@Suite struct ProcessTests {
    struct LimitRow: Sendable {
        let clients: Int
        let current: Int
        let reached: Int
        let maximum: Int?
        let lines: Int
    }

    /// The limit against the clients: enough, raised, lowered, and too little to start.
    @Test(arguments: [
        LimitRow(clients: 10_000, current: 20_000, reached: 20_000, maximum: 10_000, lines: 0),
        LimitRow(clients: 10_000, current: 10_032, reached: 10_032, maximum: 10_000, lines: 0),
        LimitRow(clients: 10_000, current: 1_024, reached: 10_032, maximum: 10_000, lines: 1),
        LimitRow(clients: 10_000, current: 1_024, reached: 4_096, maximum: 4_064, lines: 3),
        LimitRow(clients: 10_000, current: 1_024, reached: 1_024, maximum: 992, lines: 3),
        LimitRow(clients: 10_000, current: 33, reached: 33, maximum: 1, lines: 3),
        LimitRow(clients: 10_000, current: 32, reached: 32, maximum: nil, lines: 0),
    ]) func limitsClientsByDescriptors(row: LimitRow) throws {
        let outcome = try? DescriptorLimit.decide(
            clients: row.clients, current: row.current, reached: row.reached,
            reason: "Operation not permitted")
        #expect(outcome?.maximumClients == row.maximum)
        #expect(outcome?.lines.count ?? 0 == row.lines)
    }

    @Test func saysWhatRedisSays() throws {
        let outcome = try DescriptorLimit.decide(
            clients: 10_000, current: 1_024, reached: 4_096, reason: "Operation not permitted")
        #expect(
            outcome.lines == [
                "You requested maxclients of 10000 requiring at least 10032 max file descriptors.",
                "Server can't set maximum open files to 10032 because of OS error: "
                    + "Operation not permitted.",
                "Current maximum open files is 4096. maxclients has been reduced to 4064 to "
                    + "compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'.",
            ])
        let raised = try DescriptorLimit.decide(
            clients: 10_000, current: 1_024, reached: 10_032, reason: "")
        #expect(
            raised.lines == [
                "Increased maximum number of open files to 10032 (it was originally set to 1024)."
            ])
        let failure = #expect(throws: StartFailure.self) {
            try DescriptorLimit.decide(clients: 10_000, current: 32, reached: 32, reason: "")
        }
        #expect(
            failure?.message == "Your current 'ulimit -n' of 32 is not enough for the server to "
                + "start. Please increase your open file limit to at least 10032. Exiting.")
    }

    @Test func triesLowerLimitsInSteps() {
        #expect(Array(DescriptorLimit.candidates(wanted: 132, current: 80)) == [132, 116, 100, 84])
        #expect(Array(DescriptorLimit.candidates(wanted: 132, current: 132)).isEmpty)
    }

    @Test func thePidFileHoldsTheNumber() throws {
        let scratch = Scratch()
        let file = try #require(PidFile(path: scratch.file("pid")))
        #expect(scratch.text("pid") == "\(getpid())\n")
        file.remove()
        #expect(access(scratch.file("pid"), F_OK) != 0)
        #expect(PidFile(path: "/nonexistent/pid") == nil)
    }

    /// A token of the past fits no slot of the present, whatever lives there now.
    @Test func aStaleTokenFitsNothing() throws {
        var table = WatchTable()
        let first = table.insert(try makeWatch())
        let second = table.insert(try makeWatch())
        _ = table.remove(first)
        let third = table.insert(try makeWatch())
        #expect(third.slot == first.slot)
        #expect(Token(bits: third.bits) == third)
        let free = table.insert(try makeWatch())
        _ = table.remove(free)
        let rows = [
            (first, false), (second, true), (third, true), (free, false),
            (Token(slot: 1_000, generation: 1), false),
            // A free slot has an even generation, which no token may claim.
            (Token(slot: free.slot, generation: free.generation &+ 1), false),
        ]
        for (token, isHeld) in rows {
            let holds = table.holds(token)
            #expect(holds == isHeld, "\(token)")
        }
    }

    /// Growing moves what is watched, and only that.
    @Test func theTableGrowsAroundFreeSlots() throws {
        var table = WatchTable()
        var tokens: [Token] = []
        for _ in 0..<60 { tokens.append(table.insert(try makeWatch())) }
        for token in tokens.prefix(10) { _ = table.remove(token) }
        for _ in 0..<200 { tokens.append(table.insert(try makeWatch())) }
        for token in tokens.dropFirst(10) {
            let number = table[token].descriptor.number
            #expect(fcntl(number, F_GETFD) >= 0)
        }
    }

    private func makeWatch() throws -> Watch {
        let number = open("/dev/null", O_RDONLY | O_CLOEXEC)
        try #require(number >= 0)
        return Watch(descriptor: Descriptor(owning: number), role: .wakeUp, interest: [])
    }
}
