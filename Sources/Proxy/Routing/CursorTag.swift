// Whose cursor it is: a SCAN goes on at the server that began it, over any connection of any client, so the cursor
// itself says which one that is.
//
//     cursor for the client  =  cursor of the server << 12  |  tag of the server         0 stays 0: begin, and done

import RESP

/// The mark of one server in its cursors, twelve bits of its run id's hash: the same in each process, and another one
/// when the server has begun anew. Two servers have the same tag once in 4,096 pairs; who keeps the servers must see to
/// it that a tag then names none of them.
struct CursorTag: Hashable, Sendable {
    static let bits = 12
    /// Cursors that clients see stay below this, since many of them keep numbers as doubles. It leaves 41 bits to the
    /// server. Redis promises only that a cursor fits 64 bits; what it counts in one, reversed, are the buckets of a
    /// table, so that it is less than their number, and 2^41 buckets would take 16 TB before the first key. (In cluster
    /// mode Redis 8 and Valkey 8 take 14 of these bits for the slot: 2^27 buckets for each are left then.)
    static let limit: UInt64 = 1 << 53

    let value: UInt16

    /// FNV-1a over the bytes of a run id, folded to twelve bits.
    init(runID: Span<UInt8>) {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in runID.indices {
            hash = (hash ^ UInt64(runID[index])) &* 0x0000_0100_0000_01B3
        }
        // The multiplication carries upwards only: the low bits alone would know the low bits of each byte alone.
        let folded = hash ^ hash >> 12 ^ hash >> 24 ^ hash >> 36 ^ hash >> 48
        self.init(value: UInt16(truncatingIfNeeded: folded & 0xFFF))
    }

    init(value: UInt16) {
        precondition(value < 1 << CursorTag.bits, "\(value) is no tag of twelve bits")
        self.value = value
    }

    /// The cursor for the client; nil when it would be too large.
    func tagging(_ cursor: UInt64) -> UInt64? {
        if cursor == 0 { return 0 }
        guard cursor < CursorTag.limit >> CursorTag.bits else { return nil }
        return cursor << CursorTag.bits | UInt64(value)
    }
}

/// What a client's cursor says.
enum ClientCursor: Hashable, Sendable {
    /// Any server may begin.
    case start
    /// The server with this tag goes on at its own `cursor`.
    case goesOn(CursorTag, cursor: UInt64)
    /// None that we have given out.
    case invalid

    init(_ text: Span<UInt8>) {
        guard let number = ClientCursor.number(text), number < CursorTag.limit else {
            self = .invalid
            return
        }
        if number == 0 {
            self = .start
            return
        }
        let cursor = number >> CursorTag.bits
        let tag = CursorTag(value: UInt16(number & (1 << CursorTag.bits - 1)))
        self = cursor == 0 ? .invalid : .goesOn(tag, cursor: cursor)
    }

    /// The longest text of a cursor: 64 bits without a sign.
    static let longest = 20

    /// The number that digits spell, and nothing but digits; nil when it does not fit 64 bits.
    static func number(_ digits: Span<UInt8>) -> UInt64? {
        guard !digits.isEmpty, digits.count <= longest else { return nil }
        var number: UInt64 = 0
        for index in digits.indices {
            let digit = digits[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            let (tens, overflowed) = number.multipliedReportingOverflow(by: 10)
            let (sum, carried) = tens.addingReportingOverflow(UInt64(digit))
            if overflowed || carried { return nil }
            number = sum
        }
        return number
    }
}
