// Workers of one proxy, driven by hand: what they say to each other arrives when the test lets it.

import RESP
import TestSupport
import Testing

@testable import Proxy

final class OperatedProxy {
    let drivers: [HandDriver]
    let cores: [ProxyCore]

    init(workers: Int = 2, configure: (inout ProxyConfiguration) -> Void = { _ in }) {
        var configuration = ProxyConfiguration()
        configuration.timeouts.probeInterval = .zero
        configure(&configuration)
        let count = ClientCount()
        cores = (0..<workers).map { worker in
            ProxyCore(
                configuration: configuration, worker: worker, workers: workers, clientCount: count,
                at: HandDriver.start)
        }
        drivers = cores.map { HandDriver($0) }
    }

    /// Delivers what the workers have said, until nobody says anything.
    func relay() {
        while let speaker = drivers.indices.first(where: { !drivers[$0].sent.isEmpty }) {
            let (message, receiver) = drivers[speaker].sent.removeFirst()
            drivers[receiver].tell(.message(message, from: speaker))
        }
    }

    /// Asks a worker something and returns the answer, after all workers have spoken.
    func ask(_ words: String, on client: ConnectionID, of worker: Int = 0) -> String {
        drivers[worker].command(words.split(separator: " ").map(String.init), to: client)
        relay()
        return drivers[worker].output(of: client)
    }
}
