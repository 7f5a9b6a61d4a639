// What the proxy is told of its master by the sentinels.

import RESP

/// Whom a majority of the sentinels names.
package struct SentinelVerdict: Sendable, Equatable {
    package let master: Endpoint
    /// Each failover has a higher one than those before.
    package let epoch: Int
    /// The process at that address; nil while no sentinel knows.
    package let runID: String?
    /// A majority does not hear it.
    package let isMasterDown: Bool
    /// By name of their endpoint.
    package let replicas: [Replica]

    package struct Replica: Sendable, Equatable {
        package let endpoint: Endpoint
        /// Most of the sentinels that know it do not hear it.
        package let isDown: Bool
        /// It says that its link to its master stands.
        package let isLinked: Bool
        /// Who is promoted first has the lowest; 0: never.
        package let priority: Int
    }
}

/// What the sentinels say, told to the first worker whenever any of it has changed.
package struct SentinelReport: CoreMessage, Equatable {
    /// The last one that a majority reached; nil before the first.
    package var verdict: SentinelVerdict?
    /// How many sentinels answer, of how many that there are.
    package var answering: Int
    package var known: Int
    /// Since when no majority names one master, once that has lasted; nil while one does.
    package var withoutMajoritySince: Instant?
}
