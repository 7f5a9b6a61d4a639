// Numbers by which the proxy knows how far a replica has come.
//
//     a write's reply arrives ── the watermark n is given out ── PUBLISH n at the master ── a replica delivers n
//
// Whatever was acknowledged before a watermark was given out stands before its PUBLISH in the master's stream. So a
// replica that delivers it, or a later one, has applied all of that.

import RESP

/// A number that is published at the master; they rise over all workers. Zero stands before everything.
struct Watermark: Comparable, Hashable, Sendable {
    let number: UInt64

    static let none = Watermark(number: 0)

    static func < (left: Watermark, right: Watermark) -> Bool {
        left.number < right.number
    }
}
