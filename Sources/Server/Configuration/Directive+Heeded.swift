// The directives that mean something here.

extension Directive {
    private static let int32 = Int(Int32.max)
    private static let signed = UInt64(Int64.max)
    private static let levels = ["debug", "verbose", "notice", "warning"]

    static let heeded: [Directive] = [
        Directive("bind", .words(StockValues.addresses), "* -::*", .anyTime, .addresses(\.bind)),
        Directive("port", .integer(0...65_535), "6379", .anyTime, .port(\.port)),
        Directive("unixsocket", .text(), "", .atStart, .text(\.unixSocket)),
        Directive(
            "unixsocketperm", .octal(0...0o777), "0", .atStart,
            .number(\.unixSocketPermissions, radix: 8)),
        Directive("tcp-backlog", .integer(0...int32), "511", .atStart, .number(\.tcpBacklog)),
        Directive("tcp-keepalive", .integer(0...int32), "300", .anyTime, .seconds(\.tcpKeepalive)),
        Directive("timeout", .integer(0...int32), "0", .anyTime, .seconds(\.timeout)),
        Directive(
            "maxclients", .integer(1...Int(UInt32.max)), "10000", .anyTime,
            .number(\.maximumClients)),
        Directive("protected-mode", .boolean, "yes", .anyTime, .boolean(\.protectedMode)),
        Directive("requirepass", .text(), "", .anyTime, .bytes(\.password)),

        Directive("loglevel", .choice(levels), "notice", .anyTime, .level(\.logLevel)),
        Directive("logfile", .text(), "", .atStart, .text(\.logFile)),
        Directive("syslog-enabled", .boolean, "no", .atStart, .boolean(\.syslog.isEnabled)),
        Directive("syslog-ident", .text(), "redis", .atStart, .text(\.syslog.identity)),
        Directive(
            "syslog-facility", .choice(ServerConfiguration.Facility.allCases.map(\.rawValue)),
            "local0", .atStart, .facility(\.syslog.facility)),
        Directive("always-show-logo", .boolean, "no", .atStart, .boolean(\.alwaysShowLogo)),

        Directive("daemonize", .boolean, "no", .atStart, .boolean(\.daemonize)),
        Directive("pidfile", .text(), "", .atStart, .text(\.pidFile)),
        Directive("dir", .text(), "", .protected, .text(\.directory)),

        Directive("databases", .integer(1...int32), "16", .atStart, .number(\.databases)),
        Directive(
            "proto-max-bulk-len", .memory(1_048_576...signed), "536870912", .anyTime,
            .number(\.maximumBulkLength)),
        Directive(
            "client-query-buffer-limit", .memory(1_048_576...signed), "1073741824", .anyTime,
            .number(\.clientQueryBufferLimit)),
    ]
}
