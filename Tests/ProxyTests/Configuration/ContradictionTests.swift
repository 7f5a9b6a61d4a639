// Files whose every value is good and that cannot be meant: what the proxy refuses, and what it only remarks.

import Testing

@testable import Proxy

/// The errors or the warnings of a file, without its name.
private func remarks(_ text: String) -> (errors: [String], warnings: [String]) {
    do throws(ConfigurationErrors) {
        let loaded = try ProxyConfiguration.load(Array(text.utf8), name: "f", sources: .none)
        return ([], loaded.warnings.lines)
    } catch {
        return (error.lines, [])
    }
}

@Suite struct ContradictionTests {
    /// Each file contradicts itself at the place that is named.
    @Test(arguments: [
        (
            "backends:\n  master: a:1\n  replicas: [b:1, a:1]",
            "f:3:19: backends.replicas: found a:1, which is the master, expected another server;"
                + " 'reads.include_master' lets it take reads"
        ),
        (
            "backends:\n  master: a:1\n  replicas:\n  - b:1\n  - {address: b:1, zone: x}",
            "f:5:5: backends.replicas: found b:1 twice, expected different servers;"
                + " 'weight' gives one more reads"
        ),
        (
            "backends: {master: a:1, sentinel: {master_name: m, addresses: b:1}}",
            "f:1:20: backends.master: found a master beside 'backends.sentinel', which names it,"
                + " expected one of the two"
        ),
        (
            "backends:\n  replicas: [a:1]\n  sentinel: {master_name: m, addresses: b:1}",
            "f:2:13: backends.replicas: found replicas beside 'backends.sentinel', which names them,"
                + " expected one of the two"
        ),
        (
            "backends: {master: a:1}\nwrites: {ack_replicas: 1, ack_timeout: 5s}\ntimeouts: {request: 4s}",
            "f:2:40: writes.ack_timeout: found 5 s, longer than a request may take, expected at most"
                + " 'timeouts.request', 4 s"
        ),
        (
            "backends: {sentinel: off}",
            "f:1:22: backends.sentinel: found 'off' without 'backends.master', expected one of the"
                + " two"
        ),
        (
            "listen: a:1\nbackends: {sentinel: {master_name: m, addresses: [b:1, a:1]}}",
            "f:2:56: backends.sentinel: found a:1, where the proxy itself listens, expected another"
                + " server"
        ),
        (
            "backends: {master: a:1, replicas: [b:1]}\nfailover: {mode: auto}",
            "f:2:18: failover.mode: found 'auto' without 'failover.state_file', expected one: started anew, the proxy"
                + " would take the old master for the right one"
        ),
        (
            "backends: {master: a:1, replicas: [b:1]}\nreads: {consistency: master, include_master: never}",
            "f:2:46: reads.include_master: found 'never' beside the consistency level 'master', whose reads nobody else"
                + " may answer, expected 'fallback' or 'always'"
        ),
        (
            "backends: {master: a:1, replicas: [b:1]}\nfailover: {rejoin: true}",
            "f:2:20: failover.rejoin: found 'true' without 'failover.mode: auto', expected both: this proxy tells"
                + " nobody to follow a master that others have made"
        ),
        (
            "backends: {master: a:1}\nfailover: {mode: auto, state_file: /f}",
            "f:2:18: failover.mode: found 'auto' without replicas, expected 'backends.replicas' or 'backends.discover'"
        ),
        (
            "backends: {sentinel: {master_name: m, addresses: b:1}}\nfailover: {mode: auto, state_file: /f}",
            "f:2:18: failover.mode: found 'auto' beside 'backends.sentinel', which does that, expected 'off'"
        ),
        (
            "listen: a:1\nbackends: {master: a:1}",
            "f:2:20: backends.master: found a:1, where the proxy itself listens, expected another server"
        ),
        (
            "listen: b:1\nbackends: {master: a:1, replicas: [b:1]}",
            "f:2:36: backends.replicas: found b:1, where the proxy itself listens, expected another"
                + " server"
        ),
        (
            "listen: a:7\nhealth: a:7\nbackends: {master: a:1}",
            "f:2:9: health: found a:7, which 'listen' has too, expected an endpoint of its own"
        ),
        (
            "listen: 0.0.0.0:7\nhealth: 127.0.0.1:7\nbackends: {master: a:1}",
            "f:2:9: health: found 127.0.0.1:7, which 'listen' has too, expected an endpoint of its own"
        ),
        (
            "auth: users\nbackends: {master: a:1}",
            "f:1:7: auth: found 'users', expected users in the key 'users'"
        ),
        (
            "backends: {master: a:1}\nusers: {app: {password: x}}",
            "f:2:8: users: found users that nobody is asked for, expected 'auth: users'"
        ),
        (
            "auth: backend\nbackends: {master: a:1}\nusers: {app: {password: x}}",
            "f:3:8: users: found users that nobody is asked for, expected 'auth: users'"
        ),
        (
            "backends: {master: a:1, username: me}",
            "f:1:35: backends.username: found no password for it, expected 'backends.password'"
        ),
        (
            "backends: {master: a:1}\nreads: {include_master: never}",
            "f:2:25: reads.include_master: found 'never' without replicas, so that no read could be"
                + " answered, expected 'fallback' or 'always'"
        ),
        (
            "backends: {master: a:1, replicas: [{address: b:1, tags: slow}]}\n"
                + "commands:\n  KEYS: {replica: slwo}",
            "f:3:3: commands: KEYS: found the tag 'slwo', which no backend has, did you mean 'slow'?"
        ),
        (
            "backends: {master: a:1}\ncommands:\n  KEYS: {replica: slow}",
            "f:3:3: commands: KEYS: found the tag 'slow', which no backend has, expected one of a"
                + " backend's 'tags'"
        ),
    ])
    func refuses(text: String, message: String) {
        #expect(remarks(text).errors == [message])
    }

