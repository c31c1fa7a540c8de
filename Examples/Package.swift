// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// The name keeps the dependency independent of the directory the repository was cloned into.
let core = Target.Dependency.product(name: "WebSocketCore", package: "aloft")
let sockets = Target.Dependency.product(name: "WebSockets", package: "aloft")
let testing = Target.Dependency.product(name: "WebSocketTesting", package: "aloft")

let package = Package(
    name: "Examples",
    platforms: [.macOS(.v26)],
    dependencies: [.package(name: "aloft", path: "..")],
    targets: [
        .executableTarget(name: "echo-server", dependencies: [sockets], swiftSettings: settings),
        .executableTarget(name: "fast-echo", dependencies: [core, sockets], swiftSettings: settings),
        .executableTarget(name: "chat-server", dependencies: [core, sockets], swiftSettings: settings),
        .executableTarget(name: "client", dependencies: [core, sockets], swiftSettings: settings),
        .executableTarget(name: "reconnecting-client", dependencies: [core, sockets], swiftSettings: settings),
        .executableTarget(name: "guarded-server", dependencies: [core, sockets], swiftSettings: settings),
        .executableTarget(name: "core-by-hand", dependencies: [core, testing], swiftSettings: settings),
    ]
)
