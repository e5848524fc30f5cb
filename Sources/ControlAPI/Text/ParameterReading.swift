import JSONText
import Transports

extension ObjectReader {
    /// Reads all members of the object as parameters, as their rules have it.
    mutating func parameters(_ rules: [ParameterRule]) -> Parameters {
        var read = Parameters()
        let data = rules.first { if case .data = $0.form { true } else { false } }
        if case .data(let limit)? = data?.form, let name = data?.name {
            read[name] = self.data(bytes: 0...limit).map { .bytes($0) }
        }
        forEachMember { name, value in
            // Bytes have been read, with what says how.
            if let data, name == data.name || name == "encoding" { return }
            guard let rule = rules.first(where: { $0.name == name }) else {
                let known = rules.map(\.name).joined(separator: ", ")
                value.fault(known.isEmpty ? "is not known" : "is not known; there are \(known)")
                return
            }
            read[name] = value.parameter(rule)
        }
        for rule in rules where rule.isRequired && !contains(named: rule.name) {
            fault("must have \(rule.name)")
        }
        return read
    }
}

extension ValueReader {
    fileprivate func parameter(_ rule: ParameterRule) -> ParameterValue? {
        switch rule.form {
        case .boolean:
            return boolean().map { .boolean($0) }
        case .integer(let range):
            return integer(in: range).map { .integer($0) }
        case .text(let codePoints, let wording, let isValid):
            return string(codePoints: codePoints, matching: TextRule(wording, isValid))
                .map { .text($0) }
        case .choice(let words):
            let rule = TextRule(rule.wording) { words.contains($0) }
            return string(matching: rule).map { .text($0) }
        case .choices(let words):
            let rule = TextRule("must be one of \(words.joined(separator: ", "))") {
                words.contains($0)
            }
            guard let texts = array(count: 0...words.count)?.strings(matching: rule) else {
                return nil
            }
            guard Set(texts).count == texts.count else {
                fault("names one of them twice")
                return nil
            }
            return .texts(texts)
        case .data:
            preconditionFailure("bytes are read by their object")
        }
    }
}
