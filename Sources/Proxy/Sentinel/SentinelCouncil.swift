// Who is the master, from what sentinels say: pure, so that a table of cases can ask it everything.
//
// A sentinel that was cut off goes on naming the master of before. So one voice is never enough: the master is who is
// named by more than half of all sentinels that there are, each with an epoch that is not below the highest that was
// ever adopted. Who does not answer confirms nothing.

import RESP

/// All sentinels of one master, and what they have agreed on so far.
struct SentinelCouncil {
    typealias Member = SentinelTestimony.Other

    enum Outcome: Equatable {
        case agreed(SentinelVerdict)
        case lacking(Lack)
    }

    /// Why nothing can be said.
    enum Lack: Equatable {
        case tooFewAnswers
        case disagreement
        /// Enough of them name one master, in a past that was left behind.
        case outdated(Endpoint, epoch: Int)
    }

    /// The sentinels that are known, those that do not answer among them.
    private(set) var members: [Member] = []
    /// The epoch of the latest verdict.
    private(set) var highestEpoch: Int
    private(set) var size = 0

    /// More sentinels than anybody runs; what is told beyond that is not believed.
    static let mostMembers = 64

    /// `highestEpoch` is what was adopted before this council met.
    init(highestEpoch: Int = 0) {
        self.highestEpoch = highestEpoch
    }

    private var majority: Int { size / 2 + 1 }

    /// Judges what is said now. `named` is how many different sentinels the configuration names, as far as is known:
    /// one that has never answered may be one of those that others tell of, and is not counted beside them.
    mutating func judge(
        _ statements: [(endpoint: Endpoint, testimony: SentinelTestimony)], named: Int
    ) -> Outcome {
        // One sentinel that is reached by two addresses has one vote.
        var testimonies: [SentinelTestimony] = []
        var present: [Member] = []
        for (endpoint, testimony) in statements
        where !testimonies.contains(where: { $0.id == testimony.id }) {
            testimonies.append(testimony)
            present.append(Member(id: testimony.id, endpoint: endpoint))
        }
        count(present, testimonies, named: named)

        guard testimonies.count >= majority else { return .lacking(.tooFewAnswers) }
        if let verdict = verdict(of: testimonies.filter { $0.epoch >= highestEpoch }) {
            highestEpoch = max(highestEpoch, verdict.epoch)
            return .agreed(verdict)
        }
        if let past = verdict(of: testimonies) {
            return .lacking(.outdated(past.master, epoch: past.epoch))
        }
        return .lacking(.disagreement)
    }

    // MARK: Who has a vote

    /// Takes in whom the sentinels tell of. Somebody is forgotten only when a majority answers and nobody of it knows
    /// him any more: else one that was cut off and told to forget the others would be a majority by itself.
    private mutating func count(
        _ present: [Member], _ testimonies: [SentinelTestimony], named: Int
    ) {
        var mentioned = present
        func add(_ member: Member) {
            guard mentioned.count < SentinelCouncil.mostMembers,
                !mentioned.contains(where: { $0.id == member.id })
            else { return }
            mentioned.append(member)
        }
        for testimony in testimonies {
            for other in testimony.others { add(other) }
        }
        if present.count < max(majority, named / 2 + 1) {
            for member in members { add(member) }
        }
        members = mentioned
        size = max(members.count, named)
    }

    // MARK: The verdict

    private func verdict(of testimonies: [SentinelTestimony]) -> SentinelVerdict? {
        for candidate in testimonies {
            let votes = testimonies.filter { $0.master == candidate.master }
            guard votes.count >= majority else { continue }
            // What a majority has reached: a single one may be ahead, or mistaken.
            let epoch = votes.map(\.epoch).sorted(by: >)[majority - 1]
            return SentinelVerdict(
                master: candidate.master, epoch: epoch,
                runID: SentinelCouncil.mostNamed(votes.compactMap(\.runID)),
                isMasterDown: votes.count { $0.isMasterDown } >= majority,
                replicas: SentinelCouncil.replicas(votes, besides: candidate.master))
        }
        return nil
    }

    /// What most say; of equals the first by name, so that the order of answers decides nothing.
    private static func mostNamed(_ names: [String]) -> String? {
        func count(_ name: String) -> Int { names.count { $0 == name } }
        return names.min { left, right in
            let (leftCount, rightCount) = (count(left), count(right))
            return leftCount == rightCount ? left < right : leftCount > rightCount
        }
    }

    /// A replica that any of them knows. During a failover the new master is still one to some.
    private static func replicas(
        _ votes: [SentinelTestimony], besides master: Endpoint
    ) -> [SentinelVerdict.Replica] {
        var replicas: [SentinelVerdict.Replica] = []
        let all = votes.flatMap(\.replicas)
        for replica in all
        where replica.endpoint != master
            && !replicas.contains(where: { $0.endpoint == replica.endpoint })
        {
            let sightings = all.filter { $0.endpoint == replica.endpoint }
            replicas.append(
                SentinelVerdict.Replica(
                    endpoint: replica.endpoint,
                    isDown: 2 * sightings.count { $0.isDown } > sightings.count,
                    isLinked: 2 * sightings.count { $0.isLinked } > sightings.count,
                    priority: sightings.map(\.priority).min() ?? 0))
        }
        return replicas.sorted { $0.endpoint.description < $1.endpoint.description }
    }
}
