// The scripts that clients have loaded through this worker, for servers that do not have them.

import RESP

/// Bodies of scripts by their digests, the oldest forgotten first when they become too many bytes.
struct ScriptMemory {
    struct Script {
        let body: [UInt8]
        /// It promises not to write.
        let readsOnly: Bool
    }

    /// What an entry takes beside its body, about: the shortest scripts must not be millions.
    static let overhead = 256

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
        guard body.count + ScriptMemory.overhead <= limit else { return }
        let digest = SHA1.hexadecimal(body)
        guard scripts[digest] == nil else { return }
        scripts[digest] = Script(
            body: [UInt8](copying: body), readsOnly: ScriptHeader.promisesNoWrites(body))
        digests.append(digest)
        bytes += body.count + ScriptMemory.overhead
        guard bytes > limit else { return }
        // A quarter at once, so that the list is not moved for each new script.
        var forgotten = 0
        while bytes > limit / 4 * 3 {
            guard let script = scripts.removeValue(forKey: digests[forgotten]) else { break }
            bytes -= script.body.count + ScriptMemory.overhead
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
