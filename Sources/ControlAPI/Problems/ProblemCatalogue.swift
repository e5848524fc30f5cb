/// One way in which a request is refused: a code that clients match on, and the words for it.
///
/// The same for every occurrence; what is particular to one stands in the problem's `detail`.
public struct ProblemKind: Hashable, Sendable {
    /// The stable code, `noun.condition`, such as `port.full`.
    public let code: String
    /// The HTTP status.
    public let status: Int
    /// A few words, the same in every problem of this code.
    public let title: String
    /// Whether the very same request may succeed later.
    public let retryable: Bool
    /// What it means, and why it is so: one paragraph.
    public let meaning: String
    /// How to mend it.
    public let mend: String

    /// Where the `type` of a problem leads.
    public var path: String { "/problems/" + code }
}

/// Every code that the daemon answers with.
///
/// A contract test compares it with the OpenAPI document, so a code is added in both.
public enum ProblemCatalogue {
    /// All kinds, ordered by code.
    public static let all: [ProblemKind] = [
        .acceptUnsupported, .bodyInvalid, .bodyInvalidJSON, .bodyMissing, .bodyTooLarge,
        .bodyUnexpected, .consumerTooManyAlerts, .contentEncodingUnsupported,
        .contentTypeUnsupported, .controlUnknown, .dataTooLong, .hostDenied, .idempotencyInProgress,
        .idempotencyInline, .idempotencyKeyReused, .methodNotAllowed, .nameInvalid,
        .operationAccessDenied, .operationCancelled, .operationCompleted, .operationFailed,
        .operationUnknown,
        .operationUnsupported, .optionsUnsupported, .originDenied, .packetBytesDiffer,
        .portBatchTooLarge, .portClosed, .portFull, .portNotEmpty, .portSettingsDiffer,
        .portTooManyWaiters, .portUnknown, .problemUnknown, .requestHeadersTooLarge,
        .requestMalformed, .requestQueryConflict, .requestQueryInvalid, .requestTargetInvalid,
        .requestTargetTooLong, .requestTimeout, .routeUnknown, .serviceDraining, .serviceInternal,
        .serviceOverloaded, .serviceTooManyPorts, .serviceTooManySessions, .sessionClosed,
        .sessionLockLost, .sessionLocked,
        .sessionNotOpen, .sessionOpenFailed, .sessionOutputShut, .sessionStandingReadActive,
        .sessionTooManyPending, .sessionTooManyPendingBytes, .sessionUnknown, .sessionWaitPending,
        .settleConflict,
        .targetDenied, .transferEncodingUnsupported, .uriInvalid,
    ]

    /// The kind with this code, or `nil` if there is none.
    public static func kind(_ code: String) -> ProblemKind? { byCode[code] }

    private static let byCode = Dictionary(
        all.map { ($0.code, $0) },
        uniquingKeysWith: { first, _ in first }
    )
}
