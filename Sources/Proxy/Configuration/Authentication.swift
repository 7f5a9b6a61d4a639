// Who may use the proxy, and who the proxy is at the backends.

/// Who checks a client's AUTH.
package enum Authentication: Sendable, Equatable, CaseIterable {
    /// Nobody: every client may do what the proxy's own user may.
    case none
    /// The proxy, by the users of its configuration.
    case users
    /// The backend: each client is whom it says it is, and has connections of its user only.
    case backend
}

/// Somebody whom the proxy's own configuration knows.
package struct User: Sendable, Equatable {
    package var name: String
    /// Any of them lets the user in: two, while one is being replaced.
    package var passwords: [Secret]
    /// Who this user is at the backends; nil: whom the proxy itself is there.
    package var backendUser: String?
    package var backendPassword: Secret?
    /// How fresh this user's reads are; nil: as the listener says.
    package var consistency: Consistency?

    package init(
        name: String, passwords: [Secret], backendUser: String? = nil,
        backendPassword: Secret? = nil, consistency: Consistency? = nil
    ) {
        self.name = name
        self.passwords = passwords
        self.backendUser = backendUser
        self.backendPassword = backendPassword
        self.consistency = consistency
    }
}
