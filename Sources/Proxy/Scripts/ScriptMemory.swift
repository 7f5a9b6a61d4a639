// The scripts that clients have loaded through this worker, for servers that do not have them.

import RESP

/// Bodies of scripts by their digests, the oldest forgotten first when they become too many bytes.
struct ScriptMemory {
    struct Script {
        let body: [UInt8]
        /// It promises not to write.
        let readsOnly: Bool
    }

    private let limit: Int
    private(set) var bytes = 0
    /// Never walked through: the order is in `digests`.
    private var scripts: [[UInt8]: Script] = [:]
    private var digests: [[UInt8]] = []

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { scripts.count }

    /// The script with this digest, in whatever case that is.
    subscript(_ digest: Span<UInt8>) -> Script? {
        guard digest.count == 40, !scripts.isEmpty else { return nil }
        var key: [UInt8] = []
        key.reserveCapacity(40)
        for index in digest.indices { key.append(Bytes.lowercased(digest[index])) }
        return scripts[key]
    }

    mutating func remember(_ body: Span<UInt8>) {
        guard body.count <= limit else { return }
        let digest = SHA1.hexadecimal(body)
        guard scripts[digest] == nil else { return }
        scripts[digest] = Script(
            body: [UInt8](copying: body), readsOnly: ScriptHeader.promisesNoWrites(body))
        digests.append(digest)
        bytes += body.count
        var forgotten = 0
        while bytes > limit {
            bytes -= scripts.removeValue(forKey: digests[forgotten])?.body.count ?? 0
            forgotten += 1
        }
        digests.removeFirst(forgotten)
    }

    mutating func forgetAll() {
        scripts = [:]
        digests = []
        bytes = 0
    }
}
