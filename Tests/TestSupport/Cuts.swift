// Where an input is cut into pieces, chosen by a few bytes: the fuzzers' way to try every split.

/// Cuts inputs as its seed says.
public struct Cuts {
    private var state: UInt32

    public init(seed: some Sequence<UInt8>) {
        state = seed.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
    }

    /// The input in pieces of one byte up to all of it.
    public mutating func pieces(of bytes: [UInt8]) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
            state = state &* 1_664_525 &+ 1_013_904_223
            // Small pieces often, larger ones now and then.
            let size = 1 + Int(state >> 16) % [1, 2, 3, 8, 64, 1024][Int(state >> 8) % 6]
            let end = min(start + size, bytes.count)
            pieces.append(Array(bytes[start..<end]))
            start = end
        }
        return pieces
    }
}
