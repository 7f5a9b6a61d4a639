// Everything that sluice-server serves, in rows that redis-server 7.0 answers with the same bytes.

public enum Dialogues {
    public static let all = [
        strings, numbers, deletion, databases, pings, names, hello, resp3, authentication, refusals,
        containers, protocolErrors, http, quit, shutdown, keyLookups, docs,
    ]

    /// Those that the proxy passes on as they are.
    public static let throughProxy = [
        strings, numbers, deletion, pings, protocolErrors, http, quit,
    ]

    static let strings = Dialogue(
        "strings",
        [
            ("GET none", "$-1\r\n"),
            ("SET k v", "+OK\r\n"),
            ("GET k", "$1\r\nv\r\n"),
            ("set k ''", "+OK\r\n"),
            ("gEt k", "$0\r\n\r\n"),
            ("SET '' empty-key", "+OK\r\n"),
            ("GET ''", "$9\r\nempty-key\r\n"),
            ("SET k " + String(repeating: "x", count: 10_000), "+OK\r\n"),
            ("GET k", "$10000\r\n" + String(repeating: "x", count: 10_000) + "\r\n"),
            ("GET", "-ERR wrong number of arguments for 'get' command\r\n"),
            ("GET a b", "-ERR wrong number of arguments for 'get' command\r\n"),
            ("SET k", "-ERR wrong number of arguments for 'set' command\r\n"),
            ("set k \"a\\x00b\"\r\nget k\r\n", "+OK\r\n$3\r\na\0b\r\n"),
        ])

    static let numbers = Dialogue(
        "numbers",
        [
            ("INCR n", ":1\r\n"),
            ("INCR n", ":2\r\n"),
            ("GET n", "$1\r\n2\r\n"),
            ("SET n -5", "+OK\r\n"),
            ("INCR n", ":-4\r\n"),
            ("SET n 9223372036854775807", "+OK\r\n"),
            ("INCR n", "-ERR increment or decrement would overflow\r\n"),
            ("SET n 9223372036854775808", "+OK\r\n"),
            ("INCR n", "-ERR value is not an integer or out of range\r\n"),
            ("SET n 01", "+OK\r\n"),
            ("INCR n", "-ERR value is not an integer or out of range\r\n"),
            ("SET n ''", "+OK\r\n"),
            ("INCR n", "-ERR value is not an integer or out of range\r\n"),
            ("SET n -9223372036854775808", "+OK\r\n"),
            ("INCR n", ":-9223372036854775807\r\n"),
        ])

    static let deletion = Dialogue(
        "deletion",
        [
            ("SET a 1", "+OK\r\n"), ("SET b 2", "+OK\r\n"), ("DBSIZE", ":2\r\n"),
            ("DEL a none a", ":1\r\n"), ("DBSIZE", ":1\r\n"), ("DEL b", ":1\r\n"),
            ("DBSIZE", ":0\r\n"), ("DEL", "-ERR wrong number of arguments for 'del' command\r\n"),
        ])

    static let databases = Dialogue(
        "databases",
        [
            ("SET k zero", "+OK\r\n"), ("SELECT 15", "+OK\r\n"), ("GET k", "$-1\r\n"),
            ("SET k fifteen", "+OK\r\n"), ("SELECT 0", "+OK\r\n"), ("GET k", "$4\r\nzero\r\n"),
            ("SELECT 16", "-ERR DB index is out of range\r\n"),
            ("SELECT -1", "-ERR DB index is out of range\r\n"),
            ("SELECT x", "-ERR value is not an integer or out of range\r\n"),
            (
                "SELECT 4294967296",
                "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n"
            ),
            ("GET k", "$4\r\nzero\r\n"),
        ])

    static let pings = Dialogue(
        "ping and echo",
        [
            ("PING", "+PONG\r\n"), ("PING hello", "$5\r\nhello\r\n"),
            ("PING a b", "-ERR wrong number of arguments for 'ping' command\r\n"),
            ("ECHO x", "$1\r\nx\r\n"),
            ("ECHO", "-ERR wrong number of arguments for 'echo' command\r\n"),
            ("PING\r\n\r\n   \r\nPING\r\n", "+PONG\r\n+PONG\r\n"),
            ("*0\r\n*-5\r\nPING\r\n", "+PONG\r\n"),
        ])

