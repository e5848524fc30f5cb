import EngineBase
import Glibc
import LinuxSystem
import Testing

/// The two ways to stay below a directory answer alike.
@Suite struct `Opening below a directory` {
    @Test(arguments: [false, true])
    func `links inside are followed and links outside are not`(avoidingOpenat2: Bool) throws {
        var template = Array("/tmp/iocpd-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let path = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
        defer {
            for name in ["file", "inside", "outside", "inner/file", "inner/up"] {
                unlink(path + "/" + name)
            }
            rmdir(path + "/inner")
            rmdir(path)
        }
        #expect(mkdir(path + "/inner", 0o700) == 0)
        for name in ["/file", "/inner/file"] {
            let made = open(path + name, O_CREAT | O_WRONLY, 0o600)
            try #require(made >= 0)
            close(made)
        }
        #expect(symlink("inner/file", path + "/inside") == 0)
        #expect(symlink("/etc/passwd", path + "/outside") == 0)
        #expect(symlink("../../../etc/passwd", path + "/inner/up") == 0)

        let directory = try OwnedDescriptor.directory(path)
        func kind(_ name: String) throws(Errno) -> FileKind {
            let handle = try directory.handle(below: name, avoidingOpenat2: avoidingOpenat2)
            return try handle.identity().kind
        }
        #expect(try kind("file") == .regular)
        #expect(try kind("inside") == .regular)
        #expect(try kind("inner") == .directory)
        #expect(throws: Errno.notFound) { try kind("none") }
        for name in ["outside", "inner/up", "../etc", "/etc/passwd"] {
            #expect(throws: Errno(EXDEV), "\(name)") { try kind(name) }
        }
    }

    @Test func `a handle opens what was looked at`() throws {
        let directory = try OwnedDescriptor.directory("/dev")
        let handle = try directory.handle(below: "null")
        #expect(try handle.identity().kind == .other)
        let opened = try handle.reopened(flags: O_WRONLY)
        #expect(try opened.write([1, 2, 3], from: 1) == 2)
        #expect(throws: Errno.badDescriptor) { _ = try handle.write([1], from: 0) }
    }
}
