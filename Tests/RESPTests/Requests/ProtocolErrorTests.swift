// The lines that redis-server answers to what is not RESP. (InteropTests hold them against the real one.)

import RESP
import Testing

@Suite struct ProtocolErrorTests {
    static let rows: [(error: ProtocolError, line: String)] = [
        (.tooBigInlineRequest, "too big inline request"),
        (.unbalancedQuotes, "unbalanced quotes in request"),
        (.tooBigMultibulkCount, "too big mbulk count string"),
        (.invalidMultibulkLength, "invalid multibulk length"),
        (.unauthenticatedMultibulkLength, "unauthenticated multibulk length"),
        (.tooBigBulkCount, "too big bulk count string"),
        (.expectedDollar(got: UInt8(ascii: "P")), "expected '$', got 'P'"),
        (.expectedDollar(got: 13), "expected '$', got ' '"),
        (.invalidBulkLength, "invalid bulk length"),
        (.unauthenticatedBulkLength, "unauthenticated bulk length"),
        (.tooBigRequest, "too big request"),
    ]

    @Test(arguments: rows) func says(error: ProtocolError, line: String) {
        var output = OutputQueue(pool: BlockPool())
        error.append(to: &output)
        #expect(contents(&output).escaped == "-ERR Protocol error: \(line)\r\n".bytes.escaped)
    }
}
