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
        do {
            client.unfinished = try reader.read(
                bytes, after: client.unfinished, limits: requestLimits
            ) {
                handle($0, of: client)
            }
        } catch {
            client.unfinished = nil
            abandonUpload(of: client)
            reply(to: client) { error.append(to: &$0) }
            client.state = .closing
        }
        settle(client)
    }

    private func handle(_ request: Request, of client: ClientSession) -> RequestReader.Verdict {
        let pause: ClientSession.Pause?
        switch request.part {
        case .whole:
            let command = table.find(request)
            let last = client.command
            client.command = command
            pause = perform(request, command, of: client)
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
        if !client.isAuthenticated, !isForStrangers(command) {
            reply(to: client) { $0.append("-NOAUTH Authentication required.\r\n") }
            return nil
        }
        if operators.clientPause != nil, isHeldBack(request, command, of: client) { return .held }
        if let extras = client.extras, extras.isUnusual {
            if extras.replies == .skipNext { extras.replies = .skipThis }
            let handling = performUnusually(request, command, of: client, extras)
            if case .done(let pause) = handling {
                if pause == nil { counters.others += 1 }
                if extras.replies == .skipThis, pause == nil { extras.replies = .on }
                return pause
            }
            defer { if extras.replies == .skipThis, client.pause == nil { extras.replies = .on } }
            return performCommonly(request, command, of: client)
        }
        return performCommonly(request, command, of: client)
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
        case .tagged(let tag):
            return sendTagged(request, tag, of: client)
        case .scan(let cursor):
            return sendScan(request, cursor: cursor, of: client)
        case .script(let call):
            return sendScript(request, call, of: client)
        case .scriptAdmin:
            return administerScripts(request, command!, of: client)
        case .blocking:
            return sendAlone(request, .blocking, of: client)
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
            pending.log(.warning, CrossProtocol.warning(about: client.peer))
            client.state = .closing
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
        if extras.pin != nil {
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
