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
let embedded = Target.Dependency.product(name: "WebSocketsNIO", package: "aloft")
let testing = Target.Dependency.product(name: "WebSocketTesting", package: "aloft")

let package = Package(
    name: "Examples",
    platforms: [.macOS(.v26)],
    // What only examples need is not in the libraries' own manifest.
    dependencies: [
        .package(name: "aloft", path: ".."),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
    ],
    targets: [
        .executableTarget(name: "echo-server", dependencies: [sockets], swiftSettings: settings),
        .executableTarget(name: "fast-echo", dependencies: [core, sockets], swiftSettings: settings),
        .executableTarget(name: "chat-server", dependencies: [core, sockets], swiftSettings: settings),
        .executableTarget(name: "client", dependencies: [core, sockets], swiftSettings: settings),
        .executableTarget(name: "reconnecting-client", dependencies: [core, sockets], swiftSettings: settings),
        .executableTarget(name: "guarded-server", dependencies: [core, sockets], swiftSettings: settings),
        .executableTarget(
            name: "tls-server",
            dependencies: [
                core, sockets,
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "nio-server",
            dependencies: [
                sockets, embedded,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "hummingbird-chat",
            dependencies: [
                core, sockets, embedded,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Sources/HummingbirdChat",
            swiftSettings: settings
        ),
        .executableTarget(name: "core-by-hand", dependencies: [core, testing], swiftSettings: settings),
    ]
)
