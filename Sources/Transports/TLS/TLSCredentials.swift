import DeviceSessions
import PortEngine
import TLSEngine

/// What a session is opened with besides its address: PEM texts, given as such or in files.
struct TLSCredentials: Sendable {
    /// Where a PEM text is.
    enum Source: Sendable {
        case text([UInt8])
        case file(PathTarget)
    }

    /// What the peer's certificate must lead to; `nil`: the system's roots.
    private(set) var authorities: Source?
    private(set) var certificate: Source?
    private(set) var key: Source?

    /// Takes them from the options of a session.
    ///
    /// Paths are only compared with the rules: what is in the files shows when the session is
    /// opened, and is read anew each time.
    ///
    /// - Throws: `.deniedOption`, or `.unsupportedOption` for texts that cannot be used.
    init(_ options: Parameters, _ policy: TargetPolicy) throws(TargetError) {
        authorities = try TLSCredentials.source("ca", options, policy)
        certificate = try TLSCredentials.source("certificate", options, policy)
        key = try TLSCredentials.source("key", options, policy)
        if certificate != nil && key == nil {
            throw .unsupportedOption("certificate", reason: "it needs the option key beside it")
        }
        if certificate == nil && key != nil {
            throw .unsupportedOption("key", reason: "it needs the option certificate beside it")
        }
        if let unusable = unusableText() {
            throw .unsupportedOption(unusable.option, reason: unusable.why)
        }
    }

    private static func source(
        _ option: String, _ options: Parameters, _ policy: TargetPolicy
    ) throws(TargetError) -> Source? {
        guard let text = options.text(option) else { return nil }
        guard text.hasPrefix("/") else {
            guard text.contains("-----BEGIN ") else {
                throw .unsupportedOption(option, reason: "it is neither PEM text nor a path")
            }
            return .text(Array(text.utf8))
        }
        let segments = text.utf8.split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false
        ).dropFirst()
        let isPlain = segments.allSatisfy { segment in
            !segment.isEmpty && !segment.elementsEqual(".".utf8)
                && !segment.elementsEqual("..".utf8) && !segment.contains(0)
        }
        guard isPlain else {
            throw .unsupportedOption(option, reason: "its path has an empty or dotted segment")
        }
        guard let target = policy.target(for: text, scheme: "file") else {
            throw .deniedOption(option)
        }
        return .file(target)
    }

    /// The files among them, with the options that name them.
    var files: [(option: String, target: PathTarget)] {
        let all = [("ca", authorities), ("certificate", certificate), ("key", key)]
        return all.compactMap { option, source in
            if case .file(let target)? = source { (option, target) } else { nil }
        }
    }

    /// Puts the text of a file in its place.
    mutating func setText(_ text: [UInt8], of option: String) {
        switch option {
        case "ca": authorities = .text(text)
        case "certificate": certificate = .text(text)
        default: key = .text(text)
        }
    }

    /// Completes terms with what the texts hold.
    ///
    /// Gives what is wrong with them instead, if something is.
    func complete(_ terms: inout TLSTerms) -> EntryError? {
        if let unusable = unusableText() {
            return .tlsOptionUnusable(unusable.option, unusable.why)
        }
        if case .text(let pem)? = authorities { terms.roots = TrustRoots(pem: pem) }
        if case .text(let certificate)? = certificate, case .text(let key)? = key {
            terms.identity = try? ClientIdentity(certificatePEM: certificate, keyPEM: key)
        }
        return nil
    }

    /// The first option whose text cannot be used; files that have not been read are let pass.
    private func unusableText() -> (option: String, why: String)? {
        if case .text(let pem)? = authorities, TrustRoots(pem: pem) == nil {
            return ("ca", "it holds no PEM certificate")
        }
        guard case .text(let certificate)? = certificate else { return nil }
        guard ClientIdentity.holdsCertificate(certificate) else {
            return ("certificate", "it holds no PEM certificate")
        }
        guard case .text(let key)? = key else { return nil }
        do throws(ClientIdentity.Fault) {
            _ = try ClientIdentity(certificatePEM: certificate, keyPEM: key)
            return nil
        } catch {
            switch error {
            case .certificate: return ("certificate", "it holds no PEM certificate")
            case .key: return ("key", "it holds no PEM key without a password")
            case .mismatch: return ("key", "it is not the key of the certificate")
            }
        }
    }
}
