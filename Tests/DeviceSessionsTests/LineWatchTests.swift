import PortEngine
import Testing

@testable import DeviceSessions

/// The mask, the memory, and what two looks at a line say together.
@Suite struct LineWatchTests {
    private let all: LineEvents = [.always, .signals, .counted]

    private func watch(_ mask: LineEvents) -> LineWatch {
        var watch = LineWatch(reportable: all)
        watch.setMask(mask)
        return watch
    }

    private func sample(_ signals: LineEvents = [], breaks: Int = 0, errors: Int = 0) -> LineSample
    {
        var counts = LineCounts()
        counts.breaks = breaks
        counts.errors = errors
        return LineSample(signals: signals, counts: counts)
    }

    @Test func `what happens within the mask is remembered until it is taken`() {
        var watch = watch([.rxChar])
        watch.note([.rxChar, .txEmpty])
        #expect(watch.takeRemembered() == [.rxChar])
        #expect(watch.takeRemembered() == [])
    }

    @Test func `S14 a new mask keeps what is in it and drops the rest`() {
        var watch = watch([.rxChar, .txEmpty])
        watch.note([.rxChar, .txEmpty])
        watch.setMask([.txEmpty, .cts])
        watch.setMask([.rxChar, .txEmpty])
        #expect(watch.takeRemembered() == [.txEmpty])
    }

    @Test func `the first look is how things stood, the next tells what changed`() {
        var watch = watch([.cts, .dsr, .breakSignal, .error])
        watch.take(sample([.cts], breaks: 3))
        #expect(watch.remembered == [])
        watch.take(sample([.dsr], breaks: 3, errors: 1))
        #expect(watch.takeRemembered() == [.cts, .dsr, .error])
        watch.take(sample([.dsr], breaks: 4, errors: 1))
        #expect(watch.takeRemembered() == [.breakSignal])
    }

    @Test func `a ring counts when it begins, not when it ends`() {
        var watch = watch([.ring])
        watch.take(sample())
        watch.take(sample([.ring]))
        #expect(watch.takeRemembered() == [.ring])
        watch.take(sample())
        #expect(watch.takeRemembered() == [])
    }

    @Test func `a signal that went there and back shows in its count`() {
        var watch = watch([.rlsd])
        var counts = LineCounts()
        watch.take(LineSample(signals: [], counts: counts))
        counts.rlsd = 2
        watch.take(LineSample(signals: [], counts: counts))
        #expect(watch.takeRemembered() == [.rlsd])
    }

    @Test func `what happened while nobody looked is not told later`() {
        var watch = watch([.cts])
        watch.take(sample())
        watch.setMask([])
        watch.setMask([.cts])
        watch.take(sample([.cts]))
        #expect(watch.takeRemembered() == [])
    }

    @Test func `looks are needed only for what the daemon does not see by itself`() {
        #expect(!watch([.rxChar, .txEmpty]).isSampling)
        #expect(watch([.rxChar, .dsr]).isSampling)
        var poor = LineWatch(reportable: .always)
        poor.setMask([.cts])
        #expect(!poor.isSampling)
    }

    @Test func `a line reports what its driver tells`() {
        #expect(LineSample(signals: nil, counts: nil).reportable == .always)
        #expect(LineSample(signals: [], counts: nil).reportable == [.always, .signals])
        #expect(sample().reportable == all)
    }

    @Test func `every event has its word`() {
        #expect(LineEvents(named: LineEvents.allNames) == all)
        #expect(all.names == LineEvents.allNames)
        #expect(LineEvents(named: ["ring", "colour"]).names == ["ring"])
    }
}
