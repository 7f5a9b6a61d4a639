// Time as the cores know it: an argument. Drivers read clocks once per turn; the simulator makes time up.

/// A point on the monotonic clock, in nanoseconds since an arbitrary start.
public struct Instant: Hashable, Comparable, Sendable {
    public var nanoseconds: Int64

    @inlinable
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    @inlinable
    public static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    public static func + (instant: Instant, duration: Duration) -> Instant {
        Instant(nanoseconds: instant.nanoseconds + duration.nanoseconds)
    }

    public static func - (later: Instant, earlier: Instant) -> Duration {
        .nanoseconds(later.nanoseconds - earlier.nanoseconds)
    }
}

/// A point on the wall clock, in microseconds since 1970 UTC; it may step in either direction.
public struct WallTime: Hashable, Comparable, Sendable {
    public var microseconds: Int64

    @inlinable
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    public var milliseconds: Int64 { microseconds / 1_000 }
    public var seconds: Int64 { microseconds / 1_000_000 }

    @inlinable
    public static func < (left: WallTime, right: WallTime) -> Bool {
        left.microseconds < right.microseconds
    }
}

/// Both clocks, read together once per turn: `instant` for deadlines, `wall` for what people and data see.
public struct Moment: Hashable, Sendable {
    public var instant: Instant
    public var wall: WallTime

    @inlinable
    public init(instant: Instant, wall: WallTime) {
        self.instant = instant
        self.wall = wall
    }
}

extension Duration {
    /// The whole duration in nanoseconds; durations here are far below the 292 years that fit.
    public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
