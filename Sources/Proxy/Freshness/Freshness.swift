// What the workers share to know how fresh an answer is: the fences of the keys, what each replica is proved to have
// applied, and the watermarks that tie the two together.

import RESP
import Synchronization

/// Made once, and handed to every worker.
package final class Freshness: Sendable {
    let fences = FenceTable()
    /// By the number of the server.
    let proofs: [Proof]
    /// By the number of the worker.
    let traces: [WorkerTrace]
    /// What the names of the channels end with that watermarks are published on. Nobody else knows it, so that nobody
    /// can forge one.
    private let secret: UInt64
    private let given = Atomic<UInt64>(0)
    /// Others write past this proxy, and the master is to answer what must be fresh.
    private let foreignWrites = Atomic<Bool>(false)

    /// For so many servers at most; the secret is what the channel's name ends with.
    package init(workers: Int = 1, servers: Int = 257, secret: UInt64 = 0) {
        proofs = (0..<servers).map { _ in Proof() }
        traces = (0..<workers).map { _ in WorkerTrace() }
        self.secret = secret
    }

    /// Where the watermarks of a reign are published: who is late to hear of a new master proves nothing of it.
    func channel(_ reign: Int) -> [UInt8] {
        let suffix = reign == 0 ? "" : ":\(reign)"
        return Array("\(OwnChannels.watermarks)\(String(secret, radix: 16))\(suffix)".utf8)
    }

    /// The highest watermark that any write stands behind; nil while one is on its way.
    var everythingResolved: Watermark? {
        var highest: UInt64 = 0
        for trace in traces {
            if trace.pending.load(ordering: .sequentiallyConsistent) != 0 { return nil }
            highest = max(highest, trace.behind.load(ordering: .sequentiallyConsistent))
        }
        return Watermark(number: highest)
    }

    /// The watermark that will be given out next: whatever has happened until now stands before it.
    var next: Watermark {
        Watermark(number: given.load(ordering: .sequentiallyConsistent) + 1)
    }

    /// The last one that was given out.
    var last: Watermark {
        Watermark(number: given.load(ordering: .sequentiallyConsistent))
    }

    /// One more, to be published.
    func give() -> Watermark {
        Watermark(number: given.add(1, ordering: .sequentiallyConsistent).newValue)
    }

    /// What is known of a server becomes void.
    func void(_ server: Int) {
        proofs[server].void(last)
    }

    func voidAll() {
        for proof in proofs { proof.void(last) }
    }

    // MARK: Writes of others

    var heedsForeignWrites: Bool { foreignWrites.load(ordering: .relaxed) }

    func holdForeignWrites(_ areHeeded: Bool) {
        foreignWrites.store(areHeeded, ordering: .relaxed)
    }

    /// Writes that all workers have sent; and those of them, or fewer, that raise fences and have been answered, or
    /// raise none.
    var writesSent: Int { traces.reduce(0) { $0 + $1.sent.load(ordering: .acquiring) } }
    var writesSettled: Int {
        traces.reduce(0) {
            // What was sent is looked at first: its fences were raised before.
            let sent = $1.sent.load(ordering: .acquiring)
            return $0 + sent - $1.pending.load(ordering: .sequentiallyConsistent)
        }
    }

    /// Of those sent, how many raise no fence, so that nobody here knows whether they have been answered.
    var writesUnfenced: Int { traces.reduce(0) { $0 + $1.unfenced.load(ordering: .relaxed) } }

    /// Requests that they have sent of which nobody can say how often they write.
    var opaqueSent: Int { traces.reduce(0) { $0 + $1.opaque.load(ordering: .relaxed) } }
}

/// What one worker has under way: it alone writes here, and all read.
final class WorkerTrace: Sendable {
    /// Fences that it has raised and not lowered.
    let pending = Atomic<Int>(0)
    /// The highest watermark that a write of its stands behind.
    let behind = Atomic<UInt64>(0)
    /// Commands that it has sent to a master which are counted there as writes, and requests that may write uncounted.
    let sent = Atomic<Int>(0)
    /// Those of them that raise no fence.
    let unfenced = Atomic<Int>(0)
    let opaque = Atomic<Int>(0)

    /// Behind `begin`, so that whoever sees them sees their fences.
    func noteSent(_ writes: Int, unfenced others: Int = 0) {
        if others > 0 {
            unfenced.store(unfenced.load(ordering: .relaxed) &+ others, ordering: .relaxed)
        }
        sent.store(sent.load(ordering: .relaxed) &+ writes &+ others, ordering: .releasing)
    }

    func noteOpaque() {
        opaque.store(opaque.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    func begin(_ fences: Int) {
        let now = pending.load(ordering: .relaxed) + fences
        pending.store(now, ordering: .sequentiallyConsistent)
    }

    func end(_ fences: Int, behind watermark: Watermark) {
        // The watermark first: who sees nothing pending must see it.
        if watermark.number > behind.load(ordering: .relaxed) {
            behind.store(watermark.number, ordering: .sequentiallyConsistent)
        }
        let left = pending.load(ordering: .relaxed) - fences
        precondition(left >= 0, "fences are lowered twice")
        pending.store(left, ordering: .sequentiallyConsistent)
    }
}
