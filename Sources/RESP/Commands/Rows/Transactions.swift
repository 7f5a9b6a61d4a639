// The rows of the commands on transactions.

extension CommandFacts {
    // Laid out by hand, one fact below the other.
    // swift-format-ignore
    static let transactions: [CommandFacts] = [
        .init(.discard,             "discard",            1,
              [.noScript, .loading, .stale, .fast, .allowBusy], .transaction,
              since: "2.0.0", cost: "O(N), N = commands queued", summary: "Drops the transaction"),
        .init(.exec,                "exec",               1,
              [.noScript, .loading, .stale, .skipSlowLog, .touchesArbitraryKeys], .transaction,
              since: "1.2.0", cost: "Depends on the commands queued",
              summary: "Runs the transaction"),
        .init(.multi,               "multi",              1,
              [.noScript, .loading, .stale, .fast, .allowBusy], .transaction,
              since: "1.2.0", cost: "O(1)", summary: "Begins a transaction"),
        .init(.unwatch,             "unwatch",            1,
              [.noScript, .loading, .stale, .fast, .allowBusy], .transaction,
              since: "2.2.0", cost: "O(1)", summary: "Forgets the watched keys"),
        .init(.watch,               "watch",             -2,
              [.noScript, .loading, .stale, .fast, .allowBusy], .transaction,
              keys: [.keys(from: 1, .readOnly)],
              since: "2.2.0", cost: "O(1) per key",
              summary: "Lets the next transaction fail if one of the keys changes"),
    ]
}