    static let names = Dialogue(
        "client names",
        [
            ("CLIENT GETNAME", "$-1\r\n"), ("CLIENT SETNAME me", "+OK\r\n"),
            ("CLIENT GETNAME", "$2\r\nme\r\n"),
            (
                "client setname \"a b\"\r\n",
                "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"
            ),
            ("CLIENT GETNAME", "$2\r\nme\r\n"), ("CLIENT SETNAME ''", "+OK\r\n"),
            ("CLIENT GETNAME", "$-1\r\n"), ("CLIENT ID", ":\(DialogueLine.any)\r\n"),
        ])

    static let hello = Dialogue(
        "HELLO in RESP2",
        [
            (
                "HELLO",
                "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:2\r\n"
                    + "$2\r\nid\r\n:\(DialogueLine.any)\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n"
                    + "$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"
            ),
            ("HELLO x", "-ERR Protocol version is not an integer or out of range\r\n"),
            ("HELLO 1", "-NOPROTO unsupported protocol version\r\n"),
            ("HELLO 4", "-NOPROTO unsupported protocol version\r\n"),
            ("HELLO 2 FOO", "-ERR Syntax error in HELLO option 'FOO'\r\n"),
            ("HELLO 2 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'\r\n"),
            ("HELLO 3 AUTH default", "-ERR Syntax error in HELLO option 'AUTH'\r\n"),
            ("GET none", "$-1\r\n"),
        ])

    static let resp3 = Dialogue(
        "HELLO 3",
        [
            (
                "HELLO 3 SETNAME x",
                "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n"
                    + "$2\r\nid\r\n:\(DialogueLine.any)\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n"
                    + "$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"
            ),
            ("CLIENT GETNAME", "$1\r\nx\r\n"), ("GET none", "_\r\n"),
            ("HELLO 9", "-NOPROTO unsupported protocol version\r\n"), ("GET none", "_\r\n"),
        ])

