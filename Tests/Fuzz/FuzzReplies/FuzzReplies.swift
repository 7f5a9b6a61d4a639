// Fuzzes the reply scanner and the reply parser. The first three bytes of an input choose where it is cut; the rest
// is what a backend sends.

import Glibc
import RESP
import TestSupport

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
    guard input.count > 3 else { return 0 }
    var cuts = Cuts(seed: input[..<3])
    let bytes = Array(input[3...])
    let pieces = cuts.pieces(of: bytes)

    let whole = scan([bytes])
    require(scan(pieces) == whole, "a split changes what is scanned")
    checkRun(bytes, against: whole)
    let parsed = parse([bytes])
    require(parse(pieces) == parsed, "a split changes what is parsed")

    // The naive parser says where each reply ends, until something is wrong or missing.
    var rest = bytes[...]
    var found: [String] = []
    var result = NaiveReplyParser.parse(Array(rest))
    while case .reply(let reply, let end) = result {
        found.append(write(reply))
        rest = rest.dropFirst(end)
        require(whole.ends.dropFirst(found.count - 1).first == rest.startIndex, "another end")
        result = NaiveReplyParser.parse(Array(rest))
    }
    require(parsed.replies == found, "the naive parser finds other replies")
    require((parsed.error != nil) == (result == .malformed), "only one parser finds an error")
    return 0
}

private struct Scanned: Equatable {
    /// Where each reply ends in the whole input, and its kind.
    var ends: [Int] = []
    var kinds: [ReplyKind] = []
    var error: ReplyError?
}

private func scan(_ pieces: [[UInt8]]) -> Scanned {
    var scanned = Scanned()
    var scanner = ReplyScanner()
    var before = 0
    for piece in pieces {
        var start = 0
        do throws(ReplyError) {
            while case .reply(let end) = try scanner.scan(piece.span, from: start) {
                require(end > start && end <= piece.count, "a reply ends outside of the input")
                require(
                    scanner.isAtStart && scanner.announced == 0, "a reply goes on behind its end")
                scanned.ends.append(before + end)
                scanned.kinds.append(scanner.kind)
                start = end
            }
        } catch {
            scanned.error = error
            return scanned
        }
        before += piece.count
    }
    return scanned
}

/// A run must find the same first replies, and stop in front of an error, a push or an aggregate at the latest.
private func checkRun(_ bytes: [UInt8], against whole: Scanned) {
    let run = ReplyScanner().scanRun(bytes.span, from: 0, most: .max)
    require(run.count <= whole.ends.count, "a run finds more than there is")
    require(run.end == (run.count == 0 ? 0 : whole.ends[run.count - 1]), "a run ends elsewhere")
    let special: [ReplyKind] = [.error, .push, .array, .map, .set, .attribute]
    require(!whole.kinds.prefix(run.count).contains { special.contains($0) }, "a run goes too far")
}

private struct Parsed: Equatable {
    var replies: [String] = []
    var error: ReplyError?
}

private func parse(_ pieces: [[UInt8]]) -> Parsed {
    var parsed = Parsed()
    var parser = ReplyParser()
    var total = 0
    for piece in pieces {
        parser.append(piece.span)
        total += piece.count
        do throws(ReplyError) {
            while let reply = try parser.next() { parsed.replies.append(write(reply)) }
        } catch {
            parsed.error = error
            return parsed
        }
        require(parser.allocated <= 1024 + 4 * total, "memory beyond what has arrived")
    }
    return parsed
}

/// A reply as text, in both versions of the protocol. (Values cannot be compared: a NaN is not equal to itself.)
private func write(_ reply: Reply) -> String {
    var output = OutputQueue(pool: BlockPool())
    ReplyWriter(for: .resp2).write(reply, to: &output)
    ReplyWriter(for: .resp3).write(reply, to: &output)
    var bytes: [UInt8] = []
    while !output.isEmpty {
        output.drain { pieces in
            bytes += pieces[0].withUnsafeBufferPointer { Array($0) }
            return pieces[0].count
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

private func require(_ condition: Bool, _ fault: String) {
    if !condition { fatalError(fault) }
}
