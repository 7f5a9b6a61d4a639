// From a client's bytes to a server, or to an answer of the proxy's own.

import RESP

extension ProxyCore {
    /// Takes what a client sent. A paused one is stopped only now that it goes on sending: most pauses end before.
    func take(_ bytes: Span<UInt8>, from client: ClientSession) {
        guard client.pause == nil else {
            client.unfinished = reader.keep(bytes, after: client.unfinished)
            return stop(client)
        }
        read(bytes, from: client)
    }

    func read(_ bytes: Span<UInt8>, from client: ClientSession) {
        precondition(client.state != .closing, "nothing more is taken from a client being closed")
        var wasAuthenticated = client.isAuthenticated
        readOnce(bytes, from: client)
        // What follows AUTH or RESET is read anew, under the limits for what the client is now.
        while client.isAuthenticated != wasAuthenticated, client.unfinished != nil,
            client.pause == nil
        {
            wasAuthenticated = client.isAuthenticated
            readOnce(Span(), from: client)
        }
        if client.unfinished == nil || client.pause == nil { client.shortSince = nil }
        settle(client)
    }

    private func readOnce(_ bytes: Span<UInt8>, from client: ClientSession) {
        var limits = requestLimits
        limits.isAuthenticated = client.isAuthenticated
        client.isBeingRead = true
        defer { client.isBeingRead = false }
        do {
            client.unfinished = try reader.read(bytes, after: client.unfinished, limits: limits) {
                let verdict = handle($0, of: client)
                let isAsBefore = limits.isAuthenticated == client.isAuthenticated
                return verdict == .goOn && !isAsBefore ? .wait : verdict
            }
        } catch {
            client.unfinished = nil
            abandonUpload(of: client)
            reply(to: client) { error.append(to: &$0) }
            client.state = .closing
        }
    }

    private func handle(_ request: Request, of client: ClientSession) -> RequestReader.Verdict {
        var pause: ClientSession.Pause?
        switch request.part {
        case .whole:
            let command = table.find(request)
            let last = client.command
            client.command = command
            let forwarded = client.forwarded
            pause = perform(request, command, of: client)
            if pause != nil || client.pause != nil || client.forwarded != forwarded {
                noteWait(pause, of: client)
            }
            if let late = pause, isOverdue(client), refuseOverdue(command, of: client, late) {
                pause = nil
            }
            if pause == nil { client.putOffAt = nil } else { client.command = last }
        case .head:
            let command = table.find(request)
            if operators.clientPause != nil, isHeldBack(request, command, of: client) {
                self.pause(client, .held)
                return .notYet
            }
            client.command = command
            return beginUpload(request, of: client)
        case .middle: return continueUpload(request, of: client, isLast: false)
        case .tail: return continueUpload(request, of: client, isLast: true)
        }
        if client.state == .closing { return .drop }
        if let pause {
            if client.putOffAt == nil { client.putOffAt = now.instant }
            self.pause(client, pause)
            return .notYet
        }
        guard client.pause == nil else { return .wait }
        guard mayGoOn(client) else {
            self.pause(client, .room)
            return .wait
        }
        return .goOn
    }

    /// Does what a request asks for. Returns why, when it cannot be done yet and is to be handed over again.
    private func perform(
        _ request: Request, _ command: CommandID?, of client: ClientSession
    ) -> ClientSession.Pause? {
        guard isKnown(client) || isForStrangers(command) else {
            refuseStranger(request, client)
            return nil
        }
        if operators.clientPause != nil, isHeldBack(request, command, of: client) { return .held }
        guard let extras = client.extras, extras.isUnusual else {
            return performCommonly(request, command, of: client)
        }
        extras.beginRequest()
        let pause: ClientSession.Pause?
        switch performUnusually(request, command, of: client, extras) {
        case .done(let reason):
            if reason == nil { counters.others += 1 }
            pause = reason
        case .commonWay: pause = performCommonly(request, command, of: client)
        }
        if pause != nil {
            extras.putOffRequest()
        } else if client.pause == nil {
            extras.endRequest()
        }
        return pause
    }

    private func refuseStranger(_ request: Request, _ client: ClientSession) {
        // As the server does it: the lines behind could be commands.
        if CrossProtocol.isHTTP(request) { return closeHTTP(client) }
        reply(to: client) { $0.append("-NOAUTH Authentication required.\r\n") }
    }

    private func closeHTTP(_ client: ClientSession) {
        pending.log(.warning, CrossProtocol.warning(about: client.peer))
        client.state = .closing
    }

    private func performCommonly(
        _ request: Request, _ command: CommandID?, of client: ClientSession
    ) -> ClientSession.Pause? {
        let disposition = classifier.disposition(of: request, command)
        let pause = carryOut(disposition, request, command, of: client)
        if pause == nil { count(disposition) }
        return pause
    }

    private func carryOut(
        _ disposition: Disposition, _ request: Request, _ command: CommandID?,
        of client: ClientSession
    ) -> ClientSession.Pause? {
        switch disposition {
        case .read(let form):
            return sendRead(request, form, of: client)
        case .write:
            return sendWrite(request, of: client)
        case .ask:
            return sendWrite(request, of: client)
        case .unknown:
            return sendUnknown(request, of: client)
        case .tagged(let tag):
            return sendTagged(request, tag, of: client)
        case .scan(let cursor):
            return sendScan(request, cursor: cursor, of: client)
        case .script(let call):
            return sendScript(request, call, of: client)
        case .scriptAdmin:
            return administerScripts(request, command!, of: client)
        case .blocking:
            return sendBlocking(request, of: client)
        case .waiting:
            return sendWait(request, of: client)
        case .transaction:
            return transact(request, command!, of: client)
        case .subscription:
            return subscribe(request, command!, of: client)
        case .pinning:
            return pinForGood(request, command!, of: client)
        case .session:
            return changeSession(request, command!, of: client)
        case .local:
            return answerLocally(request, command!, of: client)
        case .own(let own):
            return answerOwn(request, own, of: client)
        case .refuse(let refusal):
            refuse(request, of: client, because: refusal.reason)
            return nil
        case .close:
            closeHTTP(client)
            return nil
        }
    }

    /// Whether a request was dealt with apart from the common way.
    enum Handling {
        case commonWay
        case done(ClientSession.Pause?)
    }

    /// What sessions in an unusual state do with a request: the innermost state decides first.
    private func performUnusually(
        _ request: Request, _ command: CommandID?, of client: ClientSession,
        _ extras: SessionExtras
    ) -> Handling {
        if extras.transaction != nil {
            return queue(request, command, of: client)
        }
        if let subscription = extras.subscription, client.version == .resp2 {
            return performSubscribed(request, command, of: client, subscription)
        }
        if let pin = extras.pin {
            if isUsedUp(pin) { return .done(.drained) }
            return performPinned(request, command, of: client)
        }
        return .commonWay
    }

    func refuse(_ request: Request, of client: ClientSession, because reason: StaticString) {
        counters.refusedCommands += 1
        reply(to: client) {
            $0.append("-ERR '")
            ErrorText.append(request[0], upTo: 128, to: &$0)
            $0.append("' is not served by this proxy: ")
            $0.append(reason)
            $0.append("\r\n")
        }
    }
}
