// Fuzzes the request parser. The first four bytes of an input choose the limits and where it is cut; the rest is what
// a client sends.

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
