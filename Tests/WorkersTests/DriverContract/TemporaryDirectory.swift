import DeviceSessions
import EngineBase
import Glibc
import Testing

/// A directory of a test's own, removed with what is in it.
final class TemporaryDirectory {
    let path: String

    var name: String { String(path.split(separator: "/").last ?? "") }

    init() throws {
        var template = Array("/tmp/iocpd-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno.current }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { remove("") }

    func target(_ relative: String) -> PathTarget {
        PathTarget(directory: path, relative: relative)
    }

    func makeDirectory(_ name: String) { #expect(mkdir(full(name), 0o700) == 0) }

    func makeFile(_ name: String, _ contents: String) {
        let descriptor = open(full(name), O_CREAT | O_EXCL | O_WRONLY, 0o600)
        #expect(write(descriptor, contents, contents.utf8.count) == contents.utf8.count)
        close(descriptor)
    }

    /// Leaves a socket file behind that nobody listens on.
    func makeStaleSocket(_ name: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var raw = sockaddr_un()
        raw.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &raw.sun_path) { $0.copyBytes(from: Array(full(name).utf8)) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &raw) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size)
            }
        }
        guard result == 0 else { throw Errno.current }
    }

    func mode(of name: String) -> UInt32 {
        var status = stat()
        guard lstat(full(name), &status) == 0 else { return .max }
        return status.st_mode & 0o7777
    }

    func contents(of name: String) -> [UInt8] {
        let descriptor = open(full(name), O_RDONLY)
        defer { close(descriptor) }
        var room = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &room, room.count)
        return Array(room.prefix(max(count, 0)))
    }

    func entries(of name: String) -> [String] {
        guard let directory = opendir(full(name)) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private func full(_ name: String) -> String { name.isEmpty ? path : path + "/" + name }

    private func remove(_ name: String) {
        for entry in entries(of: name) {
            let inner = name.isEmpty ? entry : name + "/" + entry
            if unlink(full(inner)) != 0 { remove(inner) }
        }
        rmdir(full(name))
    }
}