    static let authentication = Dialogue(
        "a password", configuration: ["requirepass": "secret"],
        [
            ("PING", "-NOAUTH Authentication required.\r\n"),
            ("GET", "-ERR wrong number of arguments for 'get' command\r\n"),
            ("NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: \r\n"),
            ("AUTH wrong", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
            (
                "AUTH default wrong",
                "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
            ),
            (
                "AUTH other secret",
                "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
            ),
            ("AUTH a b c", "-ERR syntax error\r\n"),
            (
                "HELLO 3",
                "-NOAUTH HELLO must be called with the client already authenticated, otherwise the "
                    + "HELLO AUTH <user> <pass> option can be used to authenticate the client and "
                    + "select the RESP protocol version at the same time\r\n"
            ),
            (
                "HELLO 2 AUTH default nope",
                "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
            ),
            ("PING", "-NOAUTH Authentication required.\r\n"),
            ("AUTH secret", "+OK\r\n"), ("PING", "+PONG\r\n"),
        ])

    static let refusals = Dialogue(
        "unknown commands",
        [
            ("NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: \r\n"),
            ("nosuch a b", "-ERR unknown command 'nosuch', with args beginning with: 'a' 'b' \r\n"),
            (
                "nosuch " + String(repeating: "y", count: 200) + " z",
                "-ERR unknown command 'nosuch', with args beginning with: '"
                    + String(repeating: "y", count: 128) + "' \r\n"
            ),
            (
                "nosuch " + String(repeating: "y", count: 100) + " abcdefghijklmnopqrstuvwxyzabc",
                "-ERR unknown command 'nosuch', with args beginning with: '"
                    + String(repeating: "y", count: 100) + "' 'abcdefghijklmnopqrstuvwxy' \r\n"
            ),
            (
                String(repeating: "n", count: 200),
                "-ERR unknown command '" + String(repeating: "n", count: 128)
                    + "', with args beginning with: \r\n"
            ),
            (
                "\"no\\nsuch\" \"a\\r\\nb\"\r\n",
                "-ERR unknown command 'no such', with args beginning with: 'a  b' \r\n"
            ),
            (
                "AUTH x",
                "-ERR AUTH <password> called without any password configured for the default user. "
                    + "Are you sure your configuration is correct?\r\n"
            ),
            ("AUTH default anything", "+OK\r\n"),
        ])

    static let containers = Dialogue(
        "containers",
        [
            ("CLIENT", "-ERR wrong number of arguments for 'client' command\r\n"),
            ("CLIENT NOSUCH", "-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.\r\n"),
            ("client NoSuch x y", "-ERR unknown subcommand 'NoSuch'. Try CLIENT HELP.\r\n"),
            ("CLIENT ID x", "-ERR wrong number of arguments for 'client|id' command\r\n"),
            ("COMMAND NOSUCH", "-ERR unknown subcommand 'NOSUCH'. Try COMMAND HELP.\r\n"),
            ("COMMAND COUNT x", "-ERR wrong number of arguments for 'command|count' command\r\n"),
        ])

    static let protocolErrors = Dialogue(
        "protocol errors",
        lines: [
            DialogueLine(
                "PING\r\n*x\r\nPING\r\n",
                "+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n", closes: true),
            DialogueLine(
                "*1\r\n:5\r\n", "-ERR Protocol error: expected '$', got ':'\r\n", closes: true),
            DialogueLine(
                "*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length\r\n", closes: true),
            DialogueLine(
                "set \"a\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n",
                closes: true),
            DialogueLine("PING\r\n", "+PONG\r\n"),
        ])

    static let http = Dialogue(
        "HTTP",
        lines: [
            DialogueLine("POST / HTTP/1.1\r\nHost: x\r\nSET a b\r\n", "", closes: true),
            DialogueLine("host: x\r\nSET a b\r\n", "", closes: true),
            DialogueLine("GET a", "$-1\r\n"),
        ])

    static let quit = Dialogue(
        "QUIT",
        lines: [
            DialogueLine("PING\r\nQUIT\r\nPING\r\n", "+PONG\r\n+OK\r\n", closes: true),
            DialogueLine("QUIT", "+OK\r\n", closes: true),
        ])

    static let shutdown = Dialogue(
        "SHUTDOWN that does not",
        [
            ("SHUTDOWN FOO", "-ERR syntax error\r\n"),
            ("SHUTDOWN SAVE NOSAVE", "-ERR syntax error\r\n"),
            ("SHUTDOWN ABORT NOW", "-ERR syntax error\r\n"),
            ("SHUTDOWN ABORT", "-ERR No shutdown in progress.\r\n"),
            ("SHUTDOWN ABORT abort", "-ERR No shutdown in progress.\r\n"),
        ])

    static let keyLookups = Dialogue(
        "COMMAND GETKEYS",
        [
            ("COMMAND GETKEYS GET k", "*1\r\n$1\r\nk\r\n"),
            ("COMMAND GETKEYS MSET a 1 b 2", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
            ("COMMAND GETKEYS EVAL script 2 a b c", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
            ("COMMAND GETKEYS XREAD COUNT 2 STREAMS s t 0 0", "*2\r\n$1\r\ns\r\n$1\r\nt\r\n"),
            ("COMMAND GETKEYS SORT a STORE b", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
            ("COMMAND GETKEYS NOSUCH k", "-ERR Invalid command specified\r\n"),
            ("COMMAND GETKEYS PING x", "-ERR The command has no key arguments\r\n"),
            (
                "COMMAND GETKEYS GET a b",
                "-ERR Invalid number of arguments specified for command\r\n"
            ),
            (
                "COMMAND GETKEYS GET",
                "-ERR wrong number of arguments for 'command|getkeys' command\r\n"
            ),
            ("COMMAND GETKEYS EVAL script x", "*0\r\n"),
        ])

    static let docs = Dialogue(
        "COMMAND INFO",
        [
            ("COMMAND INFO nosuch", "*1\r\n$-1\r\n"),
            (
                "COMMAND INFO get",
                "*1\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
                    + "*3\r\n+@read\r\n+@string\r\n+@fast\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n"
                    + "+access\r\n$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n"
                    + "*2\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n"
                    + "$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n"
            ),
        ])
}
