import CGnuTLS

// SAFETY: the pointer never changes, and GnuTLS allows several threads to use such objects (trust
// lists, credentials, priorities) at a time as long as nobody changes them. Nobody can: the pointer
// is given to functions that read it, in this module only.

/// An object of GnuTLS that is made once, only read afterwards, and freed with its last owner.
final class GnuTLSObject: @unchecked Sendable {
    let pointer: OpaquePointer
    private let free: (OpaquePointer) -> Void

    init(_ pointer: OpaquePointer, free: @escaping (OpaquePointer) -> Void) {
        self.pointer = pointer
        self.free = free
    }

    deinit { free(pointer) }
}

/// Calls `body` with bytes as GnuTLS wants them.
func withDatum<Result>(
    _ bytes: [UInt8], _ body: (UnsafePointer<gnutls_datum_t>) -> Result
) -> Result {
    var bytes = bytes
    return bytes.withUnsafeMutableBufferPointer { buffer in
        var datum = gnutls_datum_t(data: buffer.baseAddress, size: UInt32(buffer.count))
        return withUnsafePointer(to: &datum, body)
    }
}

/// The bytes of a datum that GnuTLS allocated, which is freed.
func takeBytes(_ datum: inout gnutls_datum_t) -> [UInt8] {
    defer {
        iocpd_gnutls_free(datum.data)
        datum = gnutls_datum_t()
    }
    guard let data = datum.data else { return [] }
    return Array(UnsafeBufferPointer(start: data, count: Int(datum.size)))
}

/// Base64 with the standard alphabet, padded.
func base64(_ bytes: [UInt8]) -> String {
    var encoded = gnutls_datum_t()
    let result = withDatum(bytes) { gnutls_base64_encode2($0, &encoded) }
    precondition(result == 0, "GnuTLS is out of memory")
    return String(decoding: takeBytes(&encoded), as: UTF8.self)
}

/// GnuTLS' own words for one of its errors.
func words(of code: Int32) -> String {
    guard let text = gnutls_strerror(code) else { return "error \(code)" }
    let sentence = String(cString: text)
    return sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence
}
