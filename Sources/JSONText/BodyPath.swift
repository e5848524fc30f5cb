/// The place of a value in a body, kept as single steps: text is made of it only for a fault.
struct BodyPath {
    enum Step {
        case top
        case member(StaticString)
        case named(String)
        case element(Int)
    }

    /// The way to the value that holds this one.
    private let parent: BodyPathLink?
    private let step: Step

    static var top: BodyPath { BodyPath(parent: nil, step: .top) }

    @inline(__always)
    init(parent: BodyPathLink?, step: Step) {
        self.parent = parent
        self.step = step
    }

    /// The JSON pointer (RFC 6901) to this place.
    var pointer: String {
        let before = parent?.path.pointer ?? ""
        return switch step {
        case .top: before
        case .member(let name): before + "/" + BodyPath.escape("\(name)")
        case .named(let name): before + "/" + BodyPath.escape(name)
        case .element(let index): before + "/\(index)"
        }
    }

    /// The JSON pointer to something inside.
    func pointer(to step: Step) -> String {
        BodyPath(parent: BodyPathLink(self), step: step).pointer
    }

    private static func escape(_ name: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in name.unicodeScalars {
            switch scalar {
            case "~": escaped.append(contentsOf: "~0".unicodeScalars)
            case "/": escaped.append(contentsOf: "~1".unicodeScalars)
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}

/// A path that several values share: all the elements of an array, all the members of an object.
final class BodyPathLink {
    let path: BodyPath

    init(_ path: BodyPath) { self.path = path }
}
