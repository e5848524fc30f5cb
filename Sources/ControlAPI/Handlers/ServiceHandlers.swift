import DeviceSessions
import HTTPListener
import JSONText
import Transports

/// What the daemon says of itself.
enum ServiceHandlers {
    static func info(_ call: APICall) throws(Problem) -> HTTPReply? {
        let service = call.service
        let transports = TransportRegistry.all.map(\.description)
        return call.json(reserving: 2_048) { writer in
            writer.object { writer in
                writer.member("name", "iocpd")
                writer.member("version", service.identity.version)
                writer.member("api_versions", ["v1"])
                writer.member("io_driver", service.identity.ioDriver)
                writer.member("listening", service.addresses)
                writer.array("transports") { writer in
                    for transport in transports {
                        writer.object { writer in
                            writer.member("scheme", transport.scheme)
                            writer.member("kind", transport.kind)
                            writer.member("uri_parameters", transport.uriParameters.map(\.name))
                            writer.member("options", transport.options.map(\.name))
                            writer.member("operations", transport.abilities.operations)
                            writer.member(
                                "controls",
                                TransportRegistry.controls(
                                    of: transport.scheme, raw: service.allowsRawControls
                                ).map(\.name))
                            if !transport.acceptedOperations.isEmpty {
                                writer.member(
                                    "accepted_operations", transport.acceptedOperations)
                            }
                        }
                    }
                }
                writer.member("operations", TransportRegistry.operationNames)
                writer.object("limits") { writer in
                    for (name, path) in ServiceLimits.all {
                        writer.member(named: name)
                        writer.integer(service.limits[keyPath: path])
                    }
                }
            }
        }
    }

    static func document(_ call: APICall) throws(Problem) -> HTTPReply? {
        HTTPReply(
            status: 200, contentType: "application/json",
            body: Array(OpenAPIDocument.json.utf8) + [0x0A])
    }

    static func live(_ call: APICall) throws(Problem) -> HTTPReply? { healthy(call, checks: []) }

    static func ready(_ call: APICall) throws(Problem) -> HTTPReply? {
        try call.refuseWhileDraining()
        return healthy(
            call, checks: call.query.has("verbose") ? ["listener", "workers", "not_draining"] : [])
    }

    private static func healthy(_ call: APICall, checks: [String]) -> HTTPReply {
        call.json(reserving: 64) { writer in
            writer.object { writer in
                writer.member("status", "ok")
                if !checks.isEmpty {
                    writer.array("checks") { writer in
                        for check in checks {
                            writer.object { writer in
                                writer.member("check", check)
                                writer.member("status", "ok")
                            }
                        }
                    }
                }
            }
        }
    }
}
