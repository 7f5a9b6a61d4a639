// Which key somebody meant who wrote one that does not exist.

extension ProxyKeys {
    /// The keys that may stand in the map at `path`, without those of maps within it.
    static func names(in path: String) -> [String] {
        let prefix = path.isEmpty ? "" : path + "."
        var names: [String] = []
        for key in all where key.path.hasPrefix(prefix) {
            let name = String(key.path.dropFirst(prefix.count).prefix { $0 != "." })
            if names.last != name { names.append(name) }
        }
        return names
    }

    /// The rest of a sentence that begins with the unknown key: the nearest key of the same map, one that begins like
    /// it, else the same key in another map, else all keys of this map.
    static func suggestion(for key: String, in path: String) -> String {
        let names = names(in: path)
        let wanted = folded(key)
        let meant =
            nearest(to: key, among: names)
            ?? names.first { wanted.utf8.count > 2 && $0.hasPrefix(wanted) }
        if let meant { return "did you mean '\(meant)'?" }
        let elsewhere = all.first { candidate in
            candidate.path == key || candidate.components.last.map(String.init) == wanted
        }
        if let elsewhere {
            let parents = elsewhere.components.dropLast().joined(separator: ".")
            let place = parents.isEmpty ? "outside of any map" : "in '\(parents)'"
            return "did you mean '\(elsewhere.components.last!)' \(place)?"
        }
        return "expected one of: " + names.joined(separator: ", ")
    }

    // Upper case and dashes are slips that cost nothing.
    private static func folded(_ key: String) -> String {
        String(key.lowercased().map { $0 == "-" ? "_" : $0 })
    }

    /// The name that somebody meant who wrote another; nil when none is near. Case does not count.
    static func nearest(to text: String, among names: [String]) -> String? {
        let wanted = folded(text)
        guard wanted.utf8.count <= 64 else { return nil }
        let most = max(1, wanted.utf8.count / 3)
        let ranked = names.map { name in
            (name: name, slips: slips(Array(wanted.utf8), Array(folded(name).utf8)))
        }
        guard let best = ranked.min(by: { $0.slips < $1.slips }), best.slips <= most else {
            return nil
        }
        return best.name
    }

    // How many letters must be added, left out, changed or swapped with their neighbour. O(n · m).
    private static func slips(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in 1...max(left.count, 1) where row <= left.count {
            var current = [row]
            for column in 1...max(right.count, 1) where column <= right.count {
                let changed = left[row - 1] == right[column - 1] ? 0 : 1
                var least = min(
                    last[column] + 1, current[column - 1] + 1, last[column - 1] + changed)
                if row > 1, column > 1, left[row - 1] == right[column - 2],
                    left[row - 2] == right[column - 1]
                {
                    least = min(least, beforeLast[column - 2] + 1)
                }
                current.append(least)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
