// Threads of the operating system, for loops and for calls that block.

import CLinux
import Glibc

/// A thread that was started and can be waited for.
package struct Thread: Sendable {
    private let handle: pthread_t

    /// Starts a thread; its name (15 bytes of it) is what `top -H` shows.
    package static func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(Errno)
        -> Thread
    {
        var handle = pthread_t()
        let start = unsafe Unmanaged.passRetained(Start(body: body))
        let code = unsafe pthread_create(
            &handle, nil,
            { argument in
                let start = unsafe Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                start.body()
                return nil
            }, start.toOpaque())
        if code != 0 {
            unsafe start.release()
            throw Errno(code, in: "pthread_create")
        }
        _ = unsafe pthread_setname_np(handle, String(name.prefix(15)))
        return Thread(handle: handle)
    }

    /// Starts a thread that nobody waits for.
    static func startDetached(_ name: String, _ body: @escaping @Sendable () -> Void) throws(Errno)
    {
        try start(name, body).detach()
    }

    /// Lets the thread end by itself, instead of waiting for it.
    func detach() {
        let code = pthread_detach(handle)
        precondition(code == 0, "a thread cannot be let go: \(code)")
    }

    /// Waits until the thread has ended; once per thread.
    package func join() {
        let code = pthread_join(handle, nil)
        precondition(code == 0, "a thread cannot be joined: \(code)")
    }

    private final class Start: Sendable {
        let body: @Sendable () -> Void

        init(body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }
}
