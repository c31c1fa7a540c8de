import Foundation

/// The TCP sockets of this process.
enum Sockets {
    /// How many file descriptors of this process are connections whose local port is `port`: the server's end of them.
    static func count(localPort port: Int) throws -> Int {
        let wanted = String(port, radix: 16, uppercase: true)
        let padded = String(repeating: "0", count: max(0, 4 - wanted.count)) + wanted
        var inodes: Set<String> = []
        for line in try String(contentsOfFile: "/proc/self/net/tcp", encoding: .utf8).split(separator: "\n").dropFirst()
        {
            let columns = line.split(separator: " ")
            guard columns.count > 9, columns[1].hasSuffix(":" + padded) else { continue }
            inodes.insert("socket:[\(columns[9])]")
        }
        var count = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)"),
                inodes.contains(target)
            {
                count += 1
            }
        }
        return count
    }
}
