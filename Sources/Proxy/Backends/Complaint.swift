// Errors by which a server says that it cannot, whatever it was asked.

import RESP

/// What a server complains of. Such an answer says that nothing was done.
enum Complaint: Equatable {
    /// It reads its data from disk or from its master.
    case loading
    /// Its link to the master is down, and it was told not to show old data then.
    case masterDown
    /// It is a replica.
    case readOnly
    /// A script has been running for too long.
    case busy
    /// It knows no such script.
    case noScript

    /// Reads the code of an error; nil for an error about the request itself.
    init?(_ line: Span<UInt8>) {
        func begins(_ code: StaticString) -> Bool {
            let length = code.utf8CodeUnitCount
            guard line.count > length else { return false }
            return line.extracting(0..<length).equalsIgnoringCase(code)
        }
        if begins("-LOADING ") {
            self = .loading
        } else if begins("-MASTERDOWN ") {
            self = .masterDown
        } else if begins("-READONLY ") {
            self = .readOnly
        } else if begins("-BUSY ") {
            self = .busy
        } else if begins("-NOSCRIPT ") {
            self = .noScript
        } else {
            return nil
        }
    }
}
