// What a core wants done, what others leave for it, and what the loop itself waited for.

import RESP

extension EventLoop {
    func carryOut(_ wish: Wish) {
        switch wish {
        case .connect(let link, let endpoint): connect(link, to: endpoint)
        case .abandon(let link): abandon(link)
        case .close(let id): closeForCore(Token(id))
        case .pause(let id):
            changeConnection(Token(id)) {
                if $0.reading == .open { $0.reading = .paused(isTold: false) }
            }
        case .resume(let id):
            changeConnection(Token(id)) {
                if case .paused = $0.reading { $0.reading = .open }
            }
        case .log(let level, let line): log.write(level, line, as: role())
        case .openFile(let file, let path, let size): files.open(file, path: path, size: size)
        case .append(let file, let bytes): files.append(bytes, to: file)
        case .sync(let file): files.sync(file)
        case .closeFile(let file): files.close(file)
        case .replaceFile(let file, let path, let contents):
            files.replace(file, path: path, contents: contents)
        case .send(let message, let receiver):
            precondition(receiver != worker, "worker \(worker) sends a message to itself")
            peers[receiver].post(.message(message, from: worker))
        case .exit(let status): exitStatus = status
        }
    }

    func readMail() {
        for message in mailbox.take() {
            switch message {
            case .news(let news): core.hear(news, at: now)
            case .task(let task): task(core, now)
            case .lookedUp(let name, let answer): receive(answer, for: name)
            case .file(let incarnation, let news):
                if files.isCurrent(incarnation) { core.hear(news, at: now) }
            case .fileClosed(let incarnation): files.closed(incarnation)
            case .accepted(let handed): welcome(handed)
            case .stop(let status): exitStatus = status
            }
        }
    }

    func meet(_ deadline: Deadline.Purpose) {
        switch deadline {
        case .acceptAgain(let seat): acceptAgain(at: seat)
        case .endLingering(let token):
            if watches.holds(token) { close(token) }
        case .giveUpConnecting(let lookup): giveUpConnecting(lookup)
        case .giveUpLookingUp(let lookup): giveUpLookingUp(lookup)
        case .lookUpAgain(let lookup): lookUpAgain(lookup)
        }
    }
}
