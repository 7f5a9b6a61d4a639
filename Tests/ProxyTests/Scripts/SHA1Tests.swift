// The digest that names scripts.

import Testing

@testable import Proxy

@Suite struct SHA1Tests {
    /// The examples of FIPS 180-4, and lengths around the ends of blocks.
    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
        ("return 1", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"),
    ])
    func knownDigests(_ text: String, _ digest: String) {
        #expect(String(decoding: SHA1.hexadecimal(Array(text.utf8).span), as: UTF8.self) == digest)
    }

    /// All lengths from 0 to 130, by the digest of their digests: computed by another program.
    @Test func allLengths() {
        var digests: [UInt8] = []
        for length in 0...130 {
            digests += SHA1.hexadecimal([UInt8](repeating: 0x61, count: length).span)
        }
        let digest = SHA1.hexadecimal(digests.span)
        #expect(
            String(decoding: digest, as: UTF8.self) == "e9a26226834c1decc620e4a7df67e181b336a6b8")
    }

    /// A message of many blocks.
    @Test func longMessage() {
        let letters = [UInt8](repeating: 0x61, count: 100_000)
        #expect(
            String(decoding: SHA1.hexadecimal(letters.span), as: UTF8.self)
                == "c4d4b30851182fc4eb8675494d42fd7f17e29c93")
    }
}