    /// Each file is taken, and says something that has no effect.
    @Test(arguments: [
        (
            "backends: {master: a:1, replicas: [{address: b:1, weight: 2}]}",
            "f:1:59: backends.replicas: 'weight' does nothing without 'reads.balance: weighted'"
        ),
        (
            "zone: x\nbackends: {master: a:1}",
            "f:1:7: zone: no backend is in 'x', so that no zone is preferred"
        ),
        (
            "backends: {master: {address: a:1, zone: x}}",
            "f:1:20: backends: their zones do nothing without the proxy's own 'zone'"
        ),
        (
            "backends: {master: a:1}\ncommands: {FLUSHAL: refuse}",
            "f:2:12: commands: FLUSHAL: no such command is known, did you mean 'FLUSHALL'?"
        ),
        (
            "backends: {master: a:1}\ncommands: {SOMETHINGELSE: read}",
            "f:2:12: commands: SOMETHINGELSE: no such command is known; it may be a module's"
        ),
    ])
    func warns(text: String, message: String) {
        #expect(remarks(text).errors == [])
        #expect(remarks(text).warnings == [message])
    }

    /// Like the files above, and good.
    @Test(arguments: [
        "backends: {master: a:1, replicas: [a:2, b:1]}",
        "backends: {master: a:1, sentinel: off}",
        // The default of a key that means nothing here is no contradiction.
        "listen: 127.0.0.1:6379\nbackends: {sentinel: {master_name: m, addresses: b:1}}",
        "backends: {replicas: [], sentinel: {master_name: m, addresses: b:1}}\n"
            + "reads: {include_master: never}",
        "listen: a:7\nhealth: a:8\nbackends: {master: a:1}",
        "listen: a:7\nhealth: b:7\nbackends: {master: a:1}",
        "auth: users\nusers: {app: {password: x}}\nbackends: {master: a:1}",
        "auth: backend\nbackends: {master: a:1}",
        "backends: {master: a:1, username: me, password: x}",
        "backends: {master: a:1, password: x}",
        "backends: {master: a:1, replicas: [b:1]}\nreads: {include_master: never}",
        "backends: {master: {address: a:1, tags: slow}}\ncommands: {KEYS: {replica: slow}}",
        "backends: {master: a:1, replicas: [{address: b:1, weight: 2}]}\nreads: {balance: weighted}",
        "zone: x\nbackends: {master: a:1, replicas: [{address: b:1, zone: x}]}",
        "backends: {master: a:1}\ncommands: {FT.SEARCH: read, \"config|get\": refuse}",
    ])
    func accepts(text: String) {
        #expect(remarks(text).errors == [])
        #expect(remarks(text).warnings == [])
    }
}
