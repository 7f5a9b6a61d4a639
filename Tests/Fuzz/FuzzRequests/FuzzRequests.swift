// Fuzzes the request parser and the reader. The first four bytes of an input choose the limits, where it is cut and
// what is streamed; the rest is what a client sends.

import Glibc
import RESP
import TestSupport

/// What the parser makes of some input.
private struct Parsed: Equatable {
    var requests: [[[UInt8]]] = []
    var error: ProtocolError?
}

/// libFuzzer's driver, which is linked in by `-sanitize=fuzzer`.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@main
private enum Program {
    static func main() {
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(runDriver(&count, &arguments) { testOneInput($0, $1) })
    }
}

private func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    guard input.count > 4 else { return 0 }
    var cuts = Cuts(seed: input[1..<4])
    let bytes = Array(input[4...])
    var limits = RequestLimits()
    limits.isAuthenticated = input[0] & 1 == 0
    if input[0] & 2 != 0 { limits.requestLength = 64 }
    if input[0] & 4 != 0 { limits.bulkLength = 16 }

    let whole = parse([bytes], limits)
    require(parse(cuts.pieces(of: bytes), limits) == whole, "a split changes what is parsed")
    let naive = NaiveRequestParser.parse(bytes, limits: limits)
    require(whole.requests == naive.requests, "the naive parser finds other requests")
    require(whole.error == naive.error, "the naive parser finds another error")

    limits.streamAbove = Int(input[0] >> 3)
    let streamed = readParts(cuts.pieces(of: bytes), limits)
    require(
        streamed.requests == naive.requests.map { [encode($0)] }, "parts are not the request")
    require(streamed.error == naive.error, "an error is another one when requests are streamed")
    return 0
}

private func parse(_ pieces: [[UInt8]], _ limits: RequestLimits) -> Parsed {
    var parsed = Parsed()
    var parser = RequestParser()
    var kept: [UInt8] = []
    var total = 0
    for piece in pieces {
        kept += piece
        total += piece.count
        do throws(ProtocolError) {
            var start = 0
            while case .request(let end) = try parser.parse(kept.span, from: start, limits: limits)
            {
                require(end > start && end <= kept.count, "a request ends outside of the input")
                let request = parser.request(in: kept.span.extracting(start..<end))
                start = end
                if request.count == 0 { continue }
                let words = (0..<request.count).map { copy(request[$0]) }
                require(copy(request.bytes) == encode(words), "what is forwarded is not in order")
                parsed.requests.append(words)
            }
            kept.removeFirst(start)
        } catch {
            parsed.error = error
            return parsed
        }
        // An argument takes six bytes of input at least, and eight of memory in an array that doubles; an inline
        // request is kept twice, with up to seven bytes in front of a word of one byte.
        require(parser.allocated <= 4096 + 32 * total, "memory beyond what has arrived")
    }
    return parsed
}

/// The bytes of each request, put together from its parts. Each third part is declined once, and each fifth head for
/// good.
private func readParts(_ pieces: [[UInt8]], _ limits: RequestLimits) -> Parsed {
    var parsed = Parsed()
    let reader = RequestReader()
    var unfinished: UnfinishedRequest?
    var begun: [UInt8]?
    var offers = 0
    let handle = { (request: Request) -> RequestReader.Verdict in
        offers += 1
        if offers % 3 == 0 { return .notYet }
        if offers % 5 == 0, request.part == .head { return .gather }
        let startsAnew = request.part == .whole || request.part == .head
        require((begun == nil) == startsAnew, "a part is out of place")
        let bytes = (begun ?? []) + copy(request.bytes)
        switch request.part {
        case .whole, .tail:
            parsed.requests.append([bytes])
            begun = nil
        case .head, .middle:
            begun = bytes
        }
        return offers % 7 == 0 ? .wait : .goOn
    }
    // At the end come calls without new bytes, for what was declined.
    for piece in pieces + Array(repeating: [], count: 3) {
        do throws(ProtocolError) {
            var offersBefore: Int
            var next = piece
            repeat {
                offersBefore = offers
                unfinished = try reader.read(
                    next.span, after: unfinished, limits: limits, handle: handle)
                next = []
            } while piece.isEmpty && unfinished != nil && offers > offersBefore
        } catch {
            parsed.error = error
            return parsed
        }
    }
    return parsed
}

private func encode(_ words: [[UInt8]]) -> [UInt8] {
    var bytes = Array("*\(words.count)\r\n".utf8)
    for word in words { bytes += Array("$\(word.count)\r\n".utf8) + word + [13, 10] }
    return bytes
}

private func copy(_ span: Span<UInt8>) -> [UInt8] {
    span.withUnsafeBufferPointer { Array($0) }
}

private func require(_ condition: Bool, _ fault: String) {
    if !condition { fatalError(fault) }
}
