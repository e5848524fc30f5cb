import Workers

/// How a simulated device behaves.
struct DeviceManner {
    /// What makes it send.
    enum Answer {
        case never, echo, line, flood
    }

    var answer = Answer.echo
    /// How often in 100 acts it takes bytes, and how many at most.
    var takes = 80
    var takesAtMost = 4_096
    var sendsAtMost = 4_096
    /// In 10,000 acts: finish sending, close, reset, another error.
    var finishes = 0
    var closes = 0
    var resets = 0
    var otherErrors = 0
    var inboundCapacity = 65_536
    var outboundCapacity = 65_536

    /// One of the manners that are known.
    static func random(_ dice: ScriptedDice) -> DeviceManner {
        var manner = DeviceManner()
        switch dice.below(10) {
        case 0: manner.answer = .never
        case 1:
            manner.answer = .never
            manner.takes = 0
        case 2, 3, 4: manner.answer = .line
        case 5: manner.answer = .flood
        default: break
        }
        switch dice.below(5) {
        case 0:
            manner.inboundCapacity = dice.number(in: 1...64)
            manner.outboundCapacity = dice.number(in: 1...64)
        case 1:
            manner.outboundCapacity = dice.number(in: 8...600)
            manner.takesAtMost = 3
        case 2:
            manner.sendsAtMost = dice.number(in: 1...20)
        default:
            break
        }
        switch dice.below(6) {
        case 0: manner.finishes = 200
        case 1: manner.closes = 200
        case 2: manner.resets = 200
        case 3:
            manner.finishes = 100
            manner.resets = 100
            manner.otherErrors = 100
        default: break
        }
        return manner
    }
}
