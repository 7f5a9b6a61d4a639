// Several connections through one reader: each gets its own requests, whatever the pieces and their order.

import RESP
import TestSupport
import Testing

@Suite struct RequestReaderTests {
    /// A connection as a core keeps one.
    private final class Connection {
        var unfinished: UnfinishedRequest?
        var requests: [[[UInt8]]] = []
        var error: ProtocolError?
        /// The next bytes to send.
        var sent = 0
    }

    private func read(
        _ bytes: [UInt8], from connection: Connection, through reader: RequestReader,
        answer: (Int) -> RequestReader.Verdict = { _ in .goOn }
    ) {
        do throws(ProtocolError) {
            connection.unfinished = try reader.read(
                bytes.span, after: connection.unfinished, limits: RequestLimits()
            ) { request in
                connection.requests.append((0..<request.count).map { copy(request[$0]) })
                return answer(connection.requests.count)
            }
        } catch {
            connection.unfinished = nil
            connection.error = error
        }
    }

    @Test(arguments: 0..<6) func keepsConnectionsApart(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let corpus =
            RequestParserTests.rows.map(\.bytes.bytes)
            + RequestParserTests.malformed.prefix(3).map(\.bytes.bytes)
        let reader = RequestReader()
        for _ in 0..<40 {
            let inputs = (0..<4).map { _ in
                (0..<6).flatMap { _ in corpus.randomElement(using: &random)! }
            }
            let connections = inputs.map { _ in Connection() }
            while let index = connections.indices.filter({
                connections[$0].sent < inputs[$0].count && connections[$0].error == nil
            }).randomElement(using: &random) {
                let connection = connections[index]
                let size = [1, 2, 5, 60].randomElement(using: &random)!
                let end = min(connection.sent + size, inputs[index].count)
                read(Array(inputs[index][connection.sent..<end]), from: connection, through: reader)
                connection.sent = end
            }
            for (input, connection) in zip(inputs, connections) {
                let expected = NaiveRequestParser.parse(input)
                #expect(connection.requests == expected.requests, "\(input.escaped)")
                #expect(connection.error == expected.error, "\(input.escaped)")
                reader.recycle(connection.unfinished)
            }
        }
    }

    /// A handler that says `wait` gets nothing more until it is asked again, and then everything in order.
    @Test func waits() {
        let reader = RequestReader()
        let connection = Connection()
        let words = (1...5).map { ["\($0)".bytes] }
        let input = words.flatMap(encode)
        read(input, from: connection, through: reader) { $0 == 2 ? .wait : .goOn }
        #expect(connection.requests == Array(words[..<2]))
        read("*1\r\n$1".bytes, from: connection, through: reader) { $0 == 3 ? .wait : .goOn }
        #expect(connection.requests == Array(words[..<3]))
        read([], from: connection, through: reader)
        #expect(connection.requests == words)
        read("\r\n6\r\n".bytes, from: connection, through: reader)
        #expect(connection.requests == words + [["6".bytes]])
        #expect(connection.unfinished == nil)
    }

    /// A handler that says `drop` gets nothing more, and nothing is kept.
    @Test func drops() {
        let reader = RequestReader()
        let connection = Connection()
        read("*1\r\n$1\r\na".bytes, from: connection, through: reader)
        read("\r\nb\r\nc\r\nd".bytes, from: connection, through: reader) {
            $0 == 2 ? .drop : .goOn
        }
        #expect(connection.requests == [["a".bytes], ["b".bytes]])
        #expect(connection.unfinished == nil)
    }

    /// One that has held a giant request gives its memory back.
    @Test func sparesAreSmall() throws {
        let reader = RequestReader()
        let connection = Connection()
        let giant = encode([[UInt8](repeating: 0x61, count: 1_000_000)])
        read(Array(giant.dropLast()), from: connection, through: reader)
        let kept = try #require(connection.unfinished)
        #expect(kept.bytes.allocated > 1_000_000)
        read(Array(giant.suffix(1)), from: connection, through: reader)
        #expect(connection.requests.count == 1)
        #expect(connection.unfinished == nil)
        #expect(kept.bytes.allocated == 0)
    }

    @Test func refusesToRecycleTwice() async {
        await #expect(processExitsWith: .failure) {
            let reader = RequestReader()
            let unfinished = UnfinishedRequest()
            reader.recycle(unfinished)
            reader.recycle(unfinished)
        }
    }
}
