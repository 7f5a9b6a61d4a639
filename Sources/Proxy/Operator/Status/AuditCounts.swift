// What the audit of reads has found, level by level.

import RESP

/// Reads that replicas answered and that the master was asked as well.
package struct AuditCounts: Sendable, Equatable {
    package struct Level: Sendable, Equatable {
        /// Compared with what the master says; those that were older; and those that could not be compared.
        package var compared = 0
        package var stale = 0
        package var undecided = 0
        /// How old those were of which that is known, in milliseconds.
        package var aged = 0
        package var ages = 0
        package var oldest = 0

        package init() {}

        package mutating func merge(_ part: Level) {
            compared &+= part.compared
            stale &+= part.stale
            undecided &+= part.undecided
            aged &+= part.aged
            ages &+= part.ages
            oldest = max(oldest, part.oldest)
        }

        mutating func noteStale(_ age: Duration?) {
            compared += 1
            stale += 1
            guard let age else { return }
            let milliseconds = Int(age.nanoseconds / 1_000_000)
            aged += 1
            ages += milliseconds
            oldest = max(oldest, milliseconds)
        }

        var report: Report {
            .fields([
                .init("compared", .number(compared)), .init("stale", .number(stale)),
                .init("undecided", .number(undecided)),
                .init(
                    "stale_per_million",
                    compared > 0 ? .number(stale * 1_000_000 / compared) : .none),
                .init("stale_age_ms_mean", aged > 0 ? .number(ages / aged) : .none),
                .init("stale_age_ms_max", aged > 0 ? .number(oldest) : .none),
            ])
        }
    }

    package var fresh = Level()
    package var session = Level()
    package var bounded = Level()
    package var eventual = Level()

    package init() {}

    static var rows: [(level: Consistency, counts: WritableKeyPath<AuditCounts, Level>)] {
        [
            (.fresh, \.fresh), (.session, \.session), (.bounded, \.bounded),
            (.eventual, \.eventual),
        ]
    }

    /// Those of a level that replicas answer at.
    package subscript(_ level: Consistency) -> Level {
        get { self[keyPath: AuditCounts.place(of: level)] }
        set { self[keyPath: AuditCounts.place(of: level)] = newValue }
    }

    private static func place(of level: Consistency) -> WritableKeyPath<AuditCounts, Level> {
        guard let row = rows.first(where: { $0.level == level }) else {
            preconditionFailure("no replica answers at level \(level)")
        }
        return row.counts
    }

    package mutating func merge(_ part: AuditCounts) {
        for row in AuditCounts.rows { self[keyPath: row.counts].merge(part[keyPath: row.counts]) }
    }

    var report: Report {
        .fields(
            AuditCounts.rows.map { .init($0.level.rawValue, self[keyPath: $0.counts].report) })
    }
}
