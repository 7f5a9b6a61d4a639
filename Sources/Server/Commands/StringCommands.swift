// GET, SET, INCR.

import RESP

extension ServerCore {
    func get(_ request: Request, _ client: ClientSession) {
        guard let value = databases[client.database].string(at: request[1]) else {
            return client.output.appendNull(for: client.version)
        }
        client.output.appendBulk(value)
    }

    /// `SET key value`.
    func set(_ request: Request, _ client: ClientSession) {
        guard request.count == 3 else {
            return client.output.append(
                "-ERR syntax error: this server takes SET with a key and a value only\r\n")
        }
        databases[client.database].set(request[2], at: request[1])
        client.output.append("+OK\r\n")
    }

    func increment(_ key: Span<UInt8>, by step: Int, _ client: ClientSession) {
        var number = 0
        if let value = databases[client.database].string(at: key) {
            guard let stored = Decimal.integer(value) else {
                return client.output.append("-ERR value is not an integer or out of range\r\n")
            }
            number = stored
        }
        let (sum, overflowed) = number.addingReportingOverflow(step)
        guard !overflowed else {
            return client.output.append("-ERR increment or decrement would overflow\r\n")
        }
        var text = InlineArray<20, UInt8>(repeating: 0)
        let start = Decimal.write(sum, into: &text)
        databases[client.database].set(text.span.extracting(start..<Decimal.longest), at: key)
        client.output.appendInteger(sum)
    }
}
