// Bounds of the server that no directive sets.

package struct ServerLimits: Sendable {
    /// Above this much waiting output a client's requests wait, until half of it has been taken: whoever asks and
    /// does not read costs no more than this. redis-server goes on until memory ends.
    package var clientOutput = 256 << 20

    package init() {}
}
