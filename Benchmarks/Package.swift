// swift-tools-version: 6.2
import PackageDescription

// As in the root package, which these programs measure.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v26)],
    dependencies: [
        .package(name: "aloft", path: ".."),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/swhitty/FlyingFox.git", from: "0.27.1"),
    ],
    targets: [
        // What Swift's Glibc module leaves out of Linux.
        .systemLibrary(name: "CBench"),

        // OpenSSL and zlib, for a client that encrypts and compresses.
        .systemLibrary(name: "CBenchLibraries", providers: [.apt(["libssl-dev", "zlib1g-dev"])]),

        // The load generator and judge, on Linux's epoll and /proc. It knows nothing of the libraries it measures.
        .executableTarget(
            name: "bench",
            dependencies: [
                "CBench",
                "CBenchLibraries",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),

        // The library's echo server, in each of its three ways to receive.
        .executableTarget(
            name: "aloft-echo",
            dependencies: [
                .product(name: "WebSocketCore", package: "aloft"),
                .product(name: "WebSockets", package: "aloft"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),

        // Hot paths of the core, one at a time, whose instructions are counted.
        .executableTarget(
            name: "core-paths",
            dependencies: [.product(name: "WebSocketCore", package: "aloft")],
            swiftSettings: settings
        ),

        // The peer: an echo server on the WebSocket pipeline that comes with SwiftNIO.
        .executableTarget(
            name: "stock-nio-echo",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),

        // A peer: an echo server on FlyingFox, which is written on Swift's concurrency alone.
        .executableTarget(
            name: "flyingfox-echo",
            dependencies: [
                .product(name: "FlyingFox", package: "FlyingFox"),
                .product(name: "FlyingSocks", package: "FlyingFox"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
    ]
)
