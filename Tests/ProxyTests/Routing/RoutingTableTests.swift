// What the proxy does with every command: at least one request for each row of the table.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct RoutingTableTests {
    let table = CommandTable.builtIn
    let classifier = Classifier(table: .builtIn, rules: [])

    /// Each request goes where its example says: these are the tests that docs/commands.md names.
    @Test(arguments: CommandExamples.all)
    func goesWhereDocumented(_ example: CommandExample) {
        withRequest(example.words) { request in
            let id = table.find(request)
            #expect(id.map { "\(table[$0].name)" } == example.name)
            let disposition = classifier.disposition(of: request, id)
            #expect(disposition.place == example.place)
            #expect(disposition.form == example.form)
            if let id {
                #expect(InTransaction.of(table[id], disposition).inMulti == example.inMulti)
            }
        }
    }

    /// A row without an example is one that nobody has thought about; and each thing that a command's arguments
    /// can make of it has an example.
    @Test func everyRowHasItsExamples() {
        for id in CommandID.allCases {
            let row = table[id]
            let ofRow = CommandExamples.all.filter { $0.name == "\(row.name)" }
            #expect(!ofRow.isEmpty, "\(row.name) has no example")
            for disposition in CommandClass.of(id).dispositions {
                #expect(
                    ofRow.contains { $0.place == disposition.place && $0.form == disposition.form },
                    "\(row.name) has no example of \(disposition)")
            }
        }
    }

    /// The classes and the table's flags do not contradict each other: traps 1 and 2 of hand-made tables.
    @Test(arguments: CommandID.allCases)
    func trap1ClassesAgreeWithFlags(_ id: CommandID) {
        let row = table[id]
        let isUnchanged: (Disposition) -> Bool = { disposition in
            switch disposition {
            case .read(.asItIs), .scan, .tagged: true
            default: false
            }
        }
        let all = CommandClass.of(id).dispositions
        if row.flags.contains(.write) {
            // Read-only forms are other commands, without that flag.
            #expect(!all.contains(where: isUnchanged), "\(row.name)")
            for case .read(let form) in all {
                let name = Array("\(form.name!)".utf8)
                let other = table.find(name.span)
                #expect(other.map { table[$0].flags.contains(.readOnly) } == true, "\(row.name)")
            }
        }
        if row.flags.contains(.mayReplicate) {
            #expect(!all.contains(where: isUnchanged), "\(row.name)")
        }
        if row.flags.contains(.blocking) {
            #expect(all.contains(.blocking) || all == [.waiting], "\(row.name)")
        }
        if all.contains(where: isUnchanged), id != .ping, id != .echo {
            #expect(row.flags.contains(.readOnly), "\(row.name)")
        }
        // Trap 26.
        let mustNotPass: Set<CommandID> = [
            .shutdown, .replicaof, .slaveof, .failover, .debug, .moduleLoad, .moduleLoadex,
            .moduleUnload, .sync, .psync, .replconf,
        ]
        if mustNotPass.contains(id) {
            guard case .refuse = all.first else {
                Issue.record("\(row.name) must not pass by default")
                return
            }
        }
    }

    /// Whoever reads why a command is refused learns what to do instead.
    @Test(arguments: Refusal.allCases)
    func refusalsSayWhatToDo(_ refusal: Refusal) {
        let reason = "\(refusal.reason)"
        #expect(
            ["directly", "run it on", "commands", "another"].contains { reason.contains($0) },
            "\(reason)")
    }
}

extension Disposition {
    /// In the words of the examples, which do not know the proxy.
    var place: CommandExample.Place? {
        switch self {
        case .read: .read
        case .write: .write
        case .ask: .ask
        case .scan: .scan
        case .script(let call): call.readsOnly ? .readingScript : .script
        case .scriptAdmin: .everywhere
        case .blocking: .blocking
        case .waiting: .waiting
        case .transaction: .transaction
        case .subscription: .subscription
        case .pinning: .pinning
        case .session: .session
        case .local: .local
        case .refuse: .refused
        case .unknown, .tagged, .own, .close: nil
        }
    }

    var form: String? {
        if case .read(let form) = self { return form.name.map { "\($0)" } }
        return nil
    }
}

extension InTransaction {
    fileprivate var inMulti: CommandExample.InMulti {
        switch self {
        case .queued: .queued
        case .mistaken: .mistaken
        case .ends: .ends
        case .refused: .refused
        }
    }
}

/// Hands over words as a request.
func withRequest<Result>(_ words: [String], _ body: (Request) throws -> Result) rethrows -> Result {
    var bytes: [UInt8] = []
    var ranges: [ByteRange] = []
    for word in words {
        ranges.append(ByteRange(bytes.count, bytes.count + word.utf8.count))
        bytes += Array(word.utf8)
    }
    return try body(Request(bytes: bytes.span, ranges: ranges.span))
}
