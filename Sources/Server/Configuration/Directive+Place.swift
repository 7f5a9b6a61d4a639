// The ways between a directive's value and a property of `ServerConfiguration`.

import RESP

extension Directive {
    /// A property, written from values of one kind and read as CONFIG GET prints it.
    package struct Place: Sendable {
        typealias Path<Property> = WritableKeyPath<ServerConfiguration, Property> & Sendable

        let write: @Sendable (Value, inout ServerConfiguration) -> Void
        package let read: @Sendable (ServerConfiguration) -> [UInt8]

        static func boolean(_ path: any Path<Bool>) -> Place {
            Place {
                guard case .boolean(let value) = $0 else { preconditionFailure("not a boolean") }
                $1[keyPath: path] = value
            } read: {
                Array(($0[keyPath: path] ? "yes" : "no").utf8)
            }
        }

        static func number(_ path: any Path<Int>, radix: Int = 10) -> Place {
            Place {
                $1[keyPath: path] = number($0)
            } read: {
                Array(String($0[keyPath: path], radix: radix).utf8)
            }
        }

        static func port(_ path: any Path<UInt16>) -> Place {
            Place {
                $1[keyPath: path] = UInt16(number($0))
            } read: {
                Array(String($0[keyPath: path]).utf8)
            }
        }

        static func seconds(_ path: any Path<Duration>) -> Place {
            Place {
                $1[keyPath: path] = .seconds(number($0))
            } read: {
                Array(String($0[keyPath: path].components.seconds).utf8)
            }
        }

        private static func number(_ value: Value) -> Int {
            guard case .number(let number) = value else { preconditionFailure("not a number") }
            return number
        }

        /// A text, such as a path, whose empty form means none.
        static func text(_ path: any Path<String?>) -> Place {
            Place {
                let bytes = text($0)
                $1[keyPath: path] = bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
            } read: {
                Array(($0[keyPath: path] ?? "").utf8)
            }
        }

        static func text(_ path: any Path<String>) -> Place {
            Place {
                $1[keyPath: path] = String(decoding: text($0), as: UTF8.self)
            } read: {
                Array($0[keyPath: path].utf8)
            }
        }

        /// Bytes that need not be text.
        static func bytes(_ path: any Path<[UInt8]?>) -> Place {
            Place {
                let bytes = text($0)
                $1[keyPath: path] = bytes.isEmpty ? nil : bytes
            } read: {
                $0[keyPath: path] ?? []
            }
        }

        private static func text(_ value: Value) -> [UInt8] {
            guard case .text(let bytes) = value else { preconditionFailure("not a text") }
            return bytes
        }

        static func level(_ path: any Path<LogLevel>) -> Place {
            let names: KeyValuePairs<String, LogLevel> = [
                "debug": .debug, "verbose": .verbose, "notice": .notice, "warning": .warning,
            ]
            return Place { value, configuration in
                guard case .choice(let choice) = value,
                    let level = names.first(where: { $0.key == choice })?.value
                else { preconditionFailure("not a level") }
                configuration[keyPath: path] = level
            } read: { configuration in
                Array(names.first { $0.value == configuration[keyPath: path] }!.key.utf8)
            }
        }

        static func facility(_ path: any Path<ServerConfiguration.Facility>) -> Place {
            Place {
                guard case .choice(let choice) = $0,
                    let facility = ServerConfiguration.Facility(rawValue: choice)
                else { preconditionFailure("not a facility") }
                $1[keyPath: path] = facility
            } read: {
                Array($0[keyPath: path].rawValue.utf8)
            }
        }

        /// Addresses, each optional with a leading minus; a single empty word means none at all.
        static func addresses(_ path: any Path<[ServerConfiguration.BindAddress]>) -> Place {
            Place {
                guard case .words(let words) = $0 else { preconditionFailure("not words") }
                $1[keyPath: path] = (words == [[]] ? [] : words).map { word in
                    let isOptional = word.first == UInt8(ascii: "-")
                    let host = String(decoding: isOptional ? word[1...] : word[...], as: UTF8.self)
                    return ServerConfiguration.BindAddress(host: host, isOptional: isOptional)
                }
            } read: {
                Array($0[keyPath: path].map(\.description).joined(separator: " ").utf8)
            }
        }
    }
}
