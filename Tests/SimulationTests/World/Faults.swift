// The menu of faults, and what of it a run may use: each run turns on a random subset with random rates, so that
// over many seeds each fault is met alone and in all kinds of company.

import RESP

/// Faults that strike from time to time, by themselves.
enum FaultKind: Int, CaseIterable {
    case cutClientLink
    case cutBackendLink
    case clogLink
    case clogNode
    case swizzleClog
    case stallNode
    case restartServer
    case restartReplica
    case restartProxy
    case jumpWallClock
    case switchMaster
}

/// What may go wrong in one run, how often, and how the network behaves in between.
struct Faults {
    /// Mean time between two strikes; nil: never.
    private(set) var means = [Duration?](repeating: nil, count: FaultKind.allCases.count)
    /// How likely a replica is promoted when the master has died.
    var promotesAfterCrash = 0.0
    /// How likely a connect is refused, or not answered at all.
    var refusesConnect = 0.0
    var hangsConnect = 0.0
    /// How likely one end of a lost connection does not hear of it for a long while.
    var staysHalfOpen = 0.0
    var leastDelay = Duration.microseconds(20)
    var mostDelay = Duration.microseconds(400)
    /// Nanoseconds that one byte takes; 0: as fast as can be.
    var nanosecondsPerByte = 0
    /// What a socket holds before its writer must wait.
    var socketCapacity = 256 * 1024
    /// Reads are cut small, down to single bytes, this often.
    var cutsReads = 0.0
    /// Writes are taken only in part this often.
    var cutsWrites = 0.0
    /// Ticks come although nobody asked for them.
    var ticksEarly = 0.0
    // The disk.
    var diskDelay = Duration.microseconds(100)
    var failsAppend = 0.0
    var failsSync = 0.0

    /// No fault at all: bytes arrive soon and whole.
    static let none = Faults()

    init() {}

    /// Draws a menu: each fault is in it or not, and a fault that is in has a rate of its own.
    init(from random: inout Random) {
        for kind in FaultKind.allCases where kind != .switchMaster && random.chance(kind.share) {
            means[kind.rawValue] = random.between(.milliseconds(10), .milliseconds(200))
        }
        if random.chance(0.3) { refusesConnect = 0.3 }
        if random.chance(0.3) { hangsConnect = 0.2 }
        if random.chance(0.5) { staysHalfOpen = 0.3 }
        if random.chance(0.3) { mostDelay = random.between(.milliseconds(1), .milliseconds(10)) }
        if random.chance(0.2) { nanosecondsPerByte = random.within(1...50) }
        if random.chance(0.5) { socketCapacity = random.within(512...16_384) }
        if random.chance(0.6) { cutsReads = random.pick([0.05, 0.5, 1]) }
        if random.chance(0.5) { cutsWrites = random.pick([0.05, 0.5]) }
        if random.chance(0.5) { ticksEarly = 0.02 }
        if random.chance(0.5) { diskDelay = random.between(.microseconds(10), .milliseconds(20)) }
        if random.chance(0.3) { failsAppend = 0.01 }
        if random.chance(0.3) { failsSync = 0.02 }
        // The last to be drawn, so that what other runs meet stays what it was.
        if random.chance(FaultKind.switchMaster.share) {
            enable(.switchMaster, every: random.between(.milliseconds(20), .milliseconds(400)))
            promotesAfterCrash = random.pick([0, 0.5, 1])
            if promotesAfterCrash > 0, random.chance(0.5) {
                enable(.restartServer, every: random.between(.milliseconds(50), .milliseconds(400)))
            }
        }
    }

    func mean(of kind: FaultKind) -> Duration? { means[kind.rawValue] }

    mutating func enable(_ kind: FaultKind, every mean: Duration) {
        means[kind.rawValue] = mean
    }

    /// The same network, on which nothing strikes.
    var withoutStrikes: Faults {
        var calm = self
        calm.means = Faults.none.means
        return calm
    }

    /// A good network, and nothing that breaks. Reads and writes are still cut: that must not hurt anybody.
    var healed: Faults {
        var healed = Faults.none
        healed.cutsReads = cutsReads
        healed.cutsWrites = cutsWrites
        healed.ticksEarly = ticksEarly
        return healed
    }
}

extension FaultKind {
    /// In how many of the runs the fault is on.
    fileprivate var share: Double {
        switch self {
        case .restartServer, .restartReplica, .restartProxy: 0.2
        default: 0.4
        }
    }
}
