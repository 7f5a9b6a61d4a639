// The replies that one client does not get yet: those of writes that replicas have not confirmed, and what comes behind
// them, since replies keep the order of their requests.
//
//     released ─▶ │ other │ write, question 7 │ other │ write, question 8 │ other │ ◀─ end
//
// When a question has been answered its writes are let go of in order: as they are, or an error in place of each.

import RESP

/// What has been found out about the writes that a question covered.
struct Verdict {
    /// As many replicas as are wanted have confirmed all that this process had done.
    let isConfirmed: Bool
    let process: ProcessMark
    /// What is answered in place of a reply when they have not; and when it was done by another process.
    let shortfall: [UInt8]
    let stranger: [UInt8]

    /// What is answered in place of a write that `process` has done; nil: its reply.
    fileprivate func refusal(of process: ProcessMark) -> [UInt8]? {
        if !isConfirmed { return shortfall }
        return process == self.process && process != .unknown ? nil : stranger
    }
}

/// A client's replies from the first write on that is not confirmed.
final class WithheldReplies {
    /// Replies of writes that were done when a question was still to be asked.
    private struct Write {
        let start: Int
        /// Nil while the reply is not all there.
        var end: Int?
        let replies: Int
        let question: Int
        let process: ProcessMark
        /// The rest of the reply will never come.
        var isCut = false
    }

    /// What becomes of the rest of a reply that its client is to get, of which only a part was there.
    private enum Rest {
        case nothing
        case withheld
        /// It was confirmed.
        case passed
        /// It was not: this is answered in its place.
        case replaced([UInt8])
    }

    /// How much of one client's output a verdict has settled.
    struct Settled {
        var confirmed = 0
        var refused = 0
    }

    var bytes: OutputQueue
    /// Replies of writes among them.
    private(set) var replies = 0
    /// The last question that the client was listed for.
    var listedFor = 0
    /// Where the first and the last of the bytes stand in all that was ever withheld.
    private var released = 0
    private var end: Int { released + bytes.count }
    private var writes: [Write] = []
    private var head = 0
    private var rest = Rest.nothing

    init(pool: BlockPool) {
        bytes = OutputQueue(pool: pool)
    }

    /// Whether what comes next must wait behind a write.
    var isActive: Bool { head < writes.count }

    /// Whether the next part belongs to a write's reply that has begun.
    var isContinuing: Bool {
        if case .nothing = rest { false } else { true }
    }

    // MARK: Taking in

    /// Whole replies of writes; or, when `replies` is zero, the beginning of one.
    func begin(_ part: Span<UInt8>, _ replies: Int, question: Int, by process: ProcessMark) {
        let start = end
        bytes.append(part)
        writes.append(
            Write(
                start: start, end: replies > 0 ? end : nil, replies: max(1, replies),
                question: question, process: process))
        self.replies += max(1, replies)
        if replies == 0 { rest = .withheld }
    }

    /// More of the reply that has begun.
    func goOn(_ part: Span<UInt8>, isWhole: Bool, into output: inout OutputQueue) {
        switch rest {
        case .nothing: preconditionFailure("no reply has begun")
        case .withheld:
            bytes.append(part)
            if isWhole { writes[writes.count - 1].end = end }
        case .passed: output.append(part)
        case .replaced(let line): if isWhole { output.append(line.span) }
        }
        if isWhole { rest = .nothing }
    }

    /// The rest of the reply that has begun will never come.
    func cutShort() {
        if case .withheld = rest {
            writes[writes.count - 1].end = end
            writes[writes.count - 1].isCut = true
        }
        rest = .nothing
    }

    // MARK: Letting go

    /// Settles the writes that were done before this question was asked, and all that waits behind no other.
    func settle(
        upTo question: Int, _ verdict: Verdict, into output: inout OutputQueue
    ) -> Settled {
        var settled = Settled()
        while head < writes.count, writes[head].question <= question {
            let write = writes[head]
            head += 1
            replies -= write.replies
            release(upTo: write.start, into: &output)
            let refusal = verdict.refusal(of: write.process)
            if refusal == nil { settled.confirmed += write.replies }
            if refusal != nil { settled.refused += write.replies }
            guard refusal == nil, !write.isCut else {
                forget(upTo: write.end ?? end)
                replace(write, by: refusal, into: &output)
                continue
            }
            release(upTo: write.end ?? end, into: &output)
            if write.end == nil { rest = .passed }
        }
        release(upTo: isActive ? writes[head].start : end, into: &output)
        forgetSettled()
        return settled
    }

    private func replace(
        _ write: Write, by refusal: [UInt8]?, into output: inout OutputQueue
    ) {
        guard let refusal, !write.isCut else { return }
        guard write.end != nil else {
            rest = .replaced(refusal)
            return
        }
        for _ in 0..<write.replies { output.append(refusal.span) }
    }

    private func forgetSettled() {
        if head == writes.count {
            writes.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 32, head * 2 >= writes.count {
            writes.removeFirst(head)
            head = 0
        }
    }

    private func release(upTo place: Int, into output: inout OutputQueue) {
        guard place > released else { return }
        if place == end, output.isEmpty {
            released = place
            return swap(&bytes, &output)
        }
        take(upTo: place) { output.append($0) }
    }

    private func forget(upTo place: Int) {
        take(upTo: place) { _ in }
    }

    private func take(upTo place: Int, _ body: (Span<UInt8>) -> Void) {
        while released < place {
            let most = place - released
            var taken = 0
            bytes.drain { pieces in
                for index in 0..<pieces.count where taken < most {
                    let count = min(pieces[index].count, most - taken)
                    body(pieces[index].extracting(0..<count))
                    taken += count
                }
                return taken
            }
            released += taken
        }
    }
}
