// What the cores of several workers say to each other in a simulation: late, in order, and to nobody who has died.

import RESP
import TestSupport
import Testing

@Suite struct MessageTests {
    private struct Word: CoreMessage {
        let life: Int
        let number: Int
    }

    /// Says a numbered word to every other worker each virtual millisecond, and writes down what it hears.
    private final class Gossip: SecludedCore {
        let life: Int
        let worker: Int
        let workers: Int
        private(set) var heard: [[Int]]
        private(set) var fromOtherLives = 0
        private(set) var said = 0
        var pending = PendingActions()

        init(life: Int, worker: Int, workers: Int) {
            self.life = life
            self.worker = worker
            self.workers = workers
            heard = Array(repeating: [], count: workers)
        }

        func tick(at now: Moment) {
            pending.wakeAt = now.instant + .milliseconds(1)
            for receiver in 0..<workers where receiver != worker {
                pending.wishes.append(.send(Word(life: life, number: said), to: receiver))
            }
            said += 1
        }

        func hear(_ news: News, at now: Moment) {
            guard case .message(let message, let sender) = news, let word = message as? Word else {
                preconditionFailure("news that is no word: \(news)")
            }
            if word.life != life { fromOtherLives += 1 }
            heard[sender].append(word.number)
        }
    }

    private static func world(seed: UInt64) -> World {
        var faults = Faults.none
        // Longer than the words are apart: without care they would overtake each other.
        faults.mostDelay = .milliseconds(10)
        var lives = 0
        return World(
            seed: seed,
            setup: Setup(
                server: { _, _ in SmallServer() },
                proxy: { workers, _, _, _, _ in
                    lives += 1
                    return (0..<workers).map {
                        Gossip(life: lives, worker: $0, workers: workers)
                    }
                },
                workers: 3, replicas: 0, clients: 0, faults: faults, breaking: .zero))
    }

    /// Each receiver hears each sender's words in the order in which they were said, and only those of its own life.
    @Test func wordsArriveInOrderWithinOneLife() throws {
        for seed in UInt64(1)...10 {
            let world = Self.world(seed: seed)
            world.advance(by: .milliseconds(50))
            let proxy = world.machines[1]
            proxy.crash()
            proxy.start()
            world.advance(by: .milliseconds(50))
            for case let core as Gossip in proxy.nodes.map(\.core) {
                #expect(core.fromOtherLives == 0)
                #expect(core.said > 40)
                for sender in 0..<3 where sender != core.worker {
                    let heard = core.heard[sender]
                    #expect(heard.count > 30)
                    #expect(heard == Array(0..<heard.count))
                }
            }
            #expect(world.violation == nil)
        }
    }

    /// A word to nobody, or to oneself, breaks the contract.
    @Test(arguments: [-1, 0, 3]) func aWordToNobodyIsAMistake(receiver: Int) throws {
        let world = Self.world(seed: 1)
        let core = try #require(world.machines[1].nodes[0].core)
        core.pending.wishes.append(.send(Word(life: 1, number: 0), to: receiver))
        world.advance(by: .milliseconds(1))
        #expect(world.violation?.law == .contract)
    }
}
