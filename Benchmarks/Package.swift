// swift-tools-version: 6.2
import PackageDescription

/// The settings of the daemon's own package.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let engine: [Target.Dependency] = [
    .product(name: "EngineBase", package: "iocpd"),
    .product(name: "PortEngine", package: "iocpd"),
]

let package = Package(
    name: "iocpd-benchmarks",
    dependencies: [.package(name: "iocpd", path: "..")],
    targets: [
        .target(name: "BenchTools", dependencies: engine, swiftSettings: settings),
        .executableTarget(
            name: "engine-bench", dependencies: ["BenchTools"] + engine,
            path: "Sources/EngineBench", swiftSettings: settings),
        .executableTarget(
            name: "hot-paths",
            dependencies: ["BenchTools", .product(name: "JSONText", package: "iocpd")] + engine,
            path: "Sources/HotPaths", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
