// What the kernel answers when it says no, and the one loop around every system call.

import Glibc

/// A system call that failed, and why.
package struct Errno: Error, CustomStringConvertible {
    package let code: Int32
    package let call: StaticString

    package init(_ code: Int32, in call: StaticString) {
        self.code = code
        self.call = call
    }

    /// The reason alone, in the system's words: `Connection refused`.
    package var reason: String {
        var text = [CChar](repeating: 0, count: 128)
        _ = unsafe strerror_r(code, &text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    package var description: String { "\(call): \(reason)" }
}

/// Makes a system call again until no signal interrupts it.
///
/// A descriptor or an address that the kernel does not know is our own mistake, and could be somebody else's
/// descriptor the next time: that ends the process.
@inline(always)
func attempt<Result: FixedWidthInteger>(_ call: StaticString, _ body: () -> Result) throws(Errno)
    -> Result
{
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        if code == EINTR { continue }
        precondition(code != EBADF && code != EFAULT, "\(call) failed with \(code)")
        throw Errno(code, in: call)
    }
}

/// The same for calls where "not now" is an everyday answer: nil then.
@inline(always)
func attemptUnlessBlocked<Result: FixedWidthInteger>(_ call: StaticString, _ body: () -> Result)
    throws(Errno) -> Result?
{
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        if code == EAGAIN { return nil }
        if code == EINTR { continue }
        precondition(code != EBADF && code != EFAULT, "\(call) failed with \(code)")
        throw Errno(code, in: call)
    }
}
