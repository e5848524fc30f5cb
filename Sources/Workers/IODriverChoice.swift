/// Which driver the workers are to use.
public enum IODriverChoice: String, Sendable {
    /// The one that serves devices fastest on most machines: epoll.
    case auto
    /// io_uring; epoll where the kernel or the container refuses it.
    case uring
    case epoll
}
