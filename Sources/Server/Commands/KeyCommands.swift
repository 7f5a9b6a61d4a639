// Commands about keys of any type.

import RESP

extension ServerCore {
    func delete(_ request: Request, _ client: ClientSession) {
        var removed = 0
        for index in 1..<request.count
        where databases[client.database].remove(request[index]) {
            removed += 1
        }
        client.output.appendInteger(removed)
    }
}
