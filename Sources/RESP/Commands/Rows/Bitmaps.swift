// The rows of the commands on strings as rows of bits.

extension CommandFacts {
    // Laid out by hand, one fact below the other.
    // swift-format-ignore
    static let bitmaps: [CommandFacts] = [
        .init(.bitcount,            "bitcount",          -2, .readOnly, .bitmap,
              keys: [.key(1, [.readOnly, .access])],
              since: "2.6.0", cost: "O(N), N = bytes looked at",
              summary: "How many bits of a string are set"),
        .init(.bitfield,            "bitfield",          -2, [.write, .denyOOM], .bitmap,
              keys: [
                  .key(1, [.readWrite, .access, .update, .variable],
                      note: "Depends on the operations"),
              ],
              since: "3.2.0", cost: "O(1) per operation",
              summary: "Reads and changes numbers of any width inside a string"),
        .init(.bitfieldRO,          "bitfield_ro",       -2, [.readOnly, .fast], .bitmap,
              keys: [.key(1, [.readOnly, .access])],
              since: "6.0.0", cost: "O(1) per operation",
              summary: "Reads numbers of any width inside a string"),
        .init(.bitop,               "bitop",             -4, [.write, .denyOOM], .bitmap,
              keys: [.key(2, [.overwrite, .update]), .keys(from: 3, [.readOnly, .access])],
              since: "2.6.0", cost: "O(N), N = bytes of the longest string",
              summary: "Combines strings bit by bit"),
        .init(.bitpos,              "bitpos",            -3, .readOnly, .bitmap,
              keys: [.key(1, [.readOnly, .access])],
              since: "2.8.7", cost: "O(N), N = bytes looked at",
              summary: "Where the first set or clear bit of a string is"),
        .init(.getbit,              "getbit",             3, [.readOnly, .fast], .bitmap,
              keys: [.key(1, [.readOnly, .access])],
              since: "2.2.0", cost: "O(1)", summary: "One bit of a string"),
        .init(.setbit,              "setbit",             4, [.write, .denyOOM], .bitmap,
              keys: [.key(1, [.readWrite, .access, .update])],
              since: "2.2.0", cost: "O(1)", summary: "Sets or clears one bit of a string"),
    ]
}
