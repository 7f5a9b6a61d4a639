// Another master: how one steps down for a replica, or is replaced when it has died.

import RESP

extension World {
    /// Whether somebody who asked then may have asked a server for what it was no more: it takes a while to find out,
    /// with connects that nobody answers some seconds.
    func roleMayBeUnknown(to asker: Instant) -> Bool {
        roleChangedAt.map { asker <= $0 + .seconds(4) } ?? false
    }

    func isMaster(_ machine: Machine) -> Bool {
        machine.endpoint == Setup.endpoint(of: stream?.leader ?? 0)
    }

    private func server(_ number: Int) -> SmallServer? {
        machine(at: Setup.endpoint(of: number))?.nodes[0].core as? SmallServer
    }

    /// Who could be promoted now.
    private var electable: [Int] {
        guard let stream else { return [] }
        return stream.followers.indices.filter { number in
            number != stream.leader && isServerUp(number)
                && stream.followers[number]?.isElectable == true
        }
    }

    /// The master waits until a replica has everything, and steps down for it. Nothing is lost.
    func switchMaster() {
        guard let stream, stream.isUp, let master = server(stream.leader), !electable.isEmpty
        else { return }
        let heir = switching.pick(electable)
        stream.followers[heir]?.takeAll()
        let following = Following(
            stream, inFavourOf: heir, epoch: master.deliveredEpoch, in: self,
            random: switching.split())
        trace("\(Setup.hostName(of: stream.leader)) steps down for \(Setup.hostName(of: heir))")
        coverage.reach(.steppedDown)
        roleChangedAt = now
        master.stepDown(to: following, at: now)
        wake(stream.leader)
        schedule(.promote(heir), in: switching.wait(mean: .milliseconds(10)))
    }

    /// The master has died, and somebody may promote a replica before it is back.
    func mayPromote() {
        guard !electable.isEmpty, switching.chance(faults.promotesAfterCrash) else { return }
        let heir = switching.pick(electable)
        // What had not reached it by now never will.
        stream?.followers[heir]?.standsStill = true
        schedule(.promote(heir), in: switching.wait(mean: .milliseconds(40)))
    }

    /// When the heir is lost in the meantime, the one that stepped down for it takes over again.
    func promote(_ heir: Int) {
        guard let stream, !stream.isUp else { return }
        let isVacant = isServerUp(stream.leader)
        let candidates = electable.contains(heir) ? [heir] : isVacant ? [stream.leader] : []
        guard let next = candidates.first, let server = server(next) else { return }
        let following = stream.followers[next]
        let isShort = (following?.copy.position ?? 0) < stream.units.count
        trace("\(Setup.hostName(of: next)) is the master")
        if stream.leaders.contains(next) { coverage.reach(.promotedAgain) }
        coverage.reach(isShort ? .promotedWithLoss : .promoted)
        if !isVacant {
            stream.saved[stream.leader] = Following.Copy(
                history: stream.history, position: stream.units.count,
                data: stream.dataset(after: stream.units.count))
        }
        server.rise(stream, at: now)
        roleChangedAt = now
        wake(next)
    }

    /// What a server says to its clients because of its new role goes out.
    private func wake(_ server: Int) {
        machine(at: Setup.endpoint(of: server))?.nodes[0].rouse()
    }
}
