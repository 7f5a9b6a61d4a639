// What a small server does for more than one request at a time: transactions, blocking, and messages.

import RESP

extension SmallServer {
    // MARK: Transactions

    /// Nil for what is done at once.
    func transact(_ name: String, _ arguments: [[UInt8]], of session: Session) -> [UInt8]? {
        switch (name, arguments.count) {
        case ("MULTI", 1): session.queued = []
        case ("EXEC", 1): return execute(for: session)
        case ("DISCARD", 1): endTransaction(of: session)
        case ("WATCH", 2):
            following?.noteWrite(name)
            session.watched[arguments[1]] = changes[arguments[1], default: 0]
        case ("UNWATCH", 1): session.watched = [:]
        default:
            guard session.queued != nil else { return nil }
            if let complaint = complaint(about: [name]) {
                session.isRefused = true
                return complaint
            }
            session.queued!.append(arguments)
            return [UInt8]("+QUEUED\r\n")
        }
        return [UInt8]("+OK\r\n")
    }

    private func execute(for session: Session) -> [UInt8] {
        guard let queued = session.queued else { return [UInt8]("-ERR EXEC without MULTI\r\n") }
        defer { endTransaction(of: session) }
        let discarded = "-EXECABORT Transaction discarded because of"
        if session.isRefused { return [UInt8]("\(discarded) previous errors.\r\n") }
        let names = queued.map { String(decoding: $0[0], as: UTF8.self).uppercased() }
        if let complaint = complaint(about: names) {
            return [UInt8]("\(discarded): ") + complaint.dropFirst()
        }
        let isChanged = session.watched.contains { changes[$0.key, default: 0] != $0.value }
        if isChanged, flaw != .ignoresWatch { return [UInt8]("*-1\r\n") }
        stream?.begin()
        defer { stream?.commit(at: now) }
        var replies = [UInt8]("*\(queued.count)\r\n")
        for (index, arguments) in queued.enumerated() {
            let name = String(decoding: arguments[0], as: UTF8.self).uppercased()
            let isLeftOut = flaw == .tearsTransaction && index > 0 && name == "INCR"
            replies += isLeftOut ? [UInt8](":0\r\n") : perform(name, arguments, of: session)
        }
        return replies
    }

    /// Why a replica refuses what is to be done as one.
    private func complaint(about names: [String]) -> [UInt8]? {
        guard let following else { return nil }
        if let complaint = following.complaint { return complaint }
        let writes: Set = ["SET", "DEL", "INCR", "RPUSH", "EVAL"]
        guard let write = names.first(where: writes.contains) else { return nil }
        following.noteWrite(write)
        return Following.readOnly
    }

    private func endTransaction(of session: Session) {
        session.queued = nil
        session.isRefused = false
        session.watched = [:]
    }

    // MARK: The list

    func push(_ element: [UInt8], from session: Session) -> [UInt8] {
        if !(flaw == .losesElement && requests % 3 == 0) {
            data.apply([[UInt8]("RPUSH"), Commons.list, element])
        }
        let length = data.list.count
        note(
            [[UInt8]("RPUSH"), Commons.list, element], of: Commons.list, data.list.first,
            from: session)
        while let first = data.list.first, !blocked.isEmpty {
            guard let waiting = sessions[blocked.removeFirst()] else { continue }
            removeFirst(for: waiting)
            unblock(waiting, with: popped(first))
        }
        return [UInt8](":\(max(1, length))\r\n")
    }

    private func removeFirst(for session: Session) {
        data.apply([[UInt8]("LPOP"), Commons.list])
        note([[UInt8]("LPOP"), Commons.list], of: Commons.list, data.list.first, from: session)
    }

    /// Nothing while it waits for an element.
    func pop(_ seconds: [UInt8], for session: Session) -> [UInt8] {
        if let first = data.list.first {
            if !(flaw == .popsTwice && requests % 3 == 0) { removeFirst(for: session) }
            return popped(first)
        }
        let patience = Double(String(decoding: seconds, as: UTF8.self)) ?? 0
        let until = now + .nanoseconds(Int(patience * 1e9))
        session.blockedUntil = until
        blocked.append(session.id)
        wake(at: until)
        return []
    }

    private func popped(_ element: [UInt8]) -> [UInt8] {
        [UInt8]("*2\r\n") + bulk(Commons.list) + bulk(element)
    }

    func unblock(_ session: Session, with reply: [UInt8]) {
        session.blockedUntil = nil
        session.output.append(reply.span)
        unblocked.append(session.id)
    }

    func forgetBlocked(_ session: Session) {
        session.blockedUntil = nil
        blocked.removeAll { $0 == session.id }
    }

    /// Answers those whose patience is over.
    func giveUpBlocked() {
        for id in blocked {
            guard let session = sessions[id], let until = session.blockedUntil else { continue }
            guard until <= now else {
                wake(at: until)
                continue
            }
            forgetBlocked(session)
            unblock(session, with: [UInt8]("*-1\r\n"))
        }
    }

    /// Reads what those have sent meanwhile who were blocked.
    func readOn() {
        while !unblocked.isEmpty {
            guard let session = sessions[unblocked.removeFirst()] else { continue }
            if session.isPaused || session.isClosing || session.blockedUntil != nil {
                settle(session)
            } else {
                read(Span(), from: session)
            }
        }
    }

    private func wake(at due: Instant) {
        pending.wakeAt = min(due, pending.wakeAt ?? due)
    }

    // MARK: Messages

    func subscribe(
        _ session: Session, to channel: [UInt8], _ isSubscribed: Bool
    ) -> [UInt8] {
        // It hears nothing of what was said before.
        listen()
        session.channels.removeAll { $0 == channel }
        if isSubscribed { session.channels.append(channel) }
        listen()
        return [UInt8]("*3\r\n") + bulk([UInt8](isSubscribed ? "subscribe" : "unsubscribe"))
            + bulk(channel) + [UInt8](":\(session.channels.count)\r\n")
    }

    /// A replica has to look for messages: they come with its master's writes.
    func listen() {
        guard let following else { return }
        for message in following.takeMessages() {
            deliver(message.text, on: message.channel, epoch: message.epoch)
        }
        if sessions.all.contains(where: { !$0.channels.isEmpty }) {
            wake(at: now + following.pace)
        }
    }

    /// Sends a message to all who listen; on the common channel each with the name of its connection and the message's
    /// number on it. A replica may say again what it said before it took a whole copy: that counts anew.
    func deliver(_ message: [UInt8], on channel: [UInt8], epoch: Int) {
        for session in sessions.all where session.channels.contains(channel) {
            var text = message
            if channel == Commons.channel {
                if session.epoch != epoch { session.messages = 0 }
                session.epoch = epoch
                session.messages += 1
                if flaw == .losesMessage, session.messages % 5 == 0 { continue }
                let line = "\(name)-\(session.id.slot)-\(session.id.generation)-\(epoch)"
                text = [UInt8]("\(line) \(session.messages) ") + message
            }
            let frame =
                [UInt8]("*3\r\n") + bulk([UInt8]("message")) + bulk(channel) + bulk(text)
            session.output.append((flaw == .doublesMessage ? frame + frame : frame).span)
            if session.output.count > SmallServer.messageLimit {
                // As redis-server does it: who does not read is not waited for.
                pending.log(
                    .warning, "Closing client \(session.peer): it does not read its messages")
                if session.id == beingRead { session.isClosing = true } else { finish(session) }
            } else if session.id != beingRead {
                settle(session)
            }
        }
    }
}
