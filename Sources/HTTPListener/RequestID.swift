import Synchronization

/// Names for requests.
enum RequestID {
    /// Whether a client's name may be echoed: 1 to 128 of `A-Z a-z 0-9 . _ ~ : / + = -`.
    static func isValid(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        (1...128).contains(bytes.count)
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    // The slash, the digits and the colon stand in a row.
                    UInt8(ascii: "/")...UInt8(ascii: ":"),
                    UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "+"),
                    UInt8(ascii: "="), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

/// Makes request ids: no two alike in one run, and two runs very unlikely to share one.
final class RequestIDSource: Sendable {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8
    )
    private let counter = Atomic(UInt64.random(in: .min ... .max))

    /// `req_` and eleven characters: fifteen bytes, which a `String` holds without an allocation.
    func next() -> String {
        // A bijection of the counter, so that ids differ and yet do not tell the request rate.
        var mixed = counter.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return String(unsafeUninitializedCapacity: 15) { buffer in
            _ = buffer.initialize(fromContentsOf: "req_".utf8)
            for place in 4..<15 {
                buffer.initializeElement(at: place, to: Self.alphabet[Int(mixed & 63)])
                mixed >>= 6
            }
            return 15
        }
    }
}
