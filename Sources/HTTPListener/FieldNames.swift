/// The names of the header fields that are kept, shared by all requests of a listener.
final class FieldNames: Sendable {
    let names: [String]
    private let bytes: [[UInt8]]

    // What the listener itself looks for. Not static: that would be a call for each look.
    let host = Array("host".utf8)
    let expect = Array("expect".utf8)
    let contentType = Array("content-type".utf8)
    let requestID = Array("x-request-id".utf8)
    let contentLength = Array("content-length".utf8)
    let transferEncoding = Array("transfer-encoding".utf8)
    let chunked = Array("chunked".utf8)
    let continues = Array("100-continue".utf8)

    init(_ names: [String]) {
        self.names = names.map { $0.lowercased() }
        bytes = self.names.map { Array($0.utf8) }
    }

    /// The place of a field, by a name in any case that is known to be a token.
    func place(of name: UnsafeBufferPointer<UInt8>) -> Int? {
        bytes.firstIndex { isSameName(name, $0) }
    }
}

/// Whether a token equals a name in lower case, letters in any case.
func isSameName(_ token: UnsafeBufferPointer<UInt8>, _ lowercased: [UInt8]) -> Bool {
    guard token.count == lowercased.count else { return false }
    for index in 0..<token.count where token[index] | 0x20 != lowercased[index] {
        // Among the bytes of tokens this folds letters only, and makes nothing into a hyphen.
        return false
    }
    return true
}

/// The kept header fields of one request.
struct KeptFields: Sendable {
    /// A field that the listener keeps whether it is asked to or not.
    enum Always: Sendable { case host }

    let names: FieldNames
    private var values: [String?]
    private var host: String?

    init(names: FieldNames) {
        self.names = names
        values = []
    }

    subscript(_ lowercasedName: String) -> String? {
        if let place = names.names.firstIndex(of: lowercasedName) {
            return values.isEmpty ? nil : values[place]
        }
        return lowercasedName == "host" ? host : nil
    }

    subscript(_ field: Always) -> String? {
        switch field {
        case .host: host
        }
    }

    mutating func keepHost(_ value: String) { host = value }

    mutating func keep(_ value: @autoclosure () -> String, of name: UnsafeBufferPointer<UInt8>) {
        guard let place = names.place(of: name) else { return }
        if values.isEmpty { values = Array(repeating: nil, count: names.names.count) }
        if let earlier = values[place] {
            values[place] = earlier + ", " + value()
        } else {
            values[place] = value()
        }
    }
}
