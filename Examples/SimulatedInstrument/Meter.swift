/// Pseudo measurements: the same for the same seed, and never twice the same in a row.
struct Meter {
    private var state: UInt64
    private var lastVoltage = -1
    private var lastCurrent = -1

    init(seed: UInt64) {
        state = seed
    }

    /// A reading such as `+1.23456E+00`, in volts.
    mutating func voltage() -> String {
        lastVoltage = reading(base: 120_000, spread: 10_000, unlike: lastVoltage)
        return Self.scientific(lastVoltage, exponent: "E+00")
    }

    /// A reading such as `+4.56789E-03`, in amperes.
    mutating func current() -> String {
        lastCurrent = reading(base: 450_000, spread: 20_000, unlike: lastCurrent)
        return Self.scientific(lastCurrent, exponent: "E-03")
    }

    private mutating func reading(base: Int, spread: Int, unlike last: Int) -> Int {
        let value = base + Int(next() % UInt64(spread))
        return value == last ? value + 1 : value
    }

    /// SplitMix64.
    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Six digits as one, a point and five.
    private static func scientific(_ digits: Int, exponent: String) -> String {
        let text = String(digits)
        return "+\(text.prefix(1)).\(text.dropFirst())\(exponent)"
    }
}
