// One line of the log as redis-server writes it:
//
//     4242:M 07 Mar 2026 09:05:03.042 * Ready to accept connections

import RESP

package enum LogLine {
    /// The line, newline included. `offset` is how many seconds local time is ahead of UTC.
    package static func format(
        _ message: String, level: LogLevel, role: Log.Role, process: Int32, at time: WallTime,
        offset: Int
    ) -> String {
        let milliseconds = time.milliseconds + Int64(offset) * 1_000
        let (days, ofDay) = divide(milliseconds, by: 86_400_000)
        let (year, month, day) = date(days)
        let clock =
            "\(two(ofDay / 3_600_000)):\(two(ofDay / 60_000 % 60)):\(two(ofDay / 1_000 % 60))"
        let fraction = "00\(ofDay % 1_000)".suffix(3)
        return "\(process):\(role.letter) \(two(day)) \(months[month - 1]) \(year) "
            + "\(clock).\(fraction) \(mark(level)) \(message)\n"
    }

    private static func mark(_ level: LogLevel) -> Character {
        switch level {
        case .debug: "."
        case .verbose: "-"
        case .notice: "*"
        case .warning: "#"
        }
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func two(_ number: some BinaryInteger) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }

    /// The date so many days after 1 January 1970, in the Gregorian calendar.
    ///
    /// Counted from 1 March of year 0, so that the leap day comes last in its year: then a year's months follow
    /// one rule (153 days per five months), and its 400-year cycle has 146,097 days.
    private static func date(_ days: Int64) -> (year: Int64, month: Int, day: Int64) {
        let (cycle, ofCycle) = divide(days + 719_468, by: 146_097)
        let yearOfCycle = (ofCycle - ofCycle / 1_460 + ofCycle / 36_524 - ofCycle / 146_096) / 365
        let ofYear = ofCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let month = (5 * ofYear + 2) / 153
        let day = ofYear - (153 * month + 2) / 5 + 1
        let isBeforeMarch = month >= 10
        let year = cycle * 400 + yearOfCycle + (isBeforeMarch ? 1 : 0)
        return (year, Int(isBeforeMarch ? month - 9 : month + 3), day)
    }

    /// Division that rounds down, for times before 1970 too.
    private static func divide(_ number: Int64, by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = number.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
