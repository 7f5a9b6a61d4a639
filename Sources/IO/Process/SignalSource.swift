// Signals as things to read, instead of handlers that interrupt: no code runs at a moment it did not choose.

import CLinux
import Glibc
import RESP

/// The signals that a program listens to.
package enum Signals {
    /// Keeps them from ending the process, and makes writing to a closed pipe an error like others. Called
    /// before the first thread is started: threads inherit it.
    package static func prepare() {
        _ = Glibc.signal(SIGPIPE, SIG_IGN)
        var mask = Signals.mask
        let code = unsafe pthread_sigmask(SIG_BLOCK, &mask, nil)
        precondition(code == 0, "signals cannot be blocked: \(code)")
    }

    static var mask: sigset_t {
        var mask = sigset_t()
        unsafe sigemptyset(&mask)
        for number in [SIGTERM, SIGINT, SIGHUP, SIGUSR1] { unsafe sigaddset(&mask, number) }
        return mask
    }

    static func signal(numbered number: Int32) -> RESP.Signal? {
        switch number {
        case SIGTERM: .terminate
        case SIGINT: .interrupt
        case SIGHUP: .hangup
        case SIGUSR1: .user1
        default: nil
        }
    }
}

/// Where a loop reads its signals, and the loops that it tells of them.
struct SignalSource {
    let token: Token
    let others: [Mailbox]
}

extension EventLoop {
    /// Makes this loop the one that reads the process's signals; it tells its own core and those of `others`.
    package func hearSignals(forwardingTo others: [Mailbox] = []) throws(Errno) {
        var mask = Signals.mask
        let flags = Int32(SFD_NONBLOCK | SFD_CLOEXEC)
        let descriptor = Descriptor(
            owning: try attempt("signalfd") { unsafe signalfd(-1, &mask, flags) })
        signals = SignalSource(
            token: try watch(descriptor, as: .signals, for: .input), others: others)
    }

    func readSignals() {
        guard let signals else { preconditionFailure("signals without a source") }
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        let number = watches[signals.token].descriptor.number
        while unsafe read(number, &information, size) == size {
            guard let signal = Signals.signal(numbered: Int32(information.ssi_signo)) else {
                continue
            }
            for other in signals.others { other.post(.signal(signal)) }
            core.hear(.signal(signal), at: now)
        }
    }
}
