// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT].

import RESP

extension ServerCore {
    func shutDown(_ request: Request, _ client: ClientSession) {
        var saves = false
        var discards = false
        var isForced = false
        var isImmediate = false
        var aborts = false
        for index in 1..<max(request.count, 1) {
            let option = request[index]
            if option.equalsIgnoringCase("NOSAVE") {
                discards = true
            } else if option.equalsIgnoringCase("SAVE") {
                saves = true
            } else if option.equalsIgnoringCase("FORCE") {
                isForced = true
            } else if option.equalsIgnoringCase("ABORT") {
                aborts = true
            } else if option.equalsIgnoringCase("NOW") {
                isImmediate = true
            } else {
                return client.output.append("-ERR syntax error\r\n")
            }
        }
        let hasOptions = saves || discards || isForced || isImmediate
        guard !(saves && discards), !(aborts && hasOptions) else {
            return client.output.append("-ERR syntax error\r\n")
        }
        if aborts { return client.output.append("-ERR No shutdown in progress.\r\n") }
        if saves, !isForced {
            pending.log(.warning, "SHUTDOWN SAVE was asked for, and this server saves nothing yet.")
            return client.output.append("-ERR Errors trying to SHUTDOWN. Check logs.\r\n")
        }
        shutDown("User requested shutdown...")
    }
}
