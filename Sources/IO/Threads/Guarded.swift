// A value that several threads use in turn.

import Glibc

/// A value behind a lock of the C library.
///
/// Not the standard library's `Mutex`: its contended path takes a futex inside the runtime, where the thread
/// sanitizer cannot look, so that it reports races that are none and would drown the real ones. A value without size
/// is no good here for the same reason: its place is that of the object, which everybody reads.
@safe
package final class Guarded<Value: Sendable>: @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    package init(_ value: Value) {
        self.value = value
        unsafe lock = .allocate(capacity: 1)
        let code = unsafe pthread_mutex_init(lock, nil)
        precondition(code == 0, "a lock cannot be made: \(code)")
    }

    deinit {
        unsafe pthread_mutex_destroy(lock)
        unsafe lock.deallocate()
    }

    package func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        return body(&value)
    }
}
