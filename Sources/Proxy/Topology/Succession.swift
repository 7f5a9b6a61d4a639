// Who is the master: decided from what the servers say of themselves and from the history that they share. A server
// that merely says so may be one that was left behind.

/// What one server says, as far as it matters for who is the master.
struct Claim: Equatable {
    let server: Int
    /// Whether it answers now; what it said before counts for nothing.
    var isAnswering = true
    var role: ServerReport.Role?
    var runID: [UInt8]?
    /// Its history, and the one that it was promoted from.
    var history: String?
    var formerHistory: String?
    /// The address of whom it follows, and its own.
    var following: String?
    var address = ""
}

/// The master that was adopted, and what it was when it was seen last.
struct Succession: Equatable {
    private(set) var master: Int
    private(set) var runID: [UInt8]?
    private(set) var history: String?

    enum Verdict: Equatable {
        case keep
        case adopt(Int, because: String)
        /// Several say that they are the master, and nothing tells which of them is right.
        case contested([Int])
    }

    /// What an earlier process knew of it is known from the start.
    init(master: Int, runID: [UInt8]? = nil, history: String? = nil) {
        self.master = master
        self.runID = runID
        self.history = history
    }

    /// The master has said how it is.
    mutating func note(_ claim: Claim) {
        guard claim.server == master, claim.isAnswering, claim.role == .master else { return }
        runID = claim.runID
        history = claim.history
    }

    mutating func adopt(_ claim: Claim) {
        master = claim.server
        runID = claim.runID
        history = claim.history
    }

    func judge(_ claims: [Claim]) -> Verdict {
        guard let own = claims.first(where: { $0.server == master }) else { return .keep }
        let others = claims.filter {
            $0.server != master && $0.isAnswering && $0.role == .master
        }
        if own.isAnswering, own.role == .master {
            // As long as it is the process that it was, whoever else was promoted was promoted beside it.
            if let runID, own.runID == runID { return .keep }
            return judgeReturned(own, others, claims)
        }
        if own.isAnswering, own.role == .replica {
            let heirs = others.filter { isHeir($0, of: own) }
            return choose(heirs, "the one before follows it")
        }
        guard history != nil else { return judgeAtStart(own, others, claims) }
        return choose(
            others.filter { descends($0) }, "it was promoted from the history of the one before")
    }

    /// The master has begun anew, or is seen for the first time: others may have been promoted while it was away.
    private func judgeReturned(_ own: Claim, _ others: [Claim], _ claims: [Claim]) -> Verdict {
        let heirs = others.filter {
            descends($0) || $0.formerHistory != nil && $0.formerHistory == own.history
        }
        guard !heirs.isEmpty else { return .keep }
        // Nothing was known before: replicas that still follow it outweigh one that was promoted beside it.
        if history == nil, heirs.count == 1,
            followers(of: own, claims) > followers(of: heirs[0], claims)
        {
            return .keep
        }
        return choose(
            heirs, "it was promoted from the history of the one before, which has come back")
    }

    /// Nothing was ever heard of the configured master: the only one there is will do, if nobody follows another.
    private func judgeAtStart(_ own: Claim, _ others: [Claim], _ claims: [Claim]) -> Verdict {
        guard others.count == 1, let only = others.first else { return .keep }
        let replicas = claims.filter { $0.isAnswering && $0.role == .replica }
        guard replicas.allSatisfy({ $0.history == only.history }), !replicas.isEmpty else {
            return .keep
        }
        return .adopt(
            only.server, because: "all replicas follow it, and the configured one is not there")
    }

    private func choose(_ heirs: [Claim], _ reason: String) -> Verdict {
        switch heirs.count {
        case 0: .keep
        case 1: .adopt(heirs[0].server, because: reason)
        default: .contested(heirs.map(\.server))
        }
    }

    /// Whether a master was promoted from the history that was followed last.
    private func descends(_ claim: Claim) -> Bool {
        history != nil && claim.formerHistory == history
    }

    private func isHeir(_ claim: Claim, of own: Claim) -> Bool {
        descends(claim) || own.history != nil && own.history == claim.history
            || own.following != nil && own.following == claim.address
    }

    private func followers(of claim: Claim, _ claims: [Claim]) -> Int {
        claims.count {
            $0.isAnswering && $0.role == .replica && $0.history != nil
                && $0.history == claim.history
        }
    }
}
