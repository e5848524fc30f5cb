import DeviceSessions
import EngineBase
import Glibc
import Testing
import Workers

/// Files: which they are, their locks, what may be opened.
@Suite struct `File steps` {
    private static let all = FileAccess(reads: true, writes: true, appends: false, creates: true)

    private func range(_ start: UInt64, _ length: UInt64) -> FileRange {
        FileRange(start: start, length: length)
    }

    /// A file that is open twice: two owners of locks, as in two programs.
    private func twice(
        _ factory: DriverFactory, _ directory: TemporaryDirectory
    ) throws -> (DriverBench, DescriptorSlot, DescriptorSlot) {
        let bench = try DriverBench(factory)
        let request = OpenRequest.file(directory.target("file"), Self.all)
        return (bench, try bench.open(request), try bench.open(request))
    }

    @Test(arguments: DriverFactory.all)
    func `a file is known by what it is, not by its name`(factory: DriverFactory) throws {
        let directory = try TemporaryDirectory()
        let (bench, one, two) = try twice(factory, directory)
        link(directory.path + "/file", directory.path + "/alias")
        directory.makeFile("other", "x")
        func key(_ slot: DescriptorSlot) throws -> FileKey {
            guard case .control(.file(let key)) = try bench.run(.control(slot, .fileIdentity))
            else {
                throw DriverBench.Unexpected(result: "no identity")
            }
            return key
        }
        let alias = try bench.open(.file(directory.target("alias"), .reading))
        let other = try bench.open(.file(directory.target("other"), .reading))
        #expect(try key(one) == key(two))
        #expect(try key(one) == key(alias))
        #expect(try key(one) != key(other))
        let socket = try bench.tcpSocket()
        #expect(try bench.run(.control(socket, .fileIdentity)).failure == .notSupported)
    }

    @Test(arguments: DriverFactory.all)
    func `locks of two descriptors conflict, never wait, and go with an unlock`(
        factory: DriverFactory
    ) throws {
        let directory = try TemporaryDirectory()
        let (bench, one, two) = try twice(factory, directory)
        func take(_ slot: DescriptorSlot, _ steps: FileLockStep...) throws -> Bool {
            try bench.run(.control(slot, .lockFile(steps))).isLocked
        }
        func release(_ slot: DescriptorSlot, _ steps: FileLockStep...) throws {
            #expect(try !bench.run(.control(slot, .unlockFile(steps))).isLocked)
        }
        #expect(try take(one, FileLockStep(range(0, 10), .exclusive)))
        #expect(try !take(two, FileLockStep(range(9, 1), .shared)))
        #expect(try take(two, FileLockStep(range(10, 1), .exclusive)))
        // The last offset is a byte like any other.
        let last = FileRange.largestOffset
        #expect(try take(one, FileLockStep(range(last, 5), .exclusive)))
        #expect(try !take(two, FileLockStep(range(last - 1, last), .shared)))
        #expect(try take(two, FileLockStep(range(last - 1, 1), .shared)))

        try release(one, FileLockStep(range(0, 4), .shared), FileLockStep(range(4, 2), .none))
        #expect(try take(two, FileLockStep(range(0, 6), .shared)))
        #expect(try !take(two, FileLockStep(range(6, 1), .shared)))
        try release(one, FileLockStep(.everything, .none))
        #expect(try take(two, FileLockStep(range(6, 100), .exclusive)))
        #expect(try take(two, FileLockStep(range(last, 1), .exclusive)))
    }

    @Test(arguments: DriverFactory.all)
    func `of several ranges all are locked, or none`(factory: DriverFactory) throws {
        let directory = try TemporaryDirectory()
        let (bench, one, two) = try twice(factory, directory)
        let steps = [FileLockStep(range(0, 5), .shared), FileLockStep(range(20, 5), .shared)]
        let middle = [FileLockStep(range(24, 1), .exclusive)]
        #expect(try bench.run(.control(one, .lockFile(middle))).isLocked)
        #expect(try !bench.run(.control(two, .lockFile(steps))).isLocked)
        let begin = [FileLockStep(range(0, 24), .exclusive)]
        #expect(try bench.run(.control(one, .lockFile(begin))).isLocked)
    }

