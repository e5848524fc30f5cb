import EngineBase
import Glibc
import LinuxSystem
import Testing

@Suite struct `Descriptors` {
    private func isOpen(_ raw: Int32) -> Bool { fcntl(raw, F_GETFD) >= 0 }

    /// A number far above those that other tests open and close meanwhile.
    private func highDescriptor() throws -> OwnedDescriptor {
        let low = try OwnedDescriptor.socket(.unix, .datagram)
        let raw = fcntl(low.rawValue, F_DUPFD_CLOEXEC, Int32.random(in: 3000..<9000))
        try #require(raw >= 0)
        return OwnedDescriptor(owning: raw)
    }

    @Test func `an owner that goes closes its descriptor`() throws {
        _ = try DescriptorLimit.raise()
        let raw: Int32
        do {
            let owned = try highDescriptor()
            raw = owned.rawValue
            #expect(isOpen(raw))
        }
        #expect(!isOpen(raw))
    }

    @Test func `a taken descriptor stays open`() throws {
        _ = try DescriptorLimit.raise()
        let raw = try highDescriptor().take()
        #expect(isOpen(raw))
        close(raw)
    }

    @Test func `a shared descriptor is closed by the last holder`() throws {
        _ = try DescriptorLimit.raise()
        var one: SharedDescriptor? = SharedDescriptor(try highDescriptor())
        var other = one
        let raw = try #require(one).owned.rawValue
        one = nil
        #expect(isOpen(raw))
        #expect(other != nil)
        other = nil
        #expect(!isOpen(raw))
    }

    @Test func `descriptors are not inherited`() throws {
        let socket = try OwnedDescriptor.socket(.ipv4, .stream)
        #expect(fcntl(socket.rawValue, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(socket.rawValue, F_GETFL) & O_NONBLOCK != 0)
        let wakeup = try Wakeup()
        #expect(fcntl(wakeup.descriptor.rawValue, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test func `the descriptor limit is raised to the hard one`() throws {
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        let raised = try DescriptorLimit.raise()
        #expect(raised == Int(clamping: limit.rlim_max))
        #expect(try DescriptorLimit.current() == raised)
    }
}
