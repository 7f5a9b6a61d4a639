// PROXY FAILOVER where sentinels carry it out: the test plays the servers, and says what the sentinels say.

import RESP
import TestSupport
import Testing

@testable import Proxy

@Suite struct SentinelFailoverTests {
    private static func place(_ host: String) -> Endpoint { .tcp(host: host, port: 6379) }

    private static func report(
        master: String, epoch: Int, priorities: [String: Int]
    ) -> SentinelReport {
        let replicas = priorities.sorted { $0.key < $1.key }.map {
            SentinelVerdict.Replica(
                endpoint: place($0.key), isDown: false, isLinked: true, priority: $0.value)
        }
        return SentinelReport(
            verdict: SentinelVerdict(
                master: place(master), epoch: epoch, runID: nil, isMasterDown: false,
                replicas: replicas),
            answering: 3, known: 3)
    }

    /// Server 0 stands for nobody; `a` is the master, `b` and `c` follow.
    private static func deployment() -> FreshProxy {
        let facts = [
            FreshProxy.Facts(runID: "none", role: "slave"),
            FreshProxy.Facts(runID: "run-a", role: "master"),
            FreshProxy.Facts(runID: "run-b", role: "slave", offset: 90, following: "a:6379"),
            FreshProxy.Facts(runID: "run-c", role: "slave", following: "a:6379"),
        ]
        let fresh = FreshProxy(replicas: 0, isProved: false, facts: facts) {
            $0.writes.hold = .seconds(5)
            $0.backends.sentinel = .init(masterName: "m", addresses: [place("s")])
        }
        say(fresh, report(master: "a", epoch: 1, priorities: ["b": 100, "c": 100]))
        fresh.probe()
        #expect(fresh.core.master.index == 1)
        return fresh
    }

    private static func say(_ fresh: FreshProxy, _ message: any CoreMessage) {
        fresh.driver.tell(.message(message, from: 1))
        fresh.settle()
        go(fresh)
    }

    private static func go(_ fresh: FreshProxy) {
        for _ in 0..<5 {
            fresh.driver.pass(.milliseconds(10))
            fresh.settle()
        }
        fresh.core.checkInvariants()
    }

    private static func orders(of fresh: FreshProxy) -> [Endpoint] {
        defer { fresh.driver.sent = [] }
        return fresh.driver.sent.compactMap { sent in
            #expect(sent.to == 1)
            return (sent.message as? SentinelOrder)?.target
        }
    }

    private static func writes(of fresh: FreshProxy) -> LinkID {
        fresh.core.master.lanes[0]!.writers[0].link
    }

    /// Comes as far as the word to the sentinels: `b` has priority 1 and all that `a` has, and nobody can write.
    private static func ordered(_ fresh: FreshProxy, by client: ConnectionID) {
        fresh.driver.command(["PROXY", "FAILOVER", "TO", "b:6379"], to: client)
        go(fresh)
        #expect(fresh.wordsTold(to: 2) == ["CONFIG SET replica-priority 1"])
        // Until the sentinels know that nobody waits.
        #expect(!fresh.core.topology.isHeld)
        #expect(fresh.wordsTold(to: 1) == [])
        fresh.facts[2].priority = 1
        say(fresh, report(master: "a", epoch: 1, priorities: ["b": 1, "c": 100]))
        #expect(fresh.core.topology.isHeld)
        let told = fresh.wordsTold(to: 1)
        #expect(told.count == 1)
        #expect(told.first?.hasPrefix("CLIENT PAUSE ") == true)
        #expect(told.first?.hasSuffix(" WRITE") == true)
        #expect(orders(of: fresh) == [], "the replica has not all that the master has")
        fresh.facts[2].offset = 100
        go(fresh)
        #expect(orders(of: fresh) == [place("b")])
    }

    @Test func trapD1_succeeds() throws {
        let fresh = Self.deployment()
        let (writer, administrator) = (fresh.driver.connect(), fresh.driver.connect())
        Self.ordered(fresh, by: administrator)
        fresh.driver.command(["SET", "a", "1"], to: writer)
        Self.say(fresh, SentinelAnswer(refusal: nil))
        #expect(fresh.core.held.count == 1)
        #expect(fresh.wordsTold(to: 1) == [])
        // The connections of the one that is promoted are closed, and what it is owed is told it later.
        let control = try #require(fresh.core.servers[2].control).link
        fresh.proxy.cut(control)
        fresh.facts[2].role = "master"
        fresh.facts[2].former = ("history-1", 101)
        fresh.facts[2].history = "history-2"
        Self.say(fresh, Self.report(master: "b", epoch: 2, priorities: ["a": 100, "c": 100]))
        #expect(fresh.core.master.index == 2)
        #expect(fresh.proxy.sent(to: Self.writes(of: fresh)) == Wire.text("SET", "a", "1"))
        // A master that is not paused any more would take the writes of others.
        #expect(fresh.wordsTold(to: 1) == ["REPLICAOF b 6379", "CLIENT UNPAUSE"])
        #expect(fresh.wordsTold(to: 2) == ["CONFIG SET replica-priority 100"])
        #expect(fresh.wordsTold(to: 3) == [])
        let reply = fresh.driver.output(of: administrator)
        #expect(reply.contains(Wire.bulk("b:6379")), "\(reply)")
        #expect(fresh.core.switchover == nil)
    }

