// One line of CLIENT LIST and CLIENT INFO, in redis-server 7.0's format.

import RESP

/// What CLIENT LIST tells of one client of the proxy. Fields that describe redis-server's own buffers are given the
/// nearest thing that the proxy has, or zero.
package struct ClientLine: Sendable, Equatable {
    /// What a client is doing, as letters in redis-server's order.
    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt16

        package init(rawValue: UInt16) {
            self.rawValue = rawValue
        }

        package static let monitor = Flags(rawValue: 1 << 0)
        package static let subscribed = Flags(rawValue: 1 << 1)
        package static let transaction = Flags(rawValue: 1 << 2)
        package static let blocked = Flags(rawValue: 1 << 3)
        package static let tracking = Flags(rawValue: 1 << 4)
        package static let trackingBrokenRedirect = Flags(rawValue: 1 << 5)
        package static let trackingBroadcast = Flags(rawValue: 1 << 6)
        /// Its EXEC will fail: a key that it watches has changed.
        package static let dirty = Flags(rawValue: 1 << 7)
        package static let closesAfterReply = Flags(rawValue: 1 << 8)
        package static let unixSocket = Flags(rawValue: 1 << 9)
        package static let readOnly = Flags(rawValue: 1 << 10)
        package static let noEvict = Flags(rawValue: 1 << 11)

        private static let letters: [(Flags, UInt8)] = [
            (.monitor, UInt8(ascii: "O")), (.subscribed, UInt8(ascii: "P")),
            (.transaction, UInt8(ascii: "x")), (.blocked, UInt8(ascii: "b")),
            (.tracking, UInt8(ascii: "t")), (.trackingBrokenRedirect, UInt8(ascii: "R")),
            (.trackingBroadcast, UInt8(ascii: "B")), (.dirty, UInt8(ascii: "d")),
            (.closesAfterReply, UInt8(ascii: "c")), (.unixSocket, UInt8(ascii: "U")),
            (.readOnly, UInt8(ascii: "r")), (.noEvict, UInt8(ascii: "e")),
        ]

        /// `N` when there is nothing to tell.
        var text: String {
            let letters = Flags.letters.filter { contains($0.0) }.map(\.1)
            return letters.isEmpty ? "N" : String(decoding: letters, as: UTF8.self)
        }
    }

    package var id: Int
    /// As redis-server writes them: `127.0.0.1:50000`, `/path:0`.
    package var address: String
    package var localAddress: String
    /// A core knows no descriptors: this is the connection's slot.
    package var slot = 0
    package var name: [UInt8] = []
    /// Whole seconds since it connected, and since its last request.
    package var age = 0
    package var idle = 0
    package var flags: Flags = []
    package var database = 0
    package var channels = 0
    package var patterns = 0
    package var shardChannels = 0
    /// Requests queued in its transaction; nil outside of one.
    package var queuedRequests: Int?
    package var unfinishedInput = 0
    package var transactionMemory = 0
    /// Bytes of replies that it has not read.
    package var unreadOutput = 0
    package var totalMemory = 0
    /// Whether the proxy reads from it, and whether it has something to write.
    package var isRead = true
    package var hasOutput = false
    /// The last command as the table names it, such as `client|list`; nil before the first.
    package var command: String?
    package var user: [UInt8] = Array("default".utf8)
    /// Where invalidations are sent; -1: nowhere else.
    package var redirection = -1
    package var version = ProtocolVersion.resp2

    package init(id: Int, address: String, localAddress: String) {
        self.id = id
        self.address = address
        self.localAddress = localAddress
    }

    package var type: ClientType { flags.contains(.subscribed) ? .subscriber : .normal }

    /// Appends the line without its line end, as CLIENT INFO and CLIENT LIST have it before one.
    package func append(to text: inout [UInt8]) {
        text += "id=\(id) addr=\(address) laddr=\(localAddress) fd=\(slot) name=".utf8
        text += name
        text += " age=\(age) idle=\(idle) flags=\(flags.text) db=\(database) sub=\(channels)".utf8
        text += " psub=\(patterns) ssub=\(shardChannels) multi=\(queuedRequests ?? -1)".utf8
        text += " qbuf=\(unfinishedInput) qbuf-free=0 argv-mem=0".utf8
        text += " multi-mem=\(transactionMemory)".utf8
        text += " rbs=0 rbp=0 obl=\(unreadOutput) oll=0 omem=\(unreadOutput)".utf8
        text += " tot-mem=\(totalMemory) events=\(isRead ? "r" : "")\(hasOutput ? "w" : "")".utf8
        text += " cmd=\(command ?? "NULL") user=".utf8
        text += user
        text += " redir=\(redirection) resp=\(version.rawValue)".utf8
    }

    /// The reply's text of CLIENT LIST, by rising id.
    package static func text(of lines: [ClientLine]) -> [UInt8] {
        var text: [UInt8] = []
        for line in lines.sorted(by: { $0.id < $1.id }) {
            line.append(to: &text)
            text.append(UInt8(ascii: "\n"))
        }
        return text
    }
}

/// A client as PROXY CLIENTS tells of it: its line, and what only a proxy has.
package struct ProxyClient: Sendable, Equatable {
    package var line: ClientLine
    package var worker: Int
    package var consistency: String
    /// The backend of its own connection, and why it has one; nil while it shares.
    package var pin: (backend: String, reason: String)?
    /// Requests that it still waits for.
    package var outstanding: Int
    /// Bytes of replies that wait for their turn or for the client.
    package var heldMemory: Int

    package init(
        line: ClientLine, worker: Int, consistency: String,
        pin: (backend: String, reason: String)? = nil, outstanding: Int = 0, heldMemory: Int = 0
    ) {
        self.line = line
        self.worker = worker
        self.consistency = consistency
        self.pin = pin
        self.outstanding = outstanding
        self.heldMemory = heldMemory
    }

    package static func == (left: ProxyClient, right: ProxyClient) -> Bool {
        left.report == right.report
    }

    var report: Report {
        .fields([
            .init("id", .number(line.id)),
            .init("address", .text(line.address)),
            .init("name", .bytes(line.name)),
            .init("user", .bytes(line.user)),
            .init("age_seconds", .number(line.age)),
            .init("idle_seconds", .number(line.idle)),
            .init("flags", .text(line.flags.text)),
            .init("database", .number(line.database)),
            .init("protocol", .number(Int(line.version.rawValue))),
            .init("last_command", .text(line.command)),
            .init("consistency", .text(consistency)),
            .init("worker", .number(worker)),
            .init("pinned_to", .text(pin?.backend)),
            .init("pinned_because", .text(pin?.reason)),
            .init("outstanding", .number(outstanding)),
            .init("held_memory_bytes", .number(heldMemory)),
        ])
    }
}
