// GET, SET, INCR.

import RESP

extension ServerCore {
    func get(_ request: Request, _ client: ClientSession) {
        let keyspace = databases[client.database]
        guard let place = keyspace.find(request[1]) else {
            return client.output.appendNull(for: client.version)
        }
        client.output.appendBulk(keyspace.string(of: place))
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
        let keyspace = databases[client.database]
        let place = keyspace.find(key)
        var number = 0
        if let place {
            guard let stored = keyspace.integer(of: place) else {
                return client.output.append("-ERR value is not an integer or out of range\r\n")
            }
            number = stored
        }
        let (sum, overflowed) = number.addingReportingOverflow(step)
        guard !overflowed else {
            return client.output.append("-ERR increment or decrement would overflow\r\n")
        }
        if let place {
            keyspace.set(sum, of: place)
        } else {
            keyspace.set(sum, at: key)
        }
        client.output.appendInteger(sum)
    }
}
