import CLinux
import EngineBase
import Glibc

// What becomes of a connection whose client has ended its sending.
//
// libmicrohttpd stops reading when it got less than it asked for, and an end that arrived together
// with the last bytes does not wake it again: half a request would wait for its deadline. Whether
// a request is half or whole only the library can say, since it may have read bytes that it has
// not looked at. So once nothing lies unread, receiving is ended on this side too. That takes
// nothing away, for the client sends no more; but it wakes the library, which reads once more,
// finds the end, and closes a connection whose request is not whole.
extension HTTPConnection {
    /// Has the watch tell when the client ends its sending.
    func watchForHangup() {
        state.withLock { state in
            state.isWatched = core.hangups.addHangup(descriptor, token: watchToken)
        }
    }

    /// The watch has seen the end of the client's sending, or of the connection.
    ///
    /// - Returns: whether bytes before that end lie unread: ``showEnd()`` is to be called soon.
    func hangupSeen() -> Bool {
        let (onHangup, isUnread) = state.withLock { state in
            state.isGone = true
            defer { state.onHangup = nil }
            return (state.onHangup, !showEnd(state))
        }
        onHangup?()
        return isUnread
    }

    /// Shows the library the client's end, if it has read all before it; else gives `false`.
    func showEnd() -> Bool { state.withLock { showEnd($0) } }

    private func showEnd(_ state: ExchangeState) -> Bool {
        // While there is a request to answer nothing more is read; its end brings the watch back.
        guard state.isReading else { return true }
        var unread: Int32 = 0
        guard ioctl(descriptor, UInt(FIONREAD), &unread) == 0 else { return true }
        guard unread == 0 else { return false }
        shutdown(descriptor, Int32(SHUT_RD))
        return true
    }
}