    /// The sentinels refuse: the pause and the priority are undone, and writes go on.
    @Test func refused() throws {
        let fresh = Self.deployment()
        let (writer, administrator) = (fresh.driver.connect(), fresh.driver.connect())
        Self.ordered(fresh, by: administrator)
        fresh.driver.command(["SET", "a", "1"], to: writer)
        Self.say(fresh, SentinelAnswer(refusal: "sentinel s:1 refuses: NOGOODSLAVE"))
        #expect(fresh.wordsTold(to: 1) == ["CLIENT UNPAUSE"])
        #expect(fresh.wordsTold(to: 2) == ["CONFIG SET replica-priority 100"])
        #expect(
            fresh.driver.output(of: administrator)
                == "-ERR the failover to b:6379 has failed: sentinel s:1 refuses: NOGOODSLAVE\r\n")
        #expect(fresh.proxy.sent(to: Self.writes(of: fresh)) == Wire.text("SET", "a", "1"))
    }

    /// A second attempt right after the first does not take the raised priority for the replica's own.
    @Test func priorityOfASecondAttempt() throws {
        let fresh = Self.deployment()
        let administrator = fresh.driver.connect()
        Self.ordered(fresh, by: administrator)
        #expect(fresh.core.servers[2].health.report?.priority == 1)
        fresh.driver.tell(
            .message(SentinelAnswer(refusal: "sentinel s:1 refuses: NOGOODSLAVE"), from: 1))
        fresh.driver.command(["PROXY", "FAILOVER", "TO", "b:6379"], to: administrator)
        #expect(fresh.core.switchover?.formerPriority == 100)
    }

    /// Sentinels that were told cannot be told to leave it: an operator hears that, and nobody writes meanwhile.
    @Test func tooLateToAbort() throws {
        let fresh = Self.deployment()
        let (administrator, other) = (fresh.driver.connect(), fresh.driver.connect())
        Self.ordered(fresh, by: administrator)
        #expect(
            fresh.driver.ask("PROXY", "FAILOVER", "ABORT", on: other)
                == "-ERR it is too late for that: the sentinels have been told\r\n")
        #expect(fresh.core.topology.isHeld)
        #expect(fresh.wordsTold(to: 1) == [])
    }

    /// A priority that the sentinels never notice holds nobody up.
    @Test func unnoticedPriority() throws {
        let fresh = Self.deployment()
        let administrator = fresh.driver.connect()
        fresh.driver.command(["PROXY", "FAILOVER", "TO", "b:6379"], to: administrator)
        for _ in 0..<130 {
            fresh.driver.pass(.milliseconds(200))
            fresh.settle()
            #expect(!fresh.core.topology.isHeld)
        }
        #expect(fresh.driver.output(of: administrator).contains("have not noticed"))
        #expect(
            fresh.wordsTold(to: 2) == [
                "CONFIG SET replica-priority 1", "CONFIG SET replica-priority 100",
            ])
    }

    /// The order goes to a sentinel that would choose the replica, once, behind the questions of a round.
    @Test func orderToASentinel() throws {
        let settings = ProxyConfiguration.Sentinel(masterName: "m", addresses: [Self.place("s")])
        let driver = HandDriver(SentinelCore(settings, at: HandDriver.start))
        func answer(of driver: HandDriver) -> [SentinelAnswer] {
            defer { driver.sent = [] }
            return driver.sent.compactMap { $0.message as? SentinelAnswer }
        }
        driver.tell(.message(SentinelOrder(target: Self.place("b")), from: 0))
        #expect(
            answer(of: driver)
                == [SentinelAnswer(refusal: "no sentinel that answers would choose b:6379")])
        guard case .connect(let link, _)? = driver.wishes.first else {
            Issue.record("no sentinel is asked")
            return
        }
        let id = driver.newID()
        driver.tell(.connected(link, id))
        func round(priority: Int, rival: Int, further: String = "") {
            func words(_ words: String...) -> String {
                String(decoding: Wire.request(words), as: UTF8.self)
            }
            func replica(_ name: String, _ priority: Int) -> String {
                words(
                    "ip", name, "port", "6379", "flags", "slave", "master-link-status", "ok",
                    "slave-priority", "\(priority)")
            }
            driver.send(
                Wire.bulk("id1")
                    + words(
                        "name", "m", "ip", "a", "port", "6379", "flags", "master", "config-epoch",
                        "1")
                    + words("a", "6379") + "*2\r\n" + replica("b", priority) + replica("c", rival)
                    + "*0\r\n" + further, to: id)
        }
        round(priority: 100, rival: 100)
        driver.sent = []
        driver.tell(.message(SentinelOrder(target: Self.place("b")), from: 0))
        #expect(answer(of: driver).first?.refusal?.contains("would choose") == true)
        driver.pass(.seconds(1))
        round(priority: 1, rival: 100)
        _ = driver.output(of: id)
        driver.tell(.message(SentinelOrder(target: Self.place("b")), from: 0))
        driver.pass(.milliseconds(50))
        #expect(driver.output(of: id).hasSuffix(Wire.text("SENTINEL", "FAILOVER", "m")))
        driver.tell(.message(SentinelOrder(target: Self.place("b")), from: 0))
        #expect(answer(of: driver).first?.refusal?.contains("before this one") == true)
        round(priority: 1, rival: 100, further: "-INPROG Failover already in progress\r\n")
        #expect(
            answer(of: driver)
                == [
                    SentinelAnswer(
                        refusal: "sentinel s:6379 refuses: INPROG Failover already in progress")
                ])
        driver.pass(.seconds(1))
        #expect(!driver.output(of: id).contains("FAILOVER"))
        round(priority: 1, rival: 100)
        // A connection that dies with the order on it leaves open whether it was heard.
        driver.tell(.message(SentinelOrder(target: Self.place("b")), from: 0))
        driver.pass(.milliseconds(50))
        driver.cut(id)
        #expect(answer(of: driver) == [SentinelAnswer(refusal: nil)])
    }
}
