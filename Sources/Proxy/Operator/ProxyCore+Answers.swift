// What the proxy answers about itself.

import RESP

extension ProxyCore {
    func answerLocally(
        _ request: Request, _ command: CommandID?, of client: ClientSession
    ) -> ClientSession.Pause? {
        sendWrite(request, of: client)
    }
}
