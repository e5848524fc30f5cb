import DeviceSessions

/// `file:///path?access=readwrite`: a regular file, read and written at offsets, with locks.
///
/// CreateFile, LockFileEx.
struct FileTransport: Transport {
    private enum Access: String, CaseIterable {
        case read, write, readwrite, append
    }

    let description = TransportDescription(
        scheme: "file", kind: "file",
        uriParameters: [
            ParameterRule("access", .choice(Access.allCases.map(\.rawValue))),
            ParameterRule("create", .boolean),
        ],
        options: [], abilities: FileTransport.abilities(for: .readwrite),
        controls: [.syncFile, .getFileSize], isNetwork: false)

    func plan(
        _ uri: TargetURI, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> SessionPlan {
        guard case .path(let path) = uri.place else {
            throw .invalidURI("file needs an absolute path, as in file:///var/lib/devices/log")
        }
        let access = uri.parameters.text("access").flatMap { Access(rawValue: $0) } ?? .read
        let creates = uri.parameters.boolean("create") ?? false
        if creates && access == .read {
            throw .invalidURI("create=true needs an access that may write")
        }
        guard var target = policy.target(for: path, scheme: uri.scheme) else { throw .denied }
        target.linkTargets = policy.places(scheme: uri.scheme)
        let opening = FileOpening(
            target: target,
            access: FileAccess(
                reads: access == .read || access == .readwrite, writes: access != .read,
                appends: access == .append, creates: creates))
        var plan = SessionPlan(opening: opening, options: options)
        plan.abilities = FileTransport.abilities(for: access)
        return plan
    }

    private static func abilities(for access: Access) -> SessionAbilities {
        let denied: [String] =
            switch access {
            case .read: ["write"]
            case .write, .append: ["read"]
            case .readwrite: []
            }
        return SessionAbilities(
            operations: ["read", "write", "control", "lock", "unlock"],
            offsets: access == .append ? .appends : .required, canShutOutput: false,
            hasStandingReads: false, denied: denied)
    }
}

extension ControlDescription {
    /// `file.sync`: what was written is on the disk when it is `ok` (fdatasync).
    ///
    /// FlushFileBuffers.
    fileprivate static let syncFile = ControlDescription("file.sync") { _ in
        .kernel(.syncFile, takesTurn: true)
    }

    /// `file.get_size`: the size in bytes, as `value` of the entry.
    ///
    /// GetFileSizeEx.
    fileprivate static let getFileSize = ControlDescription("file.get_size") { _ in
        .kernel(.fileSize, takesTurn: true)
    }
}
