// A virtual disk: appends and syncs take their time, may fail, and what was not synced may be lost, in the middle of
// an append too, when the machine dies.

import RESP

/// The files of one node. They outlive its core, as files do.
final class Disk {
    private struct File {
        let path: String
        var contents: [UInt8] = []
        /// The first bytes of `contents`, this many, survive a crash.
        var synced = 0
    }

    private struct Handle {
        let id: FileID
        let file: Int
        /// Bytes appended since it was opened.
        var appended = 0
        var hasFailed = false
    }

    private enum Request {
        case open(FileID, path: String, size: Int)
        case append(FileID, [UInt8])
        case sync(FileID)
        case close(FileID)
        case replace(FileID, path: String, [UInt8])
    }

    private unowned let node: Node
    private var random: Random
    private var files: [File] = []
    private var handles: [Handle] = []
    private var requests: [Request] = []
    /// A word about the oldest request is on its way.
    private var isBusy = false
    /// Bytes that fit on it, over all files.
    var capacity = Int.max

    init(of node: Node, random: Random) {
        self.node = node
        self.random = random
    }

    /// What a program would read from the file now; nil when there is none.
    func contents(of path: String) -> [UInt8]? {
        files.first { $0.path == path }?.contents
    }

    // MARK: What the core wishes

    func open(_ id: FileID, path: String, size: Int) { add(.open(id, path: path, size: size)) }
    func append(_ bytes: [UInt8], to id: FileID) { add(.append(id, bytes)) }
    func sync(_ id: FileID) { add(.sync(id)) }
    func close(_ id: FileID) { add(.close(id)) }
    func replace(_ id: FileID, path: String, contents: [UInt8]) {
        add(.replace(id, path: path, contents))
    }

    private func add(_ request: Request) {
        requests.append(request)
        work()
    }

    private func work() {
        guard !isBusy, !requests.isEmpty else { return }
        isBusy = true
        let delay = random.wait(mean: node.world.faults.diskDelay)
        node.world.schedule(.diskDone(self), in: delay)
    }

    // MARK: What becomes of it

    /// The oldest request is done, unless a crash took it away.
    func done() {
        isBusy = false
        guard !requests.isEmpty else { return }
        let news = carryOut(requests.removeFirst())
        work()
        if let news { node.hear(news) }
    }

    private func carryOut(_ request: Request) -> News? {
        switch request {
        case .open(let id, let path, let size):
            open(id, file: file(at: path), size: size)
            return nil
        case .append(let id, let bytes):
            return withHandle(id) { append(bytes, to: &$0) }
        case .sync(let id):
            return withHandle(id) { sync(&$0) }
        case .close(let id):
            handles.removeAll { $0.id == id }
            return nil
        case .replace(let id, let path, let contents):
            if random.chance(node.world.faults.failsSync) {
                return .failed(id, reason: "Input/output error")
            }
            replace(path, contents)
            return .synced(id, size: contents.count)
        }
    }

    private func file(at path: String) -> Int {
        if let known = files.firstIndex(where: { $0.path == path }) { return known }
        files.append(File(path: path))
        return files.count - 1
    }

    private func open(_ id: FileID, file: Int, size: Int) {
        precondition(!handles.contains { $0.id == id }, "file \(id.number) is open already")
        let excess = files[file].contents.count - size
        if excess > 0 { files[file].contents.removeLast(excess) }
        files[file].synced = min(files[file].synced, size)
        handles.append(Handle(id: id, file: file))
    }

    /// Nothing is done with a file that has failed, and nothing is said about it again.
    private func withHandle(_ id: FileID, _ body: (inout Handle) -> News) -> News? {
        guard let index = handles.firstIndex(where: { $0.id == id }) else {
            preconditionFailure("file \(id.number) is not open")
        }
        return handles[index].hasFailed ? nil : body(&handles[index])
    }

    private func append(_ bytes: [UInt8], to handle: inout Handle) -> News {
        let used = files.reduce(0) { $0 + $1.contents.count }
        let isFull = bytes.count > capacity - used
        if isFull || random.chance(node.world.faults.failsAppend) {
            // Part of it is on the disk all the same.
            let part = min(capacity - used, random.below(bytes.count + 1))
            files[handle.file].contents.append(contentsOf: bytes.prefix(max(0, part)))
            handle.hasFailed = true
            return .failed(
                handle.id, reason: isFull ? "No space left on device" : "Input/output error")
        }
        files[handle.file].contents.append(contentsOf: bytes)
        handle.appended += bytes.count
        return .appended(handle.id, size: handle.appended)
    }

    private func sync(_ handle: inout Handle) -> News {
        if random.chance(node.world.faults.failsSync) {
            handle.hasFailed = true
            return .failed(handle.id, reason: "Input/output error")
        }
        files[handle.file].synced = files[handle.file].contents.count
        return .synced(handle.id, size: handle.appended)
    }

    /// In one step: what was there before is gone when this is there.
    private func replace(_ path: String, _ contents: [UInt8]) {
        let number = file(at: path)
        files[number].contents = contents
        files[number].synced = contents.count
    }

    /// The machine dies: of what was not synced a part is left, the last append torn anywhere.
    func crash() {
        for case .append(let id, let bytes) in requests.prefix(1) {
            guard let handle = handles.first(where: { $0.id == id }), !handle.hasFailed else {
                break
            }
            files[handle.file].contents.append(contentsOf: bytes)
        }
        for index in files.indices {
            let count = files[index].contents.count
            let kept = random.within(files[index].synced...count)
            files[index].contents.removeLast(count - kept)
            files[index].synced = kept
        }
        requests.removeAll()
        handles.removeAll()
    }
}