    @Test(arguments: DriverFactory.all)
    func `a lock that the access does not allow is an error`(factory: DriverFactory) throws {
        let directory = try TemporaryDirectory()
        let (bench, one, _) = try twice(factory, directory)
        let reading = try bench.open(.file(directory.target("file"), .reading))
        let steps = [FileLockStep(range(0, 5), .shared), FileLockStep(range(5, 5), .exclusive)]
        #expect(try bench.run(.control(reading, .lockFile(steps))).failure == .badDescriptor)
        // What was taken before the error is free again.
        let all = [FileLockStep(range(0, 5), .exclusive)]
        #expect(try bench.run(.control(one, .lockFile(all))).isLocked)
    }

    @Test(arguments: DriverFactory.all)
    func `a closed file has no locks`(factory: DriverFactory) throws {
        let directory = try TemporaryDirectory()
        let (bench, one, two) = try twice(factory, directory)
        let steps = [FileLockStep(range(0, 5), .exclusive)]
        #expect(try bench.run(.control(one, .lockFile(steps))).isLocked)
        #expect(try bench.run(.close(one, reset: false)).isDone)
        try bench.turn(until: "the lock is free") {
            (try? bench.run(.control(two, .lockFile(steps))).isLocked) == true
        }
    }

    @Test(arguments: DriverFactory.all)
    func `a read is short at the end only, and keeps no more room than it needs`(
        factory: DriverFactory
    ) throws {
        let directory = try TemporaryDirectory()
        let (bench, one, _) = try twice(factory, directory)
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        #expect(try bench.run(.writeAt(one, offset: 0, bytes: bytes)).count == bytes.count)
        let some = try bench.run(.readAt(one, offset: 1, limit: 200_000)).bytes
        #expect(some == Array(bytes[1...200_000]))
        let end = try bench.run(.readAt(one, offset: 299_990, limit: 16 << 20)).bytes
        #expect(end == Array(bytes.suffix(10)))
        #expect(end.capacity < 1_000)
    }

    @Test(arguments: DriverFactory.all)
    func `a link may lead to where another rule admits it, and nowhere else`(
        factory: DriverFactory
    ) throws {
        let bench = try DriverBench(factory)
        let directory = try TemporaryDirectory()
        let other = try TemporaryDirectory()
        let outside = try TemporaryDirectory()
        other.makeFile("a.csv", "1")
        other.makeFile("a.txt", "2")
        outside.makeFile("secret", "3")
        directory.makeFile("plain", "4")
        symlink(directory.path + "/plain", directory.path + "/absolute")
        symlink(other.path + "/a.csv", directory.path + "/csv")
        symlink(other.path + "/a.txt", directory.path + "/txt")
        symlink(outside.path + "/secret", directory.path + "/secret")
        symlink(outside.path + "/missing", directory.path + "/missing")
        // A rule's directory may be reached by a link.
        symlink(other.path, outside.path + "/way")
        func failure(_ name: String, _ places: AllowedPlace...) throws -> Errno? {
            var target = directory.target(name)
            target.linkTargets = [AllowedPlace(directory: directory.path)] + places
            return try bench.run(.open(.file(target, .reading))).failure
        }
        let csv = AllowedPlace(
            directory: outside.path + "/way", pattern: .init(before: "", after: ".csv"))
        #expect(try failure("plain") == nil)
        #expect(try failure("absolute") == nil)
        #expect(try failure("csv") == .crossesDevice)
        #expect(try failure("csv", csv) == nil)
        #expect(try failure("txt", csv) == .crossesDevice)
        // There or not, it is denied in the same way.
        for name in ["secret", "missing"] { #expect(try failure(name, csv) == .crossesDevice) }
    }

    @Test(arguments: DriverFactory.all)
    func `a link that leads nowhere is not made into a file`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let directory = try TemporaryDirectory()
        symlink("nowhere", directory.path + "/link")
        let result = try bench.run(.open(.file(directory.target("link"), Self.all)))
        #expect(result.failure == Errno(EEXIST))
        #expect(directory.entries(of: "") == ["link"])
    }

    @Test(arguments: DriverFactory.all)
    func `the kernel's own state is no file`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        for (directory, name) in [("/proc", "cpuinfo"), ("/", "proc/self/environ")] {
            let target = PathTarget(directory: directory, relative: name)
            #expect(try bench.run(.open(.file(target, .reading))).failure == Errno(ESPIPE))
        }
    }
}

extension StepResult {
    /// Whether locks are held; an error if it is about something else.
    var isLocked: Bool {
        get throws {
            guard case .control(.locked(let isHeld)) = self else {
                throw DriverBench.Unexpected(result: "\(self)")
            }
            return isHeld
        }
    }
}
