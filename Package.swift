// swift-tools-version: 6.2
import PackageDescription

// What every target is compiled with. `Lifetimes` lets a method return a span of what it owns.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]

// Where the compiler also refuses every unsafe use that is not marked (SE-0458): see "Unsafe code" in CONTRIBUTING.md.
let strictSettings = settings + [.strictMemorySafety()]

let package = Package(
    name: "aloft",
    platforms: [.macOS(.v26), .iOS(.v26), .tvOS(.v26), .watchOS(.v26), .visionOS(.v26)],
    products: [
        .library(name: "WebSocketCore", targets: ["WebSocketCore"]),
        .library(name: "WebSockets", targets: ["WebSockets"]),
        .library(name: "WebSocketsNIO", targets: ["WebSocketsNIO"]),
        .library(name: "WebSocketTesting", targets: ["WebSocketTesting"]),
        .executable(name: "aloft", targets: ["aloft"]),
        .executable(name: "autobahn-client", targets: ["autobahn-client"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", from: "0.2.0"),
    ],
    targets: [
        // The system zlib.
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),

        // RFC 6455 and RFC 7692, both roles. Pure: no I/O, no clock, no randomness of its own.
        .target(name: "WebSocketCore", dependencies: ["CZlib"], swiftSettings: strictSettings),

        // epoll, eventfd and scattered writes as Swift can call them.
        .target(name: "CLinux"),

        // Event loops on epoll: accept, read, write, timers, wake-ups. Empty on other systems.
        .target(
            name: "LinuxTransport",
            dependencies: [
                .target(name: "CLinux", condition: .when(platforms: [.linux])),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "HeapModule", package: "swift-collections"),
            ],
            swiftSettings: settings
        ),

        // The public server and client; drives the core on SwiftNIO.
        .target(
            name: "WebSockets",
            dependencies: [
                "WebSocketCore",
                .target(name: "LinuxTransport", condition: .when(platforms: [.linux])),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),

        // WebSockets on the channels of somebody else's SwiftNIO server.
        .target(
            name: "WebSocketsNIO",
            dependencies: [
                "WebSocketCore", "WebSockets",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),

        // A wired in-memory pair, a manual clock, seeded randomness.
        .target(name: "WebSocketTesting", dependencies: ["WebSocketCore"], swiftSettings: strictSettings),

        // What `aloft bench` does: plans and measures load, and reports it. Not a product: the command is.
        .target(
            name: "LoadGenerator",
            dependencies: [
                "WebSocketCore", "WebSockets",
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),

        // The one executable: server and tools.
        .executableTarget(
            name: "aloft",
            dependencies: [
                "LoadGenerator", "WebSocketCore", "WebSockets",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            resources: [
                .embedInCode("Pages/chat.html"), .embedInCode("Pages/chat.css"), .embedInCode("Pages/chat.js"),
            ],
            swiftSettings: settings
        ),

        // Runs every case of Autobahn's fuzzing server with our client.
        .executableTarget(
            name: "autobahn-client",
            dependencies: [
                "WebSockets",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),

        .testTarget(
            name: "WebSocketCoreTests", dependencies: ["WebSocketCore", "WebSocketTesting"], swiftSettings: settings),
        .testTarget(
            name: "RFC6455Tests", dependencies: ["WebSocketCore", "WebSocketTesting"], swiftSettings: settings),
        .testTarget(
            name: "RFC7692Tests", dependencies: ["WebSocketCore", "WebSocketTesting"], swiftSettings: settings),
        .testTarget(
            name: "WebSocketsTests",
            dependencies: [
                "WebSocketCore", "WebSockets", "WebSocketTesting",
                .target(name: "LinuxTransport", condition: .when(platforms: [.linux])),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "WebSocketsNIOTests",
            dependencies: [
                "WebSocketCore", "WebSockets", "WebSocketsNIO",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "LinuxTransportTests",
            dependencies: [
                .target(name: "CLinux", condition: .when(platforms: [.linux])),
                .target(name: "LinuxTransport", condition: .when(platforms: [.linux])),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "LoadGeneratorTests",
            dependencies: [
                "LoadGenerator", "WebSocketCore", "WebSockets",
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .testTarget(name: "ArchitectureTests", swiftSettings: settings),
    ]
)
