public import DeviceSessions
public import EngineBase

/// What a descriptor of a scripted driver stands for, where it is no plain stream: a socket of
/// messages, a file, a serial line, or a stream that a simulation looks into.
///
/// One thread, the simulation's, makes every call.
public protocol ScriptedDevice: AnyObject {
    /// Connects; false is "not yet", and the driver asks again.
    func connect(to target: ScriptedTarget) throws(Errno) -> Bool

    /// A step has been asked for; it may be done much later.
    func submitted(_ step: KernelStep)

    /// Does a step if that is possible now; `nil` is "not now".
    func perform(_ step: KernelStep) throws(Errno) -> StepResult?

    /// Whether a wait could do the step now.
    func isReady(for step: KernelStep) -> Bool

    /// Whether a cancel can end the step: what a thread does in the kernel cannot be called back.
    func canBeCalledBack(_ step: KernelStep) -> Bool

    /// The next client of a listener.
    func nextClient() -> (device: any ScriptedDevice, peer: SocketAddress)?

    /// Whether the far end has gone.
    var hasHungUp: Bool { get }

    /// What a step came to has been told to the worker.
    func told(_ step: KernelStep, _ result: StepResult)

    /// The descriptor is closed.
    func close(reset: Bool)
}

extension ScriptedDevice {
    /// It cannot be connected.
    public func connect(to target: ScriptedTarget) throws(Errno) -> Bool { throw .notSupported }
    /// It takes no note.
    public func submitted(_ step: KernelStep) {}
    /// It can.
    public func canBeCalledBack(_ step: KernelStep) -> Bool { true }
    /// It is no listener.
    public func nextClient() -> (device: any ScriptedDevice, peer: SocketAddress)? { nil }
    /// It has no far end that could go.
    public var hasHungUp: Bool { false }
    /// It takes no note.
    public func told(_ step: KernelStep, _ result: StepResult) {}
}
