// From the bytes of many connections to requests, one after the other; both cores read through this.
//
//     bytes ──▶ whole requests ──▶ handle        straight from the driver's buffer, nothing copied
//           └─▶ the rest ──▶ UnfinishedRequest   kept by the session until more arrives
//
// Where limits say so, a request that is too long to be kept comes in parts, each as soon as it is there. To `notYet`
// and `wait` a part is like a request: so a handler whose backend takes too slowly stops the client. An error may come
// behind any part.

/// Reads requests for all sessions of one core. Only a session with an unfinished request holds memory for input.
public final class RequestReader {
    /// What a handler wants done with the bytes behind its request.
    public enum Verdict {
        case goOn
        /// It was not handled: keep it too, to be handed over again by a call with no new bytes.
        case notYet
        /// Keep them: they are read on by a call with no new bytes.
        case wait
        /// Forget them: nothing more is taken from this connection.
        case drop
        /// Only for the head of a request: it was not handled, and is to come again when it is whole.
        case gather
    }

    /// How many emptied unfinished requests are kept for the next ones.
    static let sparesKept = 64
    /// One that has held more than this gives its memory back first.
    static let memoryKept = 64 * 1024

    private var parser = RequestParser()
    private var spares: [UnfinishedRequest] = []

    public init() {}

    /// Reads `bytes`, which follow what `unfinished` holds, and hands each whole request to `handle`. Returns what
    /// is to be kept for the next call: nil when nothing is left over.
    public func read(
        _ bytes: Span<UInt8>, after unfinished: UnfinishedRequest?, limits: RequestLimits,
        handle: (Request) -> Verdict
    ) throws(ProtocolError) -> UnfinishedRequest? {
        if let unfinished {
            // Nothing is kept between two parts: those need not be copied either.
            if unfinished.bytes.isEmpty {
                return try readPast(unfinished, bytes, limits: limits, handle: handle)
            }
            unfinished.bytes.append(bytes)
            return try readOn(unfinished, limits: limits, handle: handle)
        }
        guard let rest = try RequestReader.read(bytes, &parser, limits, handle) else { return nil }
        guard rest < bytes.count || parser.isStreaming else { return nil }
        let kept = spares.popLast() ?? UnfinishedRequest()
        kept.use = .kept
        swap(&kept.parser, &parser)
        kept.bytes.append(bytes.extracting(rest..<bytes.count))
        return kept
    }

    /// Keeps `bytes` behind what `unfinished` holds, to be read by a later call.
    public func keep(
        _ bytes: Span<UInt8>, after unfinished: UnfinishedRequest?
    ) -> UnfinishedRequest {
        let kept = unfinished ?? spares.popLast() ?? UnfinishedRequest()
        kept.use = .kept
        kept.bytes.append(bytes)
        return kept
    }

    /// Keeps a request that was handled, to be handled once more before what `unfinished` holds. Nil when half of a
    /// long request has been handed over already.
    public func giveBack(
        _ request: Span<UInt8>, before unfinished: UnfinishedRequest?
    ) -> UnfinishedRequest? {
        guard unfinished.map({ !$0.parser.isStreaming }) ?? true else { return nil }
        let kept = keep(request, after: nil)
        if let unfinished { kept.bytes.append(unfinished.bytes.bytes) }
        recycle(unfinished)
        return kept
    }

    /// Takes back what a session that is going away had kept.
    public func recycle(_ unfinished: UnfinishedRequest?) {
        guard let unfinished else { return }
        precondition(
            unfinished.use == .kept, "an unfinished request is recycled twice, or while read")
        guard spares.count < RequestReader.sparesKept else { return }
        unfinished.use = .spare
        unfinished.bytes.removeAll()
        if unfinished.bytes.allocated > RequestReader.memoryKept { unfinished.bytes.release() }
        unfinished.parser.reset()
        if unfinished.parser.allocated > RequestReader.memoryKept {
            unfinished.parser = RequestParser()
        }
        spares.append(unfinished)
    }

    private func readOn(
        _ unfinished: UnfinishedRequest, limits: RequestLimits, handle: (Request) -> Verdict
    ) throws(ProtocolError) -> UnfinishedRequest? {
        let rest: Int?
        do {
            rest = try read(unfinished.bytes.bytes, of: unfinished, limits, handle)
        } catch {
            recycle(unfinished)
            throw error
        }
        if let rest {
            unfinished.bytes.removeFirst(rest)
            unfinished.bytes.shrink(above: RequestReader.memoryKept)
            if !unfinished.bytes.isEmpty { return unfinished }
            if unfinished.parser.isStreaming { return unfinished }
        }
        recycle(unfinished)
        return nil
    }

    /// Reads on where a request is begun and no bytes of it are kept.
    private func readPast(
        _ unfinished: UnfinishedRequest, _ bytes: Span<UInt8>, limits: RequestLimits,
        handle: (Request) -> Verdict
    ) throws(ProtocolError) -> UnfinishedRequest? {
        let rest: Int?
        do {
            rest = try read(bytes, of: unfinished, limits, handle)
        } catch {
            recycle(unfinished)
            throw error
        }
        if let rest, rest < bytes.count || unfinished.parser.isStreaming {
            unfinished.bytes.append(bytes.extracting(rest..<bytes.count))
            return unfinished
        }
        recycle(unfinished)
        return nil
    }

    private func read(
        _ bytes: Span<UInt8>, of unfinished: UnfinishedRequest, _ limits: RequestLimits,
        _ handle: (Request) -> Verdict
    ) throws(ProtocolError) -> Int? {
        precondition(unfinished.use == .kept, "a handler reads on by itself, or a spare is read")
        unfinished.use = .read
        defer { unfinished.use = .kept }
        return try RequestReader.read(bytes, &unfinished.parser, limits, handle)
    }

    /// Where the first request or part begins that was not handled; nil when the rest is to be dropped.
    private static func read(
        _ bytes: Span<UInt8>, _ parser: inout RequestParser, _ limits: RequestLimits,
        _ handle: (Request) -> Verdict
    ) throws(ProtocolError) -> Int? {
        var start = 0
        while true {
            let end: Int
            switch try parser.parse(bytes, from: start, limits: limits) {
            case .request(let place):
                end = place
            case .incomplete:
                return start
            case .part(let part, let end):
                switch handle(parser.request(part, in: bytes.extracting(start..<end))) {
                case .goOn:
                    parser.accept()
                    start = end
                case .wait:
                    parser.accept()
                    return end
                case .notYet:
                    return start
                case .drop:
                    parser.reset()
                    return nil
                case .gather:
                    parser.gather()
                }
                continue
            }
            let request = parser.request(in: bytes.extracting(start..<end))
            let begin = start
            start = end
            guard request.count > 0 else { continue }
            switch handle(request) {
            case .goOn: continue
            case .notYet: return begin
            case .wait: return start
            case .drop: return nil
            case .gather: preconditionFailure("what is whole cannot be gathered")
            }
        }
    }
}
