// The rows of the commands on HyperLogLogs.

extension CommandFacts {
    // Laid out by hand, one fact below the other.
    // swift-format-ignore
    static let hyperLogLogs: [CommandFacts] = [
        .init(.pfadd,               "pfadd",             -2, [.write, .denyOOM, .fast],
              .hyperLogLog,
              keys: [.key(1, [.readWrite, .insert])],
              since: "2.8.9", cost: "O(1) per element",
              summary: "Counts elements into a HyperLogLog"),
        .init(.pfcount,             "pfcount",           -2, [.readOnly, .mayReplicate],
              .hyperLogLog,
              keys: [
                  .keys(from: 1, [.readWrite, .access],
                      note: "Counting may rewrite the count that the value caches"),
              ],
              since: "2.8.9", cost: "O(1) for one key, O(N) for N keys",
              summary: "About how many different elements were counted"),
        .init(.pfdebug,             "pfdebug",            3, [.write, .denyOOM, .admin],
              .hyperLogLog,
              keys: [.key(2, [.readWrite, .access])], isSystem: true,
              since: "2.8.9", cost: "O(1)", summary: "Looks inside a HyperLogLog; for developers"),
        .init(.pfmerge,             "pfmerge",           -2, [.write, .denyOOM], .hyperLogLog,
              keys: [.key(1, [.readWrite, .access, .insert]), .keys(from: 2, [.readOnly, .access])],
              since: "2.8.9", cost: "O(N), N = keys", summary: "Merges HyperLogLogs into one"),
        .init(.pfselftest,          "pfselftest",         1, .admin, .hyperLogLog,
              isSystem: true,
              since: "2.8.9", cost: "O(1)", summary: "Tests the HyperLogLog code; for developers"),
    ]
}
