import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct AlertTests {
    @Test func `X07 an alertable fetch with an alert and no entry returns the alert`() throws {
        let port = try PortBench().port()
        #expect(try port.alert(consumer("w"), Alert(context: "up", data: [1])) == 1)
        let answer = try port.take(.fetch(by: "w", alertable: true))
        #expect(answer.reason == .alert)
        #expect(answer.alertContexts == ["up"])
        #expect(answer.alerts.first?.data == [1])
        #expect(answer.entries.isEmpty)
        #expect(try port.take(.fetch(by: "w", alertable: true)).reason == .timeout)
    }

    @Test func `X07 an alert ends an alertable wait`() throws {
        let port = try PortBench().port()
        let waiter = try port.wait(.fetch(wait: 1_000, by: "w", alertable: true))
        #expect(try port.alert(consumer("w"), Alert(context: "up")) == 0)
        #expect(waiter.answer?.reason == .alert)
        #expect(waiter.answer?.alertContexts == ["up"])
        #expect(port.counts.waiting == 0)
    }

    @Test func `X08 a fetch that is not alertable leaves alerts alone`() throws {
        let port = try PortBench().port()
        let waiter = try port.wait(.fetch(wait: 1_000, by: "w"))
        #expect(try port.alert(consumer("w"), Alert(context: "up")) == 1)
        #expect(waiter.isWaiting)
        #expect(try port.take(.fetch(by: "w")).reason == .timeout)
        #expect(try port.take(.fetch(by: "w", alertable: true)).alertContexts == ["up"])
    }

    @Test func `X09 entries that may be taken come first and leave the alerts where they are`()
        throws
    {
        let port = try PortBench().port()
        try port.post("x")
        _ = try port.alert(consumer("w"), Alert(context: "up"))
        let answer = try port.take(.fetch(by: "w", alertable: true))
        #expect(answer.reason == .entries)
        #expect(answer.alerts.isEmpty)
        #expect(try port.take(.fetch(by: "w", alertable: true)).alertContexts == ["up"])
    }

    @Test func `R12 a consumer that the limit holds back gets its alert`() throws {
        let port = try PortBench().port("p", PortSettings(concurrencyLimit: 1))
        try port.post("x", "y")
        _ = try port.take(.fetch(max: 1, by: "busy"))
        _ = try port.alert(consumer("w"), Alert(context: "1"))
        #expect(try port.take(.fetch(by: "w", alertable: true)).alertContexts == ["1"])
        let waiter = try port.wait(.fetch(wait: 1_000, by: "w", alertable: true))
        _ = try port.alert(consumer("w"), Alert(context: "2"))
        #expect(waiter.answer?.reason == .alert)
        #expect(port.counts.queued == 1)
    }

    @Test func `R12 all kept alerts come at once, oldest first`() throws {
        let port = try PortBench().port()
        for context in ["1", "2", "3"] {
            _ = try port.alert(consumer("w"), Alert(context: ClientText(context)))
        }
        let answer = try port.take(.fetch(by: "w", alertable: true))
        #expect(answer.alertContexts == ["1", "2", "3"])
    }

    @Test func `R13 so many alerts are kept for a consumer, and one more is refused`() throws {
        let port = try PortBench().port()
        for number in 1...64 { #expect(try port.alert(consumer("w"), Alert()) == number) }
        #expect(throws: PortError.tooManyAlerts(limit: 64, current: 64)) {
            try port.alert(consumer("w"), Alert())
        }
        #expect(try port.alert(consumer("v"), Alert()) == 1)
        #expect(try port.take(.fetch(by: "w", alertable: true)).alerts.count == 64)
        #expect(try port.alert(consumer("w"), Alert()) == 1)
    }

    @Test func `R13 so many consumers may have alerts, and one more is refused`() throws {
        let port = try PortBench().port()
        for number in 0..<1_024 { _ = try port.alert(consumer("w\(number)"), Alert()) }
        #expect(throws: PortError.tooManyAlerts(limit: 1_024, current: 1_024)) {
            try port.alert(consumer("one-more"), Alert())
        }
        // Consumers that have some already may have more.
        #expect(try port.alert(consumer("w7"), Alert()) == 2)
        _ = try port.take(.fetch(by: "w7", alertable: true))
        #expect(try port.alert(consumer("one-more"), Alert()) == 1)
    }

    @Test func `R13 an alert that a waiting fetch takes at once is never refused`() throws {
        let bench = PortBench(limits: PortLimits(alertsPerConsumer: 1, alertConsumers: 1))
        let port = try bench.port()
        let waiter = try port.wait(.fetch(wait: 1_000, by: "w", alertable: true))
        _ = try port.alert(consumer("v"), Alert())
        #expect(try port.alert(consumer("w"), Alert(context: "up")) == 0)
        #expect(waiter.answer?.alertContexts == ["up"])
    }

    @Test func `R13 an alert is kept without time limit`() throws {
        let bench = PortBench()
        let port = try bench.port()
        _ = try port.alert(consumer("w"), Alert(context: "old"))
        bench.pass(milliseconds: 365 * 24 * 3_600_000)
        #expect(try port.take(.fetch(by: "w", alertable: true)).alertContexts == ["old"])
    }

    @Test func `R15 alerts of a lost reply go back before those that came meanwhile`() throws {
        let port = try PortBench().port()
        _ = try port.alert(consumer("w"), Alert(context: "1"))
        _ = try port.alert(consumer("w"), Alert(context: "2"))
        let lost = try port.take(.fetch(by: "w", alertable: true), arrives: false)
        _ = try port.alert(consumer("w"), Alert(context: "3"))
        port.putBack(try #require(lost.handover))
        #expect(port.counts.undeliveredTotal == 1)
        let again = try port.take(.fetch(by: "w", alertable: true))
        #expect(again.alertContexts == ["1", "2", "3"])
    }

    @Test func `R15 alerts of a lost reply go to the consumer's next wait at once`() throws {
        let port = try PortBench().port()
        _ = try port.alert(consumer("w"), Alert(context: "1"))
        let lost = try port.take(.fetch(by: "w", alertable: true), arrives: false)
        let waiter = try port.wait(.fetch(wait: 1_000, by: "w", alertable: true))
        port.putBack(try #require(lost.handover))
        #expect(waiter.answer?.alertContexts == ["1"])
    }

    @Test func `an alert of one port does not reach another`() throws {
        let bench = PortBench()
        let (port, other) = (try bench.port("p"), try bench.port("q"))
        _ = try port.alert(consumer("w"), Alert())
        #expect(try other.take(.fetch(by: "w", alertable: true)).reason == .timeout)
    }
}
